// Package edge owns the hosts that serve sites: which there are, what each was
// sent, what each has proved, and which changes it has not proved yet. It knows
// nothing of nginx.
package edge

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// Edge is one host with nginx and an agent.
type Edge struct {
	ID   id.Edge
	Name string
	// Address is where its agent listens, host:port.
	Address string
	// PublicAddresses are the addresses at which visitors reach it.
	PublicAddresses []string
	// Labels are what placements select it by.
	Labels Labels
	// Certificate is the one that was issued to it last; zero where it was made by
	// hand.
	Certificate Certificate
	// EvictedAt is when it was evicted, zero while it was not. That is for good.
	EvictedAt time.Time
	// ProbePublicKey is the key that its probe answers are signed with, as its
	// agent reported it over a connection that proved its identity.
	ProbePublicKey []byte
	// Generation is the last one that was assigned.
	Generation uint64
	// ProvenGeneration and ProvenDigest are what its agent proved last.
	ProvenGeneration uint64
	ProvenDigest     string
	// NeedsWhole says that the next send must be a whole snapshot: none was
	// proved yet, or a report did not equal what was proved.
	NeedsWhole bool
	// LastSeenAt is when its agent last answered.
	LastSeenAt time.Time
	// FaultReason and FaultMessage say why the last apply or look failed, empty
	// when it did not.
	FaultReason  string
	FaultMessage string
	// FaultSiteID is the site at fault, empty when it is no single site's.
	FaultSiteID id.Site
	// DriftPolicy says what is done about drift.
	DriftPolicy drift.Policy
	// RendererVersion and NginxVersion are what it reported last.
	RendererVersion string
	NginxVersion    string
}

// Evicted reports whether it is no part of the installation any more.
func (e Edge) Evicted() bool { return !e.EvictedAt.IsZero() }

// Canary reports whether it is sent each new revision before the others.
func (e Edge) Canary() bool { return e.Labels[CanaryLabel] == "true" }

// Seen reports whether it answered within the window before now.
func (e Edge) Seen(now time.Time, window time.Duration) bool { return now.Sub(e.LastSeenAt) <= window }

// Target names the edge among the things that drift.
func (e Edge) Target() drift.Target { return drift.Target{Kind: drift.Edge, ID: string(e.ID)} }

// Synced reports whether what the edge proved last equals what it last
// reported. Whether a site's own changes are proved, its change rows say.
func (e Edge) Synced() bool { return !e.NeedsWhole && e.ProvenGeneration > 0 }

// Change says that an edge has not proved the wanted state of a site.
type Change struct {
	EdgeID id.Edge
	// Seq orders the changes of one edge.
	Seq      int64
	SiteID   id.Site
	TenantID id.Tenant
	// OperationID is the operation that made the change.
	OperationID string
	// TraceParent is the trace that made it, W3C.
	TraceParent string
	// ProvedAt is when a canary proved it that must run it for a while before it
	// counts; zero otherwise.
	ProvedAt time.Time
}

// Pin says that an edge refuses one revision of a site. While the site is wanted
// in that revision, the edge is sent the confirmed one instead; where that is the
// refused one, the one that the edge kept; or nothing.
type Pin struct {
	EdgeID   id.Edge
	SiteID   id.Site
	TenantID id.Tenant
	// Revision is the refused one.
	Revision int64
	// KeptRevision is the one that the edge held when it refused, and holds; 0 for none.
	KeptRevision int64
	// RendererVersion and NginxVersion are those that refused it; another version
	// is given one new try.
	RendererVersion string
	NginxVersion    string
	// Message says why, without contents of files.
	Message   string
	CreatedAt time.Time
}

// Served returns the revision that the edge is sent of a site with that wanted and that
// confirmed revision, 0 for none.
func (p Pin) Served(wanted, confirmed int64) int64 {
	switch {
	case p.Revision != wanted:
		return wanted
	case p.Revision == confirmed:
		return p.KeptRevision
	}
	return confirmed
}

// Store keeps edges and their changes inside the caller's transaction.
type Store interface {
	// PutEdge inserts an edge or replaces its name and addresses; the drift policy
	// is that of the first time.
	PutEdge(ctx context.Context, e Edge) error
	// GetEdge returns an edge.
	GetEdge(ctx context.Context, edge id.Edge) (Edge, error)
	// ListEdges returns all edges, ordered by id.
	ListEdges(ctx context.Context) ([]Edge, error)
	// UpdateEdge writes what the edge was sent, proved and reported.
	UpdateEdge(ctx context.Context, e Edge) error
	// DescribeEdge writes what operators and enrolment say of an edge: name,
	// addresses, labels, certificate and eviction, and that it needs a whole snapshot
	// where e says so: one that is on its way is not that one, so a generation is
	// passed over.
	DescribeEdge(ctx context.Context, e Edge) error
	// ForgetEdge removes the changes and pins of an edge.
	ForgetEdge(ctx context.Context, edge id.Edge) error
	// AddChange notes that an edge has not proved a site; Seq is assigned.
	AddChange(ctx context.Context, c Change) error
	// Changes returns an edge's changes in order.
	Changes(ctx context.Context, edge id.Edge) ([]Change, error)
	// ChangesOfSite returns a site's changes on all edges.
	ChangesOfSite(ctx context.Context, site id.Site) ([]Change, error)
	// SoakChanges notes that a canary has proved exactly the changes given; the zero
	// time, that it must prove them again.
	SoakChanges(ctx context.Context, edge id.Edge, seqs []int64, at time.Time) error
	// DeleteChanges removes exactly the changes given.
	DeleteChanges(ctx context.Context, edge id.Edge, seqs []int64) error
	// PutPin inserts or replaces the pin of a site on an edge.
	PutPin(ctx context.Context, p Pin) error
	// PinsOfSite returns a site's pins, ordered by edge.
	PinsOfSite(ctx context.Context, site id.Site) ([]Pin, error)
	// PinsOfEdge returns an edge's pins, ordered by site.
	PinsOfEdge(ctx context.Context, edge id.Edge) ([]Pin, error)
	// DeletePin lifts a pin; none is no error.
	DeletePin(ctx context.Context, edge id.Edge, site id.Site) error
	PlacementStore
	TokenStore
}

// PublicAddresses returns the addresses at which visitors may reach any of the
// edges, in order and without duplicates.
func PublicAddresses(edges []Edge) []string {
	var out []string
	seen := map[string]bool{}
	for _, e := range edges {
		for _, a := range e.PublicAddresses {
			if !seen[a] {
				seen[a] = true
				out = append(out, a)
			}
		}
	}
	return out
}
