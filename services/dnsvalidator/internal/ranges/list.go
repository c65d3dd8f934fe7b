package ranges

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// maxNetworks bounds a list. Cloudflare's has about twenty.
const maxNetworks = 1000

// narrowest prefix lengths that one network of a list may have, in bits. A wider
// one would make a part of the Internet Cloudflare's. Theirs begin at 13 and 29.
const (
	minBits4 = 8
	minBits6 = 20
)

// list is what was known at a time.
type list struct {
	networks []netip.Prefix
	at       time.Time
	// tag is the ETag under which it was given.
	tag string
}

// embedded returns the copy: https://www.cloudflare.com/ips/ at its date.
func embedded() list {
	l := list{at: time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC)}
	for _, text := range []string{
		"173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18",
		"108.162.192.0/18", "190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22", "198.41.128.0/17",
		"162.158.0.0/15", "104.16.0.0/13", "104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22",
		"2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32", "2405:8100::/32",
		"2a06:98c0::/29", "2c0f:f248::/32",
	} {
		l.networks = append(l.networks, netip.MustParsePrefix(text))
	}
	return l
}

// parse makes a list of networks in text form.
func parse(texts []string) ([]netip.Prefix, error) {
	if len(texts) > maxNetworks {
		return nil, fmt.Errorf("the list has %d networks, more than %d", len(texts), maxNetworks)
	}
	var networks []netip.Prefix
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("read network of the list: %w", err)
		}
		if network.Addr().Is4() && network.Bits() < minBits4 || network.Addr().Is6() && network.Bits() < minBits6 {
			return nil, fmt.Errorf("network %s of the list is too wide", network)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// replaces returns what keeps a list from taking the place of the last good one:
// it is empty, or of one family less than half is left. A list that shares no
// network with the last one is of another world, such as a simulator's, and
// stands for itself.
func (l list) replaces(last list) error {
	if len(l.networks) == 0 {
		return errors.New("the list is empty")
	}
	if !slices.ContainsFunc(l.networks, func(n netip.Prefix) bool { return slices.ContainsFunc(last.networks, n.Overlaps) }) {
		return nil
	}
	for _, family := range []func(netip.Addr) bool{netip.Addr.Is4, netip.Addr.Is6} {
		if now, before := l.count(family), last.count(family); 2*now < before {
			return fmt.Errorf("the list is short: %d networks of a family that had %d", now, before)
		}
	}
	return nil
}

func (l list) count(family func(netip.Addr) bool) int {
	n := 0
	for _, network := range l.networks {
		if family(network.Addr()) {
			n++
		}
	}
	return n
}
