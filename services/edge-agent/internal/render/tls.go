package render

import (
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

// renderTLS writes what the public TLS listeners need beside the server blocks. nginx reads
// a certificate at each handshake, as the user of the workers: the path is that
// of the agent's folder and a name out of a map, never what a visitor sent.
func renderTLS(c *conf, layout Layout, profiles []*profile) {
	if len(layout.TLSListen) == 0 {
		return
	}
	c.blank()
	c.comment("TLS: the certificate of a name; names that have none are refused.")
	c.block("map", tokens(literal("$ssl_server_name"), literal("$siteplane_certificate")), func() {
		for _, profile := range profiles {
			for _, name := range secureNames(layout, profile) {
				c.entry(name, name)
			}
		}
	})
	c.comment("A request for another name than that of its handshake.")
	c.block("map", tokens(literal("$ssl_server_name:$host"), literal("$siteplane_misdirected")), func() {
		c.entry(literal("default"), literal("1"))
		c.entry(literal(`"~*^([^:]+):\1$"`), literal(`""`))
	})
	c.blank()
	defaultServer(c, layout, secure)
}

// secureNames are the hostnames of a profile that have a certificate.
func secureNames(layout Layout, profile *profile) []encode.Token {
	var names []encode.Token
	for _, site := range profile.sites {
		for _, hostname := range site.hostnames {
			if layout.Certificates[hostname.String()] {
				names = append(names, hostname)
			}
		}
	}
	return names
}

// secureDirectives are in blocks with TLS only: nginx would keep what belongs to
// it for every other block, too.
func secureDirectives(c *conf, layout Layout) {
	path := literal(layout.CertificateDir) + "/$siteplane_certificate"
	c.directive("ssl_certificate", path+".crt")
	c.directive("ssl_certificate_key", path+".key")
	c.directive("ssl_protocols", literal("TLSv1.2"), literal("TLSv1.3"))
	c.block("if", tokens(literal("($siteplane_misdirected)")), func() { c.directive("return", literal("421")) })
}
