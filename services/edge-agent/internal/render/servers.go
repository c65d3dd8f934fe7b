package render

import (
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

func renderServers(layout Layout, profiles []*profile) []byte {
	c := new(conf)
	sites := 0
	for _, profile := range profiles {
		sites += len(profile.sites)
	}
	c.buffer.Grow(sites * serversPerSite)
	c.comment(
		"Server blocks. Sites with equal options share a profile: one public block for",
		"their hostnames and one internal block, with the same locations, for their",
		"internal names. maps.conf says where each host goes.",
	)
	c.blank()
	c.comment("Names that no site has, and internal names asked in public: 421.")
	defaultServer(c, layout, public)
	c.blank()
	defaultServer(c, layout, internal)
	renderTLS(c, layout, profiles)
	limits := limitsOf(profiles)
	limits.zones(c)
	for _, profile := range profiles {
		renderProfile(c, layout, limits, profile)
	}
	return c.bytes()
}

// side is who can ask a server block.
type side int

const (
	public side = iota
	// secure is public with TLS.
	secure
	internal
)

func defaultServer(c *conf, layout Layout, side side) {
	c.block("server", nil, func() {
		for _, address := range listen(layout, side) {
			c.directive("listen", address, literal("default_server"))
		}
		if side == secure {
			c.directive("ssl_reject_handshake", literal("on"))
			c.directive("ssl_protocols", literal("TLSv1.2"), literal("TLSv1.3"))
		}
		accessLog(c, layout, side)
		c.directive("return", literal("421"))
	})
}

func listen(layout Layout, side side) []encode.Token {
	if side == internal {
		return tokens(literal("unix:" + layout.InternalSocket))
	}
	addresses, suffix := layout.PublicListen, literal("")
	if side == secure {
		addresses, suffix = layout.TLSListen, " ssl"
	}
	listen := make([]encode.Token, 0, len(addresses))
	for _, address := range addresses {
		listen = append(listen, literal(address)+suffix)
	}
	return listen
}

func renderProfile(c *conf, layout Layout, limits limits, profile *profile) {
	var publicNames, internalNames []encode.Token
	for _, site := range profile.sites {
		for _, hostname := range site.hostnames {
			publicNames = append(publicNames, hostname)
		}
		internalNames = append(internalNames, site.internal)
	}
	c.blank()
	c.comment("Profile " + literal(profile.id) + ", sites: " + decimal(len(profile.sites)))
	if len(publicNames) > 0 {
		renderServer(c, layout, limits, public, publicNames, profile.sites[0])
	}
	if names := secureNames(layout, profile); len(layout.TLSListen) > 0 && len(names) > 0 {
		c.comment("The same with TLS, for the hostnames that have a certificate.")
		renderServer(c, layout, limits, secure, names, profile.sites[0])
	}
	c.comment("The same for the internal names.")
	renderServer(c, layout, nil, internal, internalNames, profile.sites[0])
}

// renderServer takes what the sites of a profile share from any one of them. Without limits
// nothing is limited.
func renderServer(c *conf, layout Layout, limits limits, side side, names []encode.Token, shared *site) {
	c.block("server", nil, func() {
		for _, address := range listen(layout, side) {
			c.directive("listen", address)
		}
		c.list("server_name", names)
		accessLog(c, layout, side)
		if side == secure {
			secureDirectives(c, layout)
		}
		c.blank()
		renderLocations(c, layout, limits, shared)
		probeLocation(c)
		if side == internal {
			siteLocation(c)
		}
	})
}

func renderLocations(c *conf, layout Layout, limits limits, shared *site) {
	if shared.options.maintenance {
		maintenanceLocation(c)
		return
	}
	renderOptions(c, layout, shared.options)
	c.blank()
	limit := func() {
		if limits != nil {
			limits.limit(c, shared.options.rate)
		}
	}
	for index, route := range shared.routes {
		routeLocations(c, limit, index, route)
	}
	backendLocation(c, limit, shared)
}

func renderOptions(c *conf, layout Layout, options options) {
	c.directive("client_max_body_size", options.maxBody)
	c.directive("proxy_connect_timeout", options.connectTimeout)
	c.directive("proxy_read_timeout", options.readTimeout)
	c.directive("proxy_send_timeout", options.readTimeout)
	c.directive("proxy_set_header", literal("Host"), literal("$host"))
	c.directive("proxy_set_header", literal("X-Forwarded-For"), literal("$remote_addr"))
	c.directive("proxy_set_header", literal("X-Forwarded-Host"), literal("$host"))
	c.directive("proxy_set_header", literal("X-Forwarded-Proto"), layout.scheme())
	c.comment("What a client says about itself under these names is not passed on.")
	c.directive("proxy_set_header", literal("Forwarded"), literal(`""`))
	c.directive("proxy_set_header", literal("X-Real-IP"), literal(`""`))
	upgradeHeaders(c, options.websocket)
	if options.compress {
		compress(c)
	}
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
func routeLocations(c *conf, limit func(), index int, route route) {
	body := func() {
		limit()
		if route.strip {
			c.directive("rewrite", literal(route.prefix.StripPattern()), literal("/$1"), literal("break"))
		}
		c.directive("proxy_pass", "http://"+routeVariable(index))
	}
	c.block("location", tokens(literal("="), route.prefix), body)
	c.block("location", tokens(literal(route.prefix.Token()+"/")), body)
}

func backendLocation(c *conf, limit func(), site *site) {
	c.block("location", tokens(literal("/")), func() {
		limit()
		if site.redirect != nil {
			c.directive("return", site.redirect.code, literal("$siteplane_redirect$request_uri"))
			return
		}
		c.directive("proxy_pass", literal("http://$siteplane_target"))
	})
}

// maintenancePage is the same for every site, and has no text of a tenant.
const maintenancePage literal = `'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Maintenance</title></head>` +
	`<body><h1>Maintenance</h1><p>This site is being worked on and will be back soon.</p></body></html>'`

// maintenanceLocation adds none of the tenant's headers: one that lets caches
// keep answers for long would keep this one.
func maintenanceLocation(c *conf) {
	c.comment("Maintenance: nothing is forwarded, and bodies of any size are thrown away.")
	c.block("location", tokens(literal("/")), func() {
		c.directive("client_max_body_size", literal("0"))
		c.directive("default_type", literal("text/html"))
		c.directive("add_header", literal("Retry-After"), literal("300"), literal("always"))
		c.directive("add_header", literal("Cache-Control"), literal("no-store"), literal("always"))
		c.directive("return", literal("503"), maintenancePage)
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
		c.directive("return", literal("200"), literal(`'{"name":"$host","revision":$siteplane_revision,"generation":$siteplane_generation}'`))
	})
}
