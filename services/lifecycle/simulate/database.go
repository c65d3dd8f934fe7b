package simulate

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// handle is the door of a process to the one database.
type handle struct{ *process }

var _ store.Store = (*handle)(nil)

var errRolledBack = errors.New("could not serialize access")

type none = struct{}

// Update implements store.Store. A closure runs twice sometimes, as after a
// serialization failure.
func (h *handle) Update(ctx context.Context, do func(tx store.Tx) error) error {
	_, err := through(ctx, h.process, database, "Update", func(ctx context.Context) (none, error) {
		if err := h.world.outage(); err != nil {
			return none{}, err
		}
		if h.world.Rough && h.chance.oneIn(h.who(ctx, "twice"), 30) {
			if err := h.rehearse(ctx, do); err != nil {
				return none{}, err
			}
		}
		return none{}, h.commit(ctx, do)
	})
	return err
}

// rehearse runs a closure in a transaction that is rolled back.
func (h *handle) rehearse(ctx context.Context, do func(tx store.Tx) error) error {
	var failed error
	err := h.world.db.Update(ctx, func(in store.Tx) error {
		failed = do(&tx{Tx: in, process: h.process})
		return errRolledBack
	})
	if failed != nil || !errors.Is(err, errRolledBack) {
		return errors.Join(failed, err)
	}
	h.world.tally.saw(sawRanTwice)
	h.world.sleep(h.chance.moment(h.who(ctx, "again")))
	return nil
}

// commit runs a closure and notes what it did once that is committed.
func (h *handle) commit(ctx context.Context, do func(tx store.Tx) error) error {
	var t *tx
	err := h.world.db.Update(ctx, func(in store.Tx) error {
		t = &tx{Tx: in, process: h.process, handler: isHandler(ctx)}
		return do(t)
	})
	if err == nil {
		t.committed()
	}
	return err
}

// View implements store.Store.
func (h *handle) View(ctx context.Context, do func(tx store.Tx) error) error {
	_, err := through(ctx, h.process, database, "View", func(ctx context.Context) (none, error) {
		if err := h.world.outage(); err != nil {
			return none{}, err
		}
		return none{}, h.world.db.View(ctx, do)
	})
	return err
}

// ClaimWork implements store.Store. A claim that finds nothing answers late: not
// before something is due or marked, so that idle replicas cost nothing.
func (h *handle) ClaimWork(ctx context.Context, c worker.Claim) ([]worker.Work, time.Time, error) {
	type claim struct {
		works []worker.Work
		next  time.Time
	}
	got, err := through(ctx, h.process, database, "ClaimWork", func(ctx context.Context) (got claim, err error) {
		if err := h.world.outage(); err != nil {
			return got, err
		}
		changed := h.world.marks.changed()
		if got.works, got.next, err = h.world.db.ClaimWork(ctx, c); err != nil {
			return got, err
		}
		for _, w := range got.works {
			h.world.leases.claimed(w, c)
			h.chance.row(workKey{w.Kind, w.Key})
		}
		if !got.next.IsZero() {
			got.next = got.next.Add(h.slot.aside()) // no two wake at one moment
		}
		if len(got.works) == 0 {
			h.idle(ctx, changed, got.next)
		}
		return got, nil
	})
	return got.works, got.next, err
}

// Sequence implements store.Store. The sequencer is answered late in the same way;
// callers are not.
func (h *handle) Sequence(ctx context.Context) (int64, int64, error) {
	type places struct{ first, last int64 }
	got, err := through(ctx, h.process, database, "Sequence", func(ctx context.Context) (got places, err error) {
		if err := h.world.outage(); err != nil {
			return got, err
		}
		changed := h.world.emits.changed()
		if got.first, got.last, err = h.world.db.Sequence(ctx); err == nil && !isCaller(ctx) && got.last == h.sequenced.Load() {
			h.idle(ctx, changed, time.Time{})
		}
		return got, err
	})
	if err == nil {
		h.sequenced.Store(got.last)
	}
	return got.first, got.last, err
}

// idle waits until something changes, or a time, zero for never.
func (h *handle) idle(ctx context.Context, changed <-chan none, until time.Time) {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-changed:
	case <-due:
	case <-ctx.Done():
	case <-h.died:
	}
}

// OnMark implements store.Store.
func (h *handle) OnMark(notify func()) { h.onMark = notify }

// OnEvent implements store.Store.
func (h *handle) OnEvent(notify func()) { h.onEvent = notify }

// Now implements store.Store: a process knows the database's time as well as it can.
func (h *handle) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.world.db.Now().Add(h.skew)
}

// Shared implements store.Store.
func (h *handle) Shared() bool { return true }

// Close implements store.Store; the database outlives its processes.
func (h *handle) Close() error { return nil }

// signal tells everybody who waits that something happened.
type signal struct {
	mu   sync.Mutex
	next chan none
}

func newSignal() *signal { return &signal{next: make(chan none)} }

// changed is closed when it happens next.
func (s *signal) changed() <-chan none {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

func (s *signal) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.next)
	s.next = make(chan none)
}
