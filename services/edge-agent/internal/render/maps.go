package render

import (
	"strconv"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

// mapsPerSite and serversPerSite are about how many bytes the files have for a site with
// one hostname, so that they need not be copied while they grow.
const mapsPerSite, serversPerSite = 256, 128

func renderMaps(sites []*site, origins origins, logged bool) []byte {
	c := new(conf)
	c.buffer.Grow(len(sites) * mapsPerSite)
	c.comment(
		"Where the requests of each site go. Written by the Siteplane edge agent;",
		"the next apply replaces it. Hosts below site.internal exist only on the",
		"agent's own socket.",
	)
	c.blank()
	c.comment("The origin: ip:port, or a block of upstreams.conf.")
	hostMap(c, "$siteplane_target", sites, func(site *site) (encode.Token, bool) {
		return origins.token(site, originName, site.origin), len(site.origin) > 0
	})
	c.comment("The base of a redirect.")
	hostMap(c, "$siteplane_redirect", sites, func(site *site) (encode.Token, bool) {
		if site.redirect == nil {
			return nil, false
		}
		return site.redirect.base, true
	})
	for index := range longestRoutes(sites) {
		c.comment("The origin of path route " + decimal(index) + " of a site.")
		hostMap(c, routeVariable(index), sites, func(site *site) (encode.Token, bool) {
			if index >= len(site.routes) {
				return nil, false
			}
			return origins.token(site, routeName(index), site.routes[index].origin), true
		})
	}
	revisionMap(c, sites)
	limitMap(c, sites)
	if logged {
		logMap(c, sites)
	}
	return c.bytes()
}

// hostMap writes a map from every host of the sites that have a value.
func hostMap(c *conf, variable literal, sites []*site, value func(*site) (encode.Token, bool)) {
	c.block("map", tokens(literal("$host"), variable), func() {
		for _, site := range sites {
			token, ok := value(site)
			if !ok {
				continue
			}
			for _, host := range site.hosts() {
				c.entry(host, token)
			}
		}
	})
	c.blank()
}

// revisionMap tells the agent's own probe which revision of a site the workers hold.
// nginx keeps every byte of a map, so the id, which the name has, is not said again.
func revisionMap(c *conf, sites []*site) {
	c.comment("What the agent's probe asks for: the revision of a site.")
	c.block("map", tokens(literal("$host"), literal("$siteplane_revision")), func() {
		for _, site := range sites {
			c.entry(site.internal, site.revision)
		}
	})
}

func longestRoutes(sites []*site) int {
	longest := 0
	for _, site := range sites {
		longest = max(longest, len(site.routes))
	}
	return longest
}

const originName literal = "origin"

func routeName(index int) literal { return "route_" + decimal(index) }

func routeVariable(index int) literal { return "$siteplane_route_" + decimal(index) }

func decimal(number int) literal { return literal(strconv.Itoa(number)) }
