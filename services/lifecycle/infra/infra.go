// Package infra is the boundary to infrastructure: three small interfaces and
// the errors that their implementations must give. Whoever implements them owns
// all knowledge of nginx, Cloudflare and DNS; nothing above knows any.
//
// Errors are never absence: an implementation that cannot find out returns
// *UnavailableError or an outcome of Unknown, not an empty answer.
package infra

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// EdgeProvider makes edges hold what is desired and says what they hold.
type EdgeProvider interface {
	// Apply makes the edge run what the update carries, and returns once it has
	// proved that it does. Sites that it refuses are named in the proof and hold up
	// no other. Repeating it is harmless. Errors: ErrSnapshotNeeded, ErrStaleFence,
	// *RejectedError when no site is to blame, *NotProvenError, *HeldError,
	// *DriftError, *UnavailableError.
	Apply(ctx context.Context, edge id.Edge, update EdgeUpdate) (EdgeProof, error)
	// State says what the edge received and runs. Errors: *UnavailableError.
	State(ctx context.Context, edge id.Edge) (EdgeState, error)
	// ProbeSite asks the edge's running configuration for a site under its
	// internal name. Errors: ErrNotServed, *UnavailableError.
	ProbeSite(ctx context.Context, edge id.Edge, site id.Site) (SiteProof, error)
	// ListHeld says which sites and hostnames the edge holds, as far as its buckets
	// differ from those of the sums; all when there are none. Errors:
	// *UnavailableError.
	ListHeld(ctx context.Context, edge id.Edge, sums [][]byte) (Held, error)
	// Preview says how the files of the edge would change if it applied the update,
	// ordered by path, and changes nothing; of the fence only the generation counts.
	// Files that would not change are left out. Errors: ErrSnapshotNeeded,
	// *RejectedError, *UnavailableError.
	Preview(ctx context.Context, edge id.Edge, update EdgeUpdate) ([]FileDiff, error)
}

// TunnelProvider owns how names reach the edges from outside.
type TunnelProvider interface {
	// LookupZone finds the zone of ours that holds a hostname. No zone is an
	// answer. Errors: *RefusedError, *UnavailableError.
	LookupZone(ctx context.Context, hostname string) (ZoneAnswer, error)
	// Apply makes the tunnel hold exactly the routes that the update carries, and
	// returns once that is read back; routes that something foreign blocks are
	// left out and named. Repeating it is harmless, and writes nothing where
	// nothing differs. Errors: ErrStaleFence, *RefusedError, *HeldError,
	// *UnavailableError.
	Apply(ctx context.Context, update TunnelUpdate) (TunnelProof, error)
	// Observe compares the tunnel with the routes and writes nothing. Errors:
	// *RefusedError, *UnavailableError.
	Observe(ctx context.Context, installation string, routes []desired.TunnelRoute) ([]drift.Finding, error)
	// ReadRoute reads how far one route is, and writes nothing. Errors:
	// *RefusedError, *UnavailableError.
	ReadRoute(ctx context.Context, installation string, route desired.TunnelRoute) (RouteReading, error)
}

// DNSValidator looks at hostnames as the world sees them and returns evidence.
type DNSValidator interface {
	// CheckAddresses asks where a hostname leads. Errors: *UnavailableError.
	CheckAddresses(ctx context.Context, hostname string, right RightTarget) (Finding, error)
	// CheckOwnership asks for the record that shows whose a hostname is: a TXT
	// record of that name with that token. Errors: *UnavailableError.
	CheckOwnership(ctx context.Context, hostname, recordName, token string) (Finding, error)
	// ProbeHostname fetches a signed nonce through a hostname. Errors:
	// *UnavailableError.
	ProbeHostname(ctx context.Context, probe Probe) (Finding, error)
}

// Fence orders the callers of one edge or tunnel; a lower one is refused with
// ErrStaleFence.
type Fence struct {
	Era, Epoch, Generation uint64
}

// EdgeUpdate is what an edge is sent: everything, or what changed.
type EdgeUpdate struct {
	Fence Fence
	// Whole says that Sites are all there are.
	Whole bool
	Sites []desired.EdgeSite
	// Removals are the sites that go in a delta, with the operation that removed
	// each.
	Removals map[id.Site]string
	// Explanations are the operations behind sites that go or lose hostnames.
	Explanations map[id.Site]string
	// ConfirmedHold is the hold that an operator let pass, empty for none.
	ConfirmedHold string
	// HoldDrift asks for a *DriftError instead of overwriting drift.
	HoldDrift bool
	// Digest is over everything that the edge holds afterwards.
	Digest string
}

// EdgeProof is what an edge proved.
type EdgeProof struct {
	Generation uint64        `json:"generation"`
	Digest     string        `json:"digest"`
	Sites      int           `json:"sites"`
	Took       time.Duration `json:"took_ns"`
	// Rejected are the sites that the edge refuses; Digest is of what it holds
	// instead then.
	Rejected []Rejection `json:"rejected,omitempty"`
	// Drifts are what had drifted and was overwritten.
	Drifts []drift.Finding `json:"drifts,omitempty"`
}

// LogValue implements slog.LogValuer: the contents of files go into no log.
func (p EdgeProof) LogValue() slog.Value {
	type logged EdgeProof
	p.Drifts = slices.Clone(p.Drifts)
	for i := range p.Drifts {
		p.Drifts[i].Diff = ""
	}
	return slog.AnyValue(logged(p))
}

// FileDiff is how one file of an edge would change.
type FileDiff struct {
	Path string
	// Diff is a unified diff, the first lines of it where it is Truncated. It holds
	// what tenants configured.
	Diff string
	// Added and Removed count the lines that come and go, in all of the file.
	Added, Removed int
	Truncated      bool
}

