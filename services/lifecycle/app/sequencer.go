package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/store"
)

const (
	// sequenceEvery is how often the sequencer looks without being told that there is
	// something new.
	sequenceEvery = time.Second
	// pruneEvery is how often old events are deleted, pruneAtOnce how many in one
	// transaction.
	pruneEvery  = 10 * time.Minute
	pruneAtOnce = 1000
)

// sequencer knows how far the outbox can be read, and tells readers when it is
// further.
//
//	commits --OnEvent--> sequencer --moved--> readers, each at its own place
//
// Readers hold nothing but their place, so one that does not read costs nothing.
type sequencer struct {
	// woken holds at most one word that there is something new.
	woken chan struct{}

	mu          sync.Mutex
	first, last int64
	moved       chan struct{}
}

func newSequencer() *sequencer {
	return &sequencer{woken: make(chan struct{}, 1), moved: make(chan struct{})}
}

// wake says that there is something new. It never waits.
func (s *sequencer) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// set notes the first event that is kept and the last that may be read.
func (s *sequencer) set(first, last int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first = max(s.first, first)
	if last <= s.last {
		return
	}
	s.last = last
	close(s.moved)
	s.moved = make(chan struct{})
}

// now returns what set noted, and what is closed when it moves.
func (s *sequencer) now() (first, last int64, moved <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first, s.last, s.moved
}

// sequence has the new events put in order. Readers are
// told after the commit, not before: what they do not find by then, they never read.
func (c *ControlPlane) sequence(ctx context.Context) error {
	first, last, err := c.store.Sequence(ctx)
	if err == nil {
		c.events.set(first, last)
	}
	return err
}

// runSequencer puts events in order as they come, and deletes old ones and join tokens
// that have ended, until the context is done.
func (c *ControlPlane) runSequencer(ctx context.Context) {
	tick, prune := time.NewTicker(sequenceEvery), time.NewTicker(pruneEvery)
	defer tick.Stop()
	defer prune.Stop()
	for {
		if err := c.sequence(ctx); err != nil && ctx.Err() == nil {
			c.logger.WarnContext(ctx, "events were not put in order, will retry", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-prune.C:
			if err := errors.Join(c.pruneEvents(ctx), c.pruneTokens(ctx)); err != nil && ctx.Err() == nil {
				c.logger.WarnContext(ctx, "old events or join tokens were not deleted, will retry", "error", err)
			}
		case <-tick.C:
		case <-c.events.woken:
		}
	}
}

// pruneEvents deletes the events that need not be kept any more.
func (c *ControlPlane) pruneEvents(ctx context.Context) error {
	before := c.clock().Add(-c.cfg.KeepEvents)
	for {
		var n int
		err := c.store.Update(ctx, func(tx store.Tx) (err error) {
			n, err = tx.PruneEvents(ctx, before, pruneAtOnce)
			return err
		})
		if err != nil || n < pruneAtOnce {
			return err
		}
	}
}
