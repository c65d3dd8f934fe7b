package render

// renderProxies makes nginx take the client's address and scheme from proxies
// that are trusted, and from nobody else. $realip_remote_addr is the peer itself,
// whatever its headers say.
func renderProxies(c *conf, layout Layout) {
	if len(layout.TrustedProxies) == 0 {
		return
	}
	c.comment("Proxies in front of this edge: they say who the client is and how it came.")
	for _, network := range layout.TrustedProxies {
		c.directive("set_real_ip_from", literal(network))
	}
	c.directive("real_ip_header", literal(layout.RealIPHeader))
	c.directive("real_ip_recursive", literal("on"))
	c.block("geo", tokens(literal("$realip_remote_addr"), literal("$siteplane_trusted")), func() {
		c.entry(literal("default"), literal("0"))
		for _, network := range layout.TrustedProxies {
			c.entry(literal(network), literal("1"))
		}
	})
	c.block("map", tokens(literal("$siteplane_trusted:$http_x_forwarded_proto"), literal("$siteplane_scheme")), func() {
		c.entry(literal("default"), literal("$scheme"))
		c.entry(literal("1:http"), literal("http"))
		c.entry(literal("1:https"), literal("https"))
	})
	c.blank()
}
