package simulate

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// tx watches one transaction of a process: what is said of leases and work in it is
// judged, and noted, once it is committed.
type tx struct {
	store.Tx
	*process
	// handler says that it is a handler's, who may write only what it holds.
	handler bool
	// checked says that it looked at a claim, stale that it was let pass with one
	// that another had taken.
	checked bool
	stale   *worker.Work
	// owed are the objects that must be looked at, marked those that will be.
	owed, marked map[workKey]bool
	after        []func()
}

// workKey names a row of work.
type workKey struct {
	kind worker.Kind
	key  string
}

// HoldWork implements worker.Store.
func (t *tx) HoldWork(ctx context.Context, w worker.Work) error {
	t.checked = true
	err := t.Tx.HoldWork(ctx, w)
	switch {
	case errors.Is(err, lifecycle.ErrFenced):
		t.world.tally.saw(sawFenced)
	case err == nil && t.world.leases.lost(w):
		t.stale = &w
	}
	return err
}

// FinishWork implements worker.Store.
func (t *tx) FinishWork(ctx context.Context, w worker.Work, next time.Time) error {
	t.checked = true
	t.after = append(t.after, func() { t.world.leases.ended(w) })
	return t.Tx.FinishWork(ctx, w, next)
}

// FailWork implements worker.Store.
func (t *tx) FailWork(ctx context.Context, w worker.Work, next time.Time, panicked bool) error {
	t.checked = true
	if panicked {
		t.world.violate("F07 nothing panics", "the work of %s %s did", w.Kind, w.Key)
	}
	t.after = append(t.after, func() { t.world.leases.ended(w) })
	return t.Tx.FailWork(ctx, w, next, panicked)
}

// FenceWork implements worker.Store.
func (t *tx) FenceWork(ctx context.Context, kind worker.Kind, key string) error {
	t.after = append(t.after, func() { t.world.leases.fenced(workKey{kind, key}) })
	return t.Tx.FenceWork(ctx, kind, key)
}

// ReleaseLeases implements worker.Store.
func (t *tx) ReleaseLeases(ctx context.Context, owner string) error {
	t.after = append(t.after, func() { t.world.leases.released(owner) })
	return t.Tx.ReleaseLeases(ctx, owner)
}

// MarkWork implements worker.Store.
func (t *tx) MarkWork(ctx context.Context, m worker.Mark) error {
	t.mark(&t.marked, m.Kind, m.Key)
	return t.Tx.MarkWork(ctx, m)
}

// AddChange implements edge.Store.
func (t *tx) AddChange(ctx context.Context, c edge.Change) error {
	t.mark(&t.owed, worker.Edge, string(c.EdgeID))
	return t.Tx.AddChange(ctx, c)
}

// AddTunnelChange implements tunnel.Store.
func (t *tx) AddTunnelChange(ctx context.Context, c tunnel.Change) error {
	t.mark(&t.owed, worker.Tunnel, string(c.TunnelID))
	return t.Tx.AddTunnelChange(ctx, c)
}

// InsertOperation implements saga.Store.
func (t *tx) InsertOperation(ctx context.Context, op saga.Operation) error {
	t.mark(&t.owed, op.ObjectKind, op.ObjectID)
	return t.Tx.InsertOperation(ctx, op)
}

func (t *tx) mark(in *map[workKey]bool, kind worker.Kind, key string) {
	if *in == nil {
		*in = map[workKey]bool{}
	}
	(*in)[workKey{kind, key}] = true
}

// committed judges the transaction.
func (t *tx) committed() {
	for _, do := range t.after {
		do()
	}
	if t.stale != nil {
		t.world.violate("I7 a lost claim writes nothing", "a claim on %s %s of epoch %d wrote after a later one", t.stale.Kind, t.stale.Key, t.stale.Epoch)
	}
	if t.handler && !t.checked {
		t.world.violate("I7 a lost claim writes nothing", "a handler wrote without a look at its claim")
	}
	for key := range t.owed {
		if !t.marked[key] {
			t.world.violate("F03 no change without a mark", "%s %s has something to do, and nothing makes it due", key.kind, key.key)
		}
	}
}
