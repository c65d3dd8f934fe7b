// Package netrange answers which addresses belong to the public Internet. It
// follows the IANA special-purpose address registries and looks inside IPv6
// forms that embed an IPv4 address, because an address filter that stops at
// netip's own predicates lets several of them through.
package netrange

import "net/netip"

// special lists what the IANA IPv4 and IPv6 special-purpose registries mark as
// not globally reachable, and multicast.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
	"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "::1/128", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16",
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)

// metadata lists addresses at which clouds serve instance metadata. Some lie in
// ranges that are public otherwise.
var metadata = prefixes(
	"169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
	"fd00:ec2::254/128", "fd20:ce::254/128",
)

// embedding lists IPv6 prefixes that carry an IPv4 address, and at which byte.
var embedding = []struct {
	prefix netip.Prefix
	offset int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},   // NAT64, RFC 6052
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12}, // local NAT64, RFC 8215
	{netip.MustParsePrefix("2002::/16"), 2},       // 6to4, RFC 3056
	{netip.MustParsePrefix("::/96"), 12},          // IPv4-compatible, RFC 4291
}

// Public reports whether an address is globally reachable unicast, in every
// form that it embeds.
func Public(addr netip.Addr) bool {
	for _, a := range forms(addr) {
		if !a.IsGlobalUnicast() || Contains(special, a) || Contains(metadata, a) {
			return false
		}
	}
	return addr.IsValid() && addr.Zone() == ""
}

// Metadata reports whether an address is one at which clouds serve instance
// metadata, in any form that it embeds.
func Metadata(addr netip.Addr) bool {
	for _, a := range forms(addr) {
		if Contains(metadata, a) {
			return true
		}
	}
	return false
}

// Contains reports whether one of the prefixes holds the address.
func Contains(prefixes []netip.Prefix, addr netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// forms returns the address, without the IPv4-mapped wrapping, and the IPv4
// address that it embeds, if it does.
func forms(addr netip.Addr) []netip.Addr {
	addr = addr.Unmap()
	out := []netip.Addr{addr}
	if !addr.Is6() {
		return out
	}
	raw := addr.As16()
	for _, e := range embedding {
		if e.prefix.Contains(addr) {
			out = append(out, netip.AddrFrom4([4]byte(raw[e.offset:e.offset+4])))
		}
	}
	return out
}

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}
