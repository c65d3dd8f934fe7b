package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx/encode"
)

// origins knows which addresses have an upstream block to which connections are
// kept. Without one, nginx connects anew for each request.
//
// nginx pays for every block, so only so many addresses that are the only target
// of an origin get one: those to which most hostnames lead, then those of the
// first site. An edge does not know which are busiest, and what it counted would
// make the files depend on more than the sites. An address that many names share
// is likely to be busy and is worth a block to all of them; among the rest, age
// decides (ids of sites grow with time), so that a new site takes nothing from an
// older one. A block is named after its address alone, so a site's entry in the
// maps changes only when its address passes the line, whatever else comes and
// goes.
type origins struct {
	// ranked are the addresses that have a block, those first that deserve it most.
	ranked []encode.Address
	// kept holds the name of the block of an address.
	kept map[encode.Address]literal
}

// chooseOrigins expects sites in the order of their ids.
func chooseOrigins(sites []*site, most int) origins {
	if most <= 0 {
		return origins{}
	}
	ranked := rank(sites)
	ranked = ranked[:min(most, len(ranked))]
	kept := make(map[encode.Address]literal, len(ranked))
	for _, address := range ranked {
		kept[address] = blockName(address)
	}
	return origins{ranked: ranked, kept: kept}
}

// rank returns the addresses that are the only target of an origin, those first
// that deserve a block first.
func rank(sites []*site) []encode.Address {
	type candidate struct{ hostnames, site int }
	candidates := map[encode.Address]candidate{}
	for index, site := range sites {
		for _, address := range site.singles() {
			found, known := candidates[address]
			if !known {
				found.site = index
			}
			found.hostnames += len(site.hostnames)
			candidates[address] = found
		}
	}
	return slices.SortedFunc(maps.Keys(candidates), func(a, b encode.Address) int {
		return cmp.Or(
			cmp.Compare(candidates[b].hostnames, candidates[a].hostnames),
			cmp.Compare(candidates[a].site, candidates[b].site),
			cmp.Compare(a.String(), b.String()),
		)
	})
}

// singles returns each address that is the only target of an origin of the site.
func (s *site) singles() []encode.Address {
	var addresses []encode.Address
	if len(s.origin) == 1 {
		addresses = append(addresses, s.origin[0].address)
	}
	for _, route := range s.routes {
		if len(route.origin) == 1 && !slices.Contains(addresses, route.origin[0].address) {
			addresses = append(addresses, route.origin[0].address)
		}
	}
	return addresses
}

// blockName begins with the hash: nginx looks a block up by going through all of
// them, at each request, and compares those names that are as long as the one it
// looks for. So the lengths differ, and then the first letters. The shortest is as
// long as the id of a profile, for the same reason.
func blockName(address encode.Address) literal {
	const shortest = 32
	sum := sha256.Sum256([]byte(address.String()))
	digits := hex.EncodeToString(sum[:])
	return literal(digits[:shortest+int(sum[0])%shortest]) + "_origin"
}

// token is what a map holds for an origin: the name of its block, or its only
// address.
func (o origins) token(site *site, name literal, targets []target) encode.Token {
	if len(targets) != 1 {
		return upstreamName(site, name)
	}
	if block, ok := o.kept[targets[0].address]; ok {
		return block
	}
	return targets[0].address
}
