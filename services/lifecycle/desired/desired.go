// Package desired derives what infrastructure shall hold. It is a pure function
// of wanted columns and spec revisions: the same rows give the same snapshot and
// the same digest on any replica. It reads no status, calls nothing and keeps
// nothing.
package desired

import (
	"context"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// EdgeSite is everything that an edge shall hold for one site.
type EdgeSite struct {
	SiteID   id.Site
	Revision int64
	// Hostnames are the published ones, sorted.
	Hostnames []string
	Spec      site.Spec
}

// Row is what the database says about one site: its wanted columns.
type Row struct {
	SiteID   id.Site
	TenantID id.Tenant
	Wanted   site.Wanted
	Revision int64
	Spec     site.Spec
	// Hostnames are those of the domains that shall be on the edge or further.
	Hostnames []string
}

// Store reads wanted columns inside the caller's transaction.
type Store interface {
	// DesiredRows returns the rows of the given sites, or of all sites that are
	// wanted PRESENT when sites is nil. A site whose wanted revision is pinned on
	// the edge has what edge.Pin.Served says, or counts as ABSENT where that is none.
	// Sites whose placement does not select the edge are left out.
	DesiredRows(ctx context.Context, edge id.Edge, sites []id.Site) ([]Row, error)
	// ConfirmedRows returns the rows of the given sites as they would be if the edge
	// refused every revision that is not confirmed.
	ConfirmedRows(ctx context.Context, edge id.Edge, sites []id.Site) ([]Row, error)
	// RoutedDomains returns the domains that are wanted ROUTED and whose mode has
	// a route through a tunnel.
	RoutedDomains(ctx context.Context, tunnel id.Tunnel) ([]Routed, error)
	// RemovedSites returns those of the sites that are wanted ABSENT, tombstones
	// included, with the last operation on each that took it away. Others, and
	// those without such an operation, are left out.
	RemovedSites(ctx context.Context, sites []id.Site, by Removers) (map[id.Site]id.Operation, error)
	// RemovedHostnames returns how far each hostname is wanted by anybody, with the
	// last operation on it, if that took it away. Others are left out.
	RemovedHostnames(ctx context.Context, hostnames []string, by Removers) (map[string]Removal, error)
}

// Removers are the kinds of operations that take something away.
type Removers struct {
	// Taking do so always.
	Taking []string
	// Making do so unless they succeed, for what they made is undone then.
	Making []string
}

// Removal says how far a hostname is wanted, and which operation made it so.
type Removal struct {
	Wanted      network.Wanted
	OperationID id.Operation
}

// ForEdge returns what an edge shall hold for the rows, ordered by site id.
// Rows that are not wanted PRESENT give nothing.
func ForEdge(rows []Row) []EdgeSite {
	out := make([]EdgeSite, 0, len(rows))
	for _, r := range rows {
		if r.Wanted != site.Present {
			continue
		}
		names := slices.Clone(r.Hostnames)
		slices.Sort(names)
		out = append(out, EdgeSite{
			SiteID: r.SiteID, Revision: r.Revision, Spec: r.Spec.Normalize(), Hostnames: slices.Compact(names),
		})
	}
	slices.SortFunc(out, func(a, b EdgeSite) int { return strings.Compare(string(a.SiteID), string(b.SiteID)) })
	return out
}

// Sum is the canonical hash of one site on an edge. docs/digest.md lists the
// fields; the agent computes the same from what it received.
func (s EdgeSite) Sum() [32]byte {
	h := digest.New()
	h.String(string(s.SiteID))
	h.Int(s.Revision)
	h.Count(len(s.Hostnames))
	for _, name := range s.Hostnames {
		h.String(name)
	}
	if o := s.Spec.Origin; o != nil {
		h.String("origin")
		hashTargets(h, o.Targets)
	} else if r := s.Spec.Redirect; r != nil {
		h.String("redirect")
		h.String(r.BaseURL)
		h.Int(int64(r.StatusCode))
	}
	h.Count(len(s.Spec.Routes))
	for _, r := range s.Spec.Routes {
		h.String(r.PathPrefix)
		h.Bool(r.StripPrefix)
		hashTargets(h, r.Origin.Targets)
	}
	hashOptions(h, s.Spec.Options)
	return h.Sum()
}

func hashTargets(h *digest.Hasher, targets []site.Target) {
	h.Count(len(targets))
	for _, t := range targets {
		h.String(t.Address)
		h.Int(int64(t.Weight))
	}
}

func hashOptions(h *digest.Hasher, o site.Options) {
	h.Int(o.MaxBodyBytes)
	h.Int(o.ConnectTimeout.Milliseconds())
	h.Int(o.ReadTimeout.Milliseconds())
	h.Bool(o.Websocket)
	hashHeaders(h, o.ResponseHeaders)
	hashHeaders(h, o.RequestHeaders)
	if o.Maintenance {
		h.String("maintenance")
	}
	if o.Compress {
		h.String("compress")
	}
	if o.RequestsPerSecond > 0 {
		h.String("requests per second")
		h.Int(int64(o.RequestsPerSecond))
	}
}

func hashHeaders(h *digest.Hasher, headers []site.Header) {
	h.Count(len(headers))
	for _, header := range headers {
		h.String(header.Name)
		h.String(header.Value)
	}
}
