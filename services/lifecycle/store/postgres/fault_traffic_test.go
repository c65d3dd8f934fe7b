package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// traffic are writers and readers of a ledger that go on whatever they are told. What they
// are told must be right, or that the database is unavailable, and in time.
type traffic struct {
	*ledger
	answers   told
	committed atomic.Int64
	all       sync.WaitGroup
	ctx       context.Context
	stop      context.CancelFunc
}

// begin begins traffic of so many writers and readers on each store.
func (l *ledger) begin(writers, readers int, stores ...*Store) *traffic {
	t := &traffic{ledger: l}
	t.ctx, t.stop = context.WithCancel(l.Context())
	for replica, s := range stores {
		for writer := range writers {
			t.all.Go(func() { t.write(s, fmt.Sprintf("%d-%d", replica, writer)) })
		}
		for range readers {
			t.all.Go(func() { t.read(s) })
		}
	}
	return t
}

func (t *traffic) write(s *Store, name string) {
	for n := 0; t.ctx.Err() == nil; n++ {
		began := time.Now()
		if err := t.answers.add(t.Context(), t.ledger, s, fmt.Sprintf("%s-%d", name, n)); err != nil {
			unavailableIn(t.T, answeredWithin, began, err)
			t.rest()
			continue
		}
		t.committed.Add(1)
	}
}

func (t *traffic) read(s *Store) {
	for t.ctx.Err() == nil {
		began := time.Now()
		if _, err := t.look(t.Context(), s); err != nil {
			unavailableIn(t.T, answeredWithin, began, err)
			t.rest()
		}
	}
}

// rest is what a caller does who was told to try again.
func (t *traffic) rest() {
	select {
	case <-t.ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
}

// goesOn returns once some more updates were committed.
func (t *traffic) goesOn() {
	t.Helper()
	until := t.committed.Load() + 15
	eventually(t.T, 30*time.Second, func() error {
		if t.committed.Load() < until {
			return errors.New("the stores do not work again by themselves")
		}
		return nil
	})
}

// end ends the traffic and checks what it was told.
func (t *traffic) end() {
	t.Helper()
	t.stop()
	t.all.Wait()
	t.answers.check(t.ledger)
}
