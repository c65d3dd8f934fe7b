// Package cloudflare brings names to the edges through a Cloudflare tunnel.
//
// It owns all knowledge of Cloudflare: the tunnel's ingress rules, DNS records,
// custom hostnames, what marks them as ours, how its API fails, and the order in
// which things come and go. It must not know gRPC, nor why a route is wanted.
//
// What is ours carries the installation's mark, and nothing else is ever changed
// or deleted:
//
//	DNS record       comment "siteplane <installation>"
//	custom hostname  custom_metadata {"siteplane": "<installation>"}
//	ingress rule     originRequest.originServerName "<installation>.siteplane.internal"
//
// A rule has no comment. Its originServerName is the name that cloudflared
// expects in an origin's certificate; our origins are http:// only, where it has
// no effect, so it can carry the mark.
//
// Invariants, after every single call: where a record or custom hostname of ours
// is, its rule is; what lacks the mark is as it was. A world that is as wanted
// gets no call that writes, and what an apply would write a look names as drift:
// it is the same run, against a copy.
package cloudflare

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
	"github.com/siteplane/siteplane/services/tunnel/internal/fence"
	"github.com/siteplane/siteplane/services/tunnel/internal/zone"
)

// Name is what this backend is called in the configuration and in answers.
const Name = "cloudflare"

// API is what we use of Cloudflare's. Its errors: *refusal when Cloudflare
// refuses this one thing; *fault.Permission when it refuses the token;
// *fault.Unavailable when nothing is known, and then a change may have happened.
type API interface {
	// Zones lists the zones of the account.
	Zones(ctx context.Context) ([]Zone, error)
	// Configuration reads the tunnel's.
	Configuration(ctx context.Context) (Configuration, error)
	// Records lists the records of a zone that the filter lets through.
	Records(ctx context.Context, zoneID string, filter RecordFilter) ([]Record, error)
	// CustomHostnames lists those of a zone: all, or with a hostname the one.
	CustomHostnames(ctx context.Context, zoneID, hostname string) ([]CustomHostname, error)
	// Do makes one change.
	Do(ctx context.Context, change Change) error
}

// State is what must survive a restart. Its errors end the call.
type State interface {
	// Raise lets a caller in, or refuses it with *fence.Stale.
	Raise(f fence.Fence) error
	// Check refuses a caller that is not the newest any more with *fence.Stale.
	Check(f fence.Fence) error
	// WaitIdle waits until no earlier change can take effect.
	WaitIdle(ctx context.Context) error
	// MarkBusy notes until when a change may take effect.
	MarkBusy(until time.Time) error
	// ClearBusy notes that no change is under way.
	ClearBusy() error
}

// Versions remembers over a restart which version of the tunnel's configuration
// was ours. Its errors end the call.
type Versions interface {
	// Ours returns the last version that we wrote or found to be as wanted; 0 when
	// none is known.
	Ours(tunnelID string) int64
	// NoteOurs notes it.
	NoteOurs(tunnelID string, version int64) error
}

// Settings say which parts of the account are used.
type Settings struct {
	TunnelID string
	// EdgeURL is where the tunnel sends visitors: http://ip:port.
	EdgeURL string
	// CustomHostnameZoneID is the zone with Cloudflare for SaaS, and
	// CustomHostnameTarget the name in it that custom hostnames lead to. Both or
	// none.
	CustomHostnameZoneID, CustomHostnameTarget string
	// CallTimeout bounds one call, and so how long a lost one may take effect.
	CallTimeout time.Duration
}

// Config has what the backend needs; all is required.
type Config struct {
	Settings

	API      API
	State    State
	Versions Versions
}

// Backend brings names to the edges through one tunnel. It is safe for
// concurrent use.
type Backend struct {
	settings Settings
	api      API
	state    State
	versions Versions
	zones    *zoneList
	turn     chan struct{} // holds one token while an apply or a look works
	recent   recent        // used by who has the turn
}

// New returns a backend. It calls nobody.
func New(cfg Config) *Backend {
	return &Backend{
		settings: cfg.Settings, api: cfg.API, state: cfg.State, versions: cfg.Versions,
		zones: newZoneList(cfg.API), turn: make(chan struct{}, 1), recent: newRecent(),
	}
}

// Name returns "cloudflare".
func (*Backend) Name() string { return Name }

// CustomHostnameTarget returns the name that custom hostnames lead to, or "".
func (b *Backend) CustomHostnameTarget() string { return b.settings.CustomHostnameTarget }

// enter waits for the turn and until no earlier change can take effect: it would
// make what is read next out of date. The caller leaves when there is no error.
func (b *Backend) enter(ctx context.Context, check func() error) (leave func(), err error) {
	select {
	case b.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, &fault.Unavailable{Message: "another apply or look is under way"}
	}
	leave = func() { <-b.turn }
	if err := check(); err != nil {
		leave()
		return nil, err
	}
	if err := b.state.WaitIdle(ctx); err != nil {
		leave()
		return nil, &fault.Unavailable{Message: err.Error()}
	}
	return leave, nil
}

// LookupZone finds the active zone of the account that holds a hostname, or nil.
func (b *Backend) LookupZone(ctx context.Context, hostname string) (*zone.Zone, error) {
	zones, err := b.zones.get(ctx)
	if err != nil {
		return nil, err
	}
	found, ok := zoneOf(hostname, zones)
	if !ok {
		return nil, nil
	}
	return &zone.Zone{ID: found.ID, Name: found.Name, AccountID: found.AccountID}, nil
}
