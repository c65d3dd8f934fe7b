// Package apply makes nginx run a snapshot and proves that it does.
//
// It owns the order of effects and the way back:
//
//	fence -> next snapshot, digest -> shrink guard -> drift
//	      -> render -> stage -> nginx.test, sync
//	      |              \-> refused: find the sites to blame, leave them as they were
//	      -> swap -> nginx.reload -> prove -> save as last good
//	                     \-> not proven: swap back, reload, prove the one before
//
// An apply begins at once, or at a pace when they come one after another, and
// waits while too many workers of former generations are still there.
//
// It also notices when somebody else changed the files or the processes since,
// and when the last good configuration would not start again.
//
// It must not know gRPC or nginx syntax.
//
// Invariants: one thing at a time happens to nginx; the last good snapshot on
// disk was proved; whatever fails, what was served before is still served; a site
// that nginx refuses changes nothing for the others.
package apply

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// Config is what an Applier works with.
type Config struct {
	EdgeID string
	// Layout of what runs; the test uses another one.
	Layout      render.Layout
	Nginx       *nginx.Instance
	Runtime     nginx.Runtime
	Generations *generation.Store
	Snapshots   *snapshot.Store
	TestTimeout time.Duration
	// MaxDraining bounds workers of former generations, in multiples of those that
	// run; DrainPatience is how long an apply waits for them.
	MaxDraining   int
	DrainPatience time.Duration
	// RehearseInterval is how often the last good configuration is tested again.
	RehearseInterval time.Duration
	// Needed is what a start takes from the disk beside the snapshot; nil: nothing.
	Needed Needed
	// Reached is told each Moment of an apply that is passed; nil: nobody is.
	Reached func(Moment)
	Logger  *slog.Logger
	Tracer  trace.Tracer
}

// Moment is one at which an agent may die, for tests that make it.
type Moment string

// Moments of an apply that reloads nginx, in their order; test and sync run beside
// each other.
const (
	Received Moment = "received"
	Written  Moment = "written"
	Synced   Moment = "synced"
	Tested   Moment = "tested"
	Swapped  Moment = "swapped"
	Ordered  Moment = "ordered"
	Answered Moment = "answered"
	Recorded Moment = "recorded"
	Saved    Moment = "saved"
)

// Moments returns all of them.
func Moments() []Moment {
	return []Moment{Received, Written, Synced, Tested, Swapped, Ordered, Answered, Recorded, Saved}
}

func (a *Applier) reached(moment Moment) {
	if a.config.Reached != nil {
		a.config.Reached(moment)
	}
}

// Applier serialises everything that happens to nginx.
type Applier struct {
	config Config
	// turn holds one token; whoever has it may touch the fields below.
	turn chan struct{}
	// waiting counts the applies that wait for their turn.
	waiting atomic.Int32
	pace    pace
	// held was proved last; nil: nothing was received yet.
	held   *snapshot.Snapshot
	heldAt time.Time
	// rejected are the sites that were sent with held and not taken over.
	rejected []snapshot.Rejection
	// seen is the highest fence of which an apply was begun.
	seen   snapshot.Fence
	record record
	// lastError is why the last apply failed.
	lastError error
	rehearsed rehearsal
	// found are drifts that an apply met and nobody was told of yet.
	found []Drift
	// shown are the diffs of drifts that were told last.
	shown map[string]shownDiff
	// lastGood is held, and hosts are its own; read without the turn.
	lastGood atomic.Pointer[snapshot.Snapshot]
	hosts    atomic.Pointer[map[string]bool]
}

// New returns an Applier that has not looked at disk or nginx yet; see Boot.
func New(config Config) *Applier {
	applier := &Applier{config: config, turn: make(chan struct{}, 1)}
	applier.hosts.Store(&map[string]bool{})
	return applier
}

// Serves tells whether host is a public hostname of the last proved snapshot.
func (a *Applier) Serves(host string) bool { return (*a.hosts.Load())[host] }

func (a *Applier) begin(ctx context.Context) (end func(), err error) {
	select {
	case a.turn <- struct{}{}:
		return func() { <-a.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *Applier) hold(proved snapshot.Proved) {
	a.held, a.heldAt, a.rejected = proved.Snapshot, proved.At, proved.Rejected
	hosts := proved.Snapshot.Hosts()
	a.hosts.Store(&hosts)
	a.lastGood.Store(proved.Snapshot)
}

// wanted is what nginx shall run when nobody applies anything.
func (a *Applier) wanted() *snapshot.Snapshot {
	if a.held == nil {
		return snapshot.Empty()
	}
	return a.held
}