// Rejection is one site that an edge refuses.
type Rejection struct {
	SiteID   id.Site `json:"site_id"`
	Revision int64   `json:"revision"`
	// Message says why, without contents of files.
	Message string `json:"message"`
	// KeptRevision is what the edge holds instead; 0 when it left the site out.
	KeptRevision int64 `json:"kept_revision"`
}

// Held is what an edge holds, or the part of it that was asked for.
type Held struct {
	// Sites maps the sites to their public hostnames.
	Sites map[id.Site][]string
	// Hostnames counts all that the edge holds, internal names included.
	Hostnames int
}

// EdgeState is what an edge received and runs.
type EdgeState struct {
	// Generation and Digest are what it received and proved last.
	Generation uint64
	Digest     string
	// Running is the generation that its workers answer with, 0 if they do not.
	Running uint64
	// Intact says that what the workers run and the files on disk equal a fresh
	// rendering of what was received.
	Intact bool
	// ProbePublicKey is the key of its probe answers.
	ProbePublicKey []byte
	// Fault says why its last apply failed, empty when it did not.
	Fault string
	// Drifts are how the host differs from what it was told.
	Drifts []drift.Finding
	// RendererVersion and NginxVersion are those of the host.
	RendererVersion string
	NginxVersion    string
	// Sites is how many sites it holds.
	Sites int
	// AppliedAt is when its workers got their configuration, by the host's clock.
	AppliedAt time.Time
	// Incidents are what happened to the processes of its nginx lately, oldest first.
	Incidents []Incident
	// Draining is how many workers of former generations still serve long requests.
	Draining int
	// SandboxUser runs tests of configurations there, and SandboxMissing says what
	// they cannot do, empty when nothing is missing.
	SandboxUser, SandboxMissing string
	// Notices are what an operator should know of the host, one sentence each.
	Notices []string
}

// Incident is something that happened to the processes of an edge.
type Incident struct {
	// Kind is a word in upper case, for instance MASTER_DEAD.
	Kind string
	// Detail says what was found and what was done about it, in one sentence.
	Detail string
	// At is when it was found, by the host's clock.
	At time.Time
}

// SiteProof is what an edge's running configuration says of a site.
type SiteProof struct {
	InternalName string `json:"internal_name"`
	Revision     int64  `json:"revision"`
	Generation   uint64 `json:"generation"`
}

// ZoneAnswer is the zone of a hostname.
type ZoneAnswer struct {
	// Found says whether the hostname is in a zone of ours.
	Found bool `json:"found"`
	// ZoneID and ZoneName are its id at the provider and its name.
	ZoneID   string `json:"zone_id,omitempty"`
	ZoneName string `json:"zone_name,omitempty"`
	// Backend is who answered, for instance "direct".
	Backend string `json:"backend"`
	// CustomHostnameTarget is the name that custom hostnames lead to; empty when
	// the backend offers none.
	CustomHostnameTarget string `json:"custom_hostname_target,omitempty"`
}

// TunnelUpdate is everything that a tunnel shall hold.
type TunnelUpdate struct {
	Fence Fence
	// Installation marks what is ours at the provider.
	Installation string
	Routes       []desired.TunnelRoute
	// Digest is over the routes.
	Digest string
	// Removals are the hostnames that go, with the operation that removed each.
	Removals map[string]string
	// ConfirmedHold is the hold that an operator let pass, empty for none.
	ConfirmedHold string
}

// TunnelProof is what a tunnel proved.
type TunnelProof struct {
	Generation    uint64 `json:"generation"`
	Digest        string `json:"digest"`
	ConfigVersion int64  `json:"config_version"`
	// Writes counts the calls that changed something at the provider.
	Writes int `json:"writes"`
	// Changed are the hostnames of which something was written, sorted.
	Changed []string `json:"changed,omitempty"`
	// Blocked maps hostnames to what blocks their routes.
	Blocked map[string]Diagnosis `json:"blocked,omitempty"`
}

// RouteState says how far a route is.
type RouteState string

// The states of a route.
const (
	// RouteReady: rule, and record or active custom hostname, are there.
	RouteReady RouteState = "ready"
	// RoutePartial: some of it is there, or all of it and it is not active yet.
	RoutePartial RouteState = "partial"
	// RouteAbsent: nothing of ours is there.
	RouteAbsent RouteState = "absent"
)

// RouteReading is what was read of a route.
type RouteReading struct {
	State RouteState `json:"state"`
	// Seen is what was seen, one line each.
	Seen []string `json:"seen"`
	// Diagnoses say what is missing or in the way.
	Diagnoses []Diagnosis `json:"diagnoses,omitempty"`
	// Records are those that the provider wants the tenant to write.
	Records []network.Instruction `json:"records,omitempty"`
}

// RightTarget says where a hostname may lead.
type RightTarget struct {
	// EdgeAddresses are right in every mode.
	EdgeAddresses []string
	// Name is right as the target of a CNAME; empty for none.
	Name string
	// Cloudflare says that Cloudflare's addresses are right too.
	Cloudflare bool
}

// ProbePolicy says how a probe dials.
type ProbePolicy string

// The policies.
const (
	// ProbePublic resolves and dials as a visitor.
	ProbePublic ProbePolicy = "public"
	// ProbeEdge dials the edges' public addresses with the hostname as Host.
	ProbeEdge ProbePolicy = "edge"
	// ProbeOff does not probe at all.
	ProbeOff ProbePolicy = "off"
)

// Probe asks for a signed nonce through a hostname.
type Probe struct {
	Hostname string
	// Accepted maps the edges whose signature counts to their probe keys.
	Accepted map[id.Edge][]byte
	Policy   ProbePolicy
	// EdgeAddresses are dialled under ProbeEdge.
	EdgeAddresses []string
}
