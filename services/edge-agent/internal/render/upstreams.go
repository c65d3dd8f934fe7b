package render

import (
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

// originToken is what a map holds for an origin: its only address, or the name
// of its upstream block.
func originToken(site *site, name literal, targets []target) encode.Token {
	if len(targets) == 1 {
		return targets[0].address
	}
	return upstreamName(site, name)
}

func upstreamName(site *site, name literal) literal {
	return literal(site.id.Token()) + "_" + name
}

func renderUpstreams(sites []*site) []byte {
	c := new(conf)
	c.comment(
		"Origins with several targets. nginx pays for every block, so an origin with",
		"one target has none: maps.conf holds its address.",
	)
	for _, site := range sites {
		renderUpstream(c, upstreamName(site, originName), site.origin)
		for index, route := range site.routes {
			renderUpstream(c, upstreamName(site, routeName(index)), route.origin)
		}
	}
	return c.bytes()
}

func renderUpstream(c *conf, name literal, targets []target) {
	if len(targets) < 2 {
		return
	}
	c.blank()
	c.block("upstream", tokens(name), func() {
		for _, target := range targets {
			c.directive("server", target.address, literal("weight="+target.weight.Token()))
		}
		c.directive("keepalive", literal("16"))
	})
}
