// Package reach decides which addresses the validator takes for reachable by
// visitors and is willing to talk to itself. Hostnames come from tenants, so an
// address that they lead to may point into our own network.
//
// It owns nothing but the rule; the ranges are in platform's netrange.
package reach

import (
	"net/netip"

	"github.com/siteplane/siteplane/internal/platform/netrange"
)

// Filter holds the networks that are admitted although they are not public.
type Filter []netip.Prefix

// Admits reports whether an address is public or in an admitted network.
// Addresses at which clouds serve their secrets never are, nor is an IPv4
// address dressed up as IPv6.
func (f Filter) Admits(addr netip.Addr) bool {
	if addr.Is4In6() || netrange.Metadata(addr) {
		return false
	}
	return netrange.Public(addr) || netrange.Contains(f, addr)
}
