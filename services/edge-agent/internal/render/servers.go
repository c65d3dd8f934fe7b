package render

import (
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

func renderServers(layout Layout, profiles []*profile) []byte {
	c := new(conf)
	c.comment(
		"Server blocks. Sites with equal options share a profile: one public block for",
		"their hostnames and one internal block, with the same locations, for their",
		"internal names. maps.conf says where each host goes.",
	)
	c.blank()
	c.comment("Names that no site has, and internal names asked in public: 421.")
	defaultServer(c, publicListen(layout))
	c.blank()
	defaultServer(c, internalListen(layout))
	for _, profile := range profiles {
		renderProfile(c, layout, profile)
	}
	return c.bytes()
}

func defaultServer(c *conf, listen []encode.Token) {
	c.block("server", nil, func() {
		for _, address := range listen {
			c.directive("listen", address, literal("default_server"))
		}
		c.directive("return", literal("421"))
	})
}

func publicListen(layout Layout) []encode.Token {
	listen := make([]encode.Token, 0, len(layout.PublicListen))
	for _, address := range layout.PublicListen {
		listen = append(listen, literal(address))
	}
	return listen
}

func internalListen(layout Layout) []encode.Token {
	return tokens(literal("unix:" + layout.InternalSocket))
}

func renderProfile(c *conf, layout Layout, profile *profile) {
	var public, internal []encode.Token
	for _, site := range profile.sites {
		for _, hostname := range site.hostnames {
			public = append(public, hostname)
		}
		internal = append(internal, literal(site.id.InternalName()))
	}
	c.blank()
	c.comment("Profile " + literal(profile.id) + ", sites: " + decimal(len(profile.sites)))
	if len(public) > 0 {
		renderServer(c, publicListen(layout), public, profile.sites[0], func() {})
	}
	c.comment("The same for the internal names.")
	renderServer(c, internalListen(layout), internal, profile.sites[0], func() { siteLocation(c) })
}

// renderServer takes what the sites of a profile share from any one of them.
func renderServer(c *conf, listen, names []encode.Token, shared *site, more func()) {
	c.block("server", nil, func() {
		for _, address := range listen {
			c.directive("listen", address)
		}
		c.list("server_name", names)
		c.blank()
		renderOptions(c, shared.options)
		c.blank()
		for index, route := range shared.routes {
			routeLocations(c, index, route)
		}
		backendLocation(c, shared)
		probeLocation(c)
		more()
	})
}

func renderOptions(c *conf, options options) {
	c.directive("client_max_body_size", options.maxBody)
	c.directive("proxy_connect_timeout", options.connectTimeout)
	c.directive("proxy_read_timeout", options.readTimeout)
	c.directive("proxy_send_timeout", options.readTimeout)
	c.directive("proxy_set_header", literal("Host"), literal("$host"))
	c.directive("proxy_set_header", literal("X-Forwarded-For"), literal("$remote_addr"))
	c.directive("proxy_set_header", literal("X-Forwarded-Host"), literal("$host"))
	c.directive("proxy_set_header", literal("X-Forwarded-Proto"), literal("$scheme"))
	upgradeHeaders(c, options.websocket)
	for _, header := range options.request {
		c.directive("proxy_set_header", header.name, header.value)
	}
	for _, header := range options.response {
		c.directive("add_header", header.name, header.value, literal("always"))
	}
}

func upgradeHeaders(c *conf, websocket bool) {
	if !websocket {
		c.directive("proxy_set_header", literal("Upgrade"), literal(`""`))
		c.directive("proxy_set_header", literal("Connection"), literal(`""`))
		return
	}
	c.directive("proxy_set_header", literal("Upgrade"), literal("$siteplane_upgrade"))
	c.directive("proxy_set_header", literal("Connection"), literal("$siteplane_connection"))
}

// routeLocations writes the prefix itself and everything beneath it, so that
// /api never takes /apix and nginx never answers /api by a redirect of its own.
func routeLocations(c *conf, index int, route route) {
	body := func() {
		if route.strip {
			c.directive("rewrite", literal(route.prefix.StripPattern()), literal("/$1"), literal("break"))
		}
		c.directive("proxy_pass", "http://"+routeVariable(index))
	}
	c.block("location", tokens(literal("="), route.prefix), body)
	c.block("location", tokens(literal(route.prefix.Token()+"/")), body)
}

func backendLocation(c *conf, site *site) {
	c.block("location", tokens(literal("/")), func() {
		if site.redirect != nil {
			c.directive("return", site.redirect.code, literal("$siteplane_redirect$request_uri"))
			return
		}
		c.directive("proxy_pass", literal("http://$siteplane_target"))
	})
}

func probeLocation(c *conf) {
	c.comment("The agent signs probes for hosts it holds.")
	c.block("location", tokens(literal("="), literal("/.well-known/siteplane/probe")), func() {
		c.directive("proxy_set_header", literal("Host"), literal("$host"))
		c.directive("proxy_set_header", literal("Connection"), literal(`""`))
		c.directive("proxy_pass_request_body", literal("off"))
		c.directive("proxy_set_header", literal("Content-Length"), literal(`""`))
		c.directive("proxy_connect_timeout", literal("2s"))
		c.directive("proxy_read_timeout", literal("5s"))
		c.directive("proxy_pass", literal("http://siteplane_agent"))
	})
}

func siteLocation(c *conf) {
	c.comment("Which site and revision these workers hold.")
	c.block("location", tokens(literal("="), literal("/.well-known/siteplane/site")), func() {
		c.directive("default_type", literal("application/json"))
		c.directive("return", literal("200"), literal(`'{$siteplane_site,"generation":$siteplane_generation}'`))
	})
}
