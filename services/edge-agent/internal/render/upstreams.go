package render

func upstreamName(site *site, name literal) literal {
	return literal(site.id.Token()) + "_" + name
}

func renderUpstreams(sites []*site, origins origins) []byte {
	c := new(conf)
	c.comment(
		"Origins to which connections are kept: the addresses that most hostnames lead",
		"to, named after the address and shared by all sites that have it, and origins",
		"with several targets, named after their site. nginx pays for every block, so",
		"for the rest maps.conf holds the address itself.",
	)
	// nginx looks for a block from the first to the last, at each request.
	for _, address := range origins.ranked {
		renderUpstream(c, origins.kept[address], func() { c.directive("server", address) })
	}
	for _, site := range sites {
		renderPool(c, upstreamName(site, originName), site.origin)
		for index, route := range site.routes {
			renderPool(c, upstreamName(site, routeName(index)), route.origin)
		}
	}
	return c.bytes()
}

func renderPool(c *conf, name literal, targets []target) {
	if len(targets) < 2 {
		return
	}
	renderUpstream(c, name, func() {
		for _, target := range targets {
			c.directive("server", target.address, literal("weight="+target.weight.Token()))
		}
	})
}

// renderUpstream lets go of idle connections before origins do, many after 5 s:
// a POST on one that the origin closes at that moment would be answered 502.
func renderUpstream(c *conf, name literal, servers func()) {
	c.blank()
	c.block("upstream", tokens(name), func() {
		servers()
		c.directive("keepalive", literal("16"))
		c.directive("keepalive_timeout", literal("4s"))
	})
}
