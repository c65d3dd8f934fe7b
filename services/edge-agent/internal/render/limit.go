package render

import (
	"fmt"
	"slices"
)

// rate is how many requests a second are taken for a site, 0 for as many as come.
type rate int

// rates are few, because each is a zone of memory of its own, whichever tenant asks for it.
var rates = []rate{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}

func parseRate(value int32) (rate, error) {
	if value != 0 && !slices.Contains(rates, rate(value)) {
		return 0, fmt.Errorf("%d is none of %v", value, rates)
	}
	return rate(value), nil
}

// limit is the rate that counts; in maintenance nothing is forwarded.
func (s *site) limit() rate {
	if s.options.maintenance {
		return 0
	}
	return s.options.rate
}

const (
	// leastZone holds 256 sites.
	leastZone = 64 << 10
	// stateBytes is what nginx keeps of a key on 64 bits, 128, and room to spare
	// (nginx.org/en/docs/http/ngx_http_limit_req_module.html).
	stateBytes = 256
)

// limits are the zones that the sites need, by rate.
type limits map[rate]literal

// limitsOf names each zone by everything that defines it: a reload that gave a zone
// another definition would return 0, and leave the old configuration running.
func limitsOf(profiles []*profile) limits {
	sites := map[rate]int{}
	for _, profile := range profiles {
		if of := profile.sites[0].limit(); of > 0 {
			sites[of] += len(profile.sites)
		}
	}
	zones := limits{}
	for of, count := range sites {
		size := leastZone
		for size < count*stateBytes {
			size *= 2
		}
		zones[of] = "rate_" + decimal(int(of)) + "_" + decimal(size>>10) + "k"
	}
	return zones
}

// zones writes them, slowest first.
func (l limits) zones(c *conf) {
	if len(l) == 0 {
		return
	}
	c.blank()
	c.comment("Limits, by what they are: the name of a zone says its rate and its size.")
	for _, of := range rates {
		if name, used := l[of]; used {
			size := name[len("rate_"+decimal(int(of))+"_"):]
			c.directive("limit_req_zone", literal("$siteplane_limited"), "zone="+name+":"+size, "rate="+decimal(int(of))+"r/s")
		}
	}
}

// limit is for locations that lead to the tenant: probes are never limited.
func (l limits) limit(c *conf, of rate) {
	if of == 0 {
		return
	}
	c.directive("limit_req", "zone="+l[of], "burst="+decimal(2*int(of)), literal("nodelay"))
	c.directive("limit_req_status", literal("429"))
}

// limitMap names what is counted: a site, whichever of its hostnames is asked for.
func limitMap(c *conf, sites []*site) {
	if !slices.ContainsFunc(sites, func(site *site) bool { return site.limit() > 0 }) {
		return
	}
	c.blank()
	c.comment("The sites that are limited.")
	c.block("map", tokens(literal("$host"), literal("$siteplane_limited")), func() {
		for _, site := range sites {
			if site.limit() == 0 {
				continue
			}
			for _, hostname := range site.hostnames {
				c.entry(hostname, site.id)
			}
		}
	})
}
