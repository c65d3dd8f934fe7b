// Package route says what a tunnel shall hold and what it was found to hold:
// routes, the fence that orders their senders, how far one route is, and how all
// of them differ from what is there.
//
// It owns the check of a snapshot and its digest, and the kinds of drift. It must not
// know who provides the tunnel, nor how any of this looks on the wire.
//
// Invariant: a snapshot that Check accepts has each hostname once, in order.
package route

import (
	"encoding/hex"
	"fmt"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/internal/platform/hostname"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
	"github.com/siteplane/siteplane/services/tunnel/internal/fence"
)

// Kind says how visitors get from a hostname to the tunnel.
type Kind int

// The kinds of a route.
const (
	// KindRecord is by a record in a zone of ours.
	KindRecord Kind = iota + 1
	// KindCustomHostname is by a custom hostname; the tenant writes the record.
	KindCustomHostname
)

// String returns the kind as the digest spells it.
func (k Kind) String() string {
	switch k {
	case KindRecord:
		return "record"
	case KindCustomHostname:
		return "custom_hostname"
	default:
		return fmt.Sprintf("kind %d", int(k))
	}
}

// Route is one hostname that must reach the edges through the tunnel.
type Route struct {
	Hostname string
	Kind     Kind
	// ZoneID is the zone of the hostname's record; empty for a custom hostname.
	ZoneID string
}

// Check returns what is wrong with the route, as *fault.Invalid.
func (r Route) Check(field string) error {
	if err := hostname.Check(r.Hostname); err != nil {
		return &fault.Invalid{Field: field + ".hostname", Problem: err.Error()}
	}
	switch {
	case r.Kind != KindRecord && r.Kind != KindCustomHostname:
		return &fault.Invalid{Field: field + ".kind", Problem: "is not known"}
	case r.Kind == KindRecord && r.ZoneID == "":
		return &fault.Invalid{Field: field + ".zone_id", Problem: "is missing: the record needs a zone"}
	case r.Kind == KindCustomHostname && r.ZoneID != "":
		return &fault.Invalid{Field: field + ".zone_id", Problem: "must be empty for a custom hostname"}
	}
	return nil
}

// Snapshot is everything that the tunnel shall hold.
type Snapshot struct {
	Fence fence.Fence
	// InstallationID marks what is ours.
	InstallationID string
	Routes         []Route
	// Digest is what the sender computed over the routes.
	Digest string
	// Removals explain what goes; everything else that goes is unexplained.
	Removals []Removal
	// ConfirmedHold is the hold that an operator let pass; empty for none.
	ConfirmedHold string
}

// Removal says which operation removed a hostname.
type Removal struct{ Hostname, OperationID string }

// Check returns what is wrong with the snapshot, as *fault.Invalid.
func (s Snapshot) Check() error {
	if err := Check(s.Routes); err != nil {
		return err
	}
	if got := Digest(s.Routes); got != s.Digest {
		return &fault.Invalid{Field: "digest", Problem: fmt.Sprintf("does not come out: the routes have %s", got)}
	}
	return nil
}

// Check returns what is wrong with all routes of a tunnel, as *fault.Invalid.
func Check(routes []Route) error {
	for i, r := range routes {
		field := fmt.Sprintf("routes[%d]", i)
		if err := r.Check(field); err != nil {
			return err
		}
		if i > 0 && r.Hostname <= routes[i-1].Hostname {
			return &fault.Invalid{Field: field + ".hostname",
				Problem: fmt.Sprintf("%s comes after %s: routes are sorted by hostname, each once", r.Hostname, routes[i-1].Hostname)}
		}
	}
	return nil
}

// Digest is over the routes in their order: their count, then of each its
// hostname, kind and zone. In hexadecimal.
func Digest(routes []Route) string {
	h := digest.New()
	h.Count(len(routes))
	for _, r := range routes {
		h.String(r.Hostname)
		h.String(r.Kind.String())
		h.String(r.ZoneID)
	}
	sum := h.Sum()
	return hex.EncodeToString(sum[:])
}
