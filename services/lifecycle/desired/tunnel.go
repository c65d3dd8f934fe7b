package desired

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// TunnelRoute is one hostname that a tunnel shall bring to the edges.
type TunnelRoute struct {
	Hostname string
	Kind     RouteKind
	// ZoneID is the zone that holds the record; empty for a custom hostname.
	ZoneID string
}

// RouteKind says how visitors get from a hostname to the tunnel.
type RouteKind string

// The kinds of routes.
const (
	// ByRecord: a record that we write in a zone of ours.
	ByRecord RouteKind = "record"
	// ByCustomHostname: a Cloudflare custom hostname; the tenant writes the record.
	ByCustomHostname RouteKind = "custom_hostname"
)

// RouteOf returns the route that a domain of its mode has; ok is false in the
// direct mode, and before the mode is fixed.
func RouteOf(d network.Domain) (r TunnelRoute, ok bool) {
	switch d.Mode {
	case network.Managed:
		return TunnelRoute{Hostname: d.Hostname, Kind: ByRecord, ZoneID: d.ZoneID}, true
	case network.CustomHostname:
		return TunnelRoute{Hostname: d.Hostname, Kind: ByCustomHostname}, true
	}
	return TunnelRoute{}, false
}

// Routed is a domain that is wanted ROUTED through a tunnel.
type Routed struct {
	DomainID id.Domain
	TenantID id.Tenant
	Hostname string
	Mode     network.Mode
	ZoneID   string
	// Waits says that the domain is about to be routed: its status is VALIDATED. What is
	// desired does not depend on it.
	Waits bool
}

// ForTunnel returns what a tunnel shall hold for the domains that are wanted
// ROUTED, ordered by hostname.
func ForTunnel(domains []Routed) []TunnelRoute {
	out := make([]TunnelRoute, 0, len(domains))
	for _, d := range domains {
		if r, ok := RouteOf(network.Domain{Hostname: d.Hostname, Mode: d.Mode, ZoneID: d.ZoneID}); ok {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b TunnelRoute) int { return strings.Compare(a.Hostname, b.Hostname) })
	return out
}

// TunnelDigest is the digest of everything that a tunnel shall hold, in
// hexadecimal; docs/digest.md lists the fields.
func TunnelDigest(routes []TunnelRoute) string {
	h := digest.New()
	h.Count(len(routes))
	for _, r := range routes {
		h.String(r.Hostname)
		h.String(string(r.Kind))
		h.String(r.ZoneID)
	}
	sum := h.Sum()
	return hex.EncodeToString(sum[:])
}
