package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// hints returns what is sent to by each hint that a store gets.
func hints(s *Store) chan struct{} {
	got := make(chan struct{}, 100)
	s.OnMark(func() { got <- struct{}{} })
	return got
}

func hinted(t *testing.T, got <-chan struct{}, limit time.Duration) {
	t.Helper()
	select {
	case <-got:
	case <-time.After(limit):
		t.Fatalf("no hint came in %s", limit)
	}
}

// drain forgets the hints that came.
func drain(got <-chan struct{}) {
	for {
		select {
		case <-got:
		default:
			return
		}
	}
}

// The connection that listens is lost, again and again: what was marked meanwhile is
// seen by who looks, and a hint follows when it listens again.
func TestHints_lost(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	marking := l.open(Config{})
	s, r := l.through()
	got := hints(s)
	listening := func() {
		eventually(t, 5*time.Second, func() error {
			l.mark(marking, "site_hint")
			select {
			case <-got:
				return nil
			case <-time.After(50 * time.Millisecond):
				return errors.New("no hint came")
			}
		})
	}
	listening()
	for n := range 3 {
		l.claim(s, time.Hour, 10)
		drain(got)
		if cut := r.CutListeners(); cut == 0 {
			t.Fatal("nobody listens")
		}
		key := fmt.Sprintf("site_%d", n)
		l.mark(marking, key)
		if claimed := l.claim(s, time.Hour, 10); len(claimed) != 1 || claimed[0].Key != key {
			t.Errorf("claimed %v", claimed)
		}
		hinted(t, got, 5*time.Second) // it listens again, and anything may have happened
		listening()
	}
}

// What a store does itself it hears without the server.
func TestHints_of_its_own(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	s, r := l.through()
	got := hints(s)
	r.CutListeners()
	l.mark(s, "site_own")
	hinted(t, got, time.Second)
}

// Hints of others may come while somebody still says who is to be told.
func TestHints_early(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	marking := l.open(Config{})
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	m := worker.Mark{Kind: worker.Site, Key: "site_early", TenantID: string(l.tenant), DueAt: time.Now()}
	var failed error
	all.Go(func() { // without the test, whose lock would hide a race
		for ctx.Err() == nil && failed == nil {
			failed = marking.Update(context.WithoutCancel(ctx), func(tx store.Tx) error { return tx.MarkWork(ctx, m) })
		}
	})
	for range 5 {
		hinted(t, hints(l.open(Config{})), 5*time.Second)
	}
	stop()
	all.Wait()
	if failed != nil && !errors.Is(failed, context.Canceled) {
		t.Error(failed)
	}
}

// Two replicas give places while others write: none is missing, none is given twice, and
// the events of one object are in the order of its history.
func TestSequence_of_two(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 15
	l := newLedger(t, pgtest.New(t, Migrate))
	stores := []*Store{l.open(Config{}), l.open(Config{})}
	ctx, stop := context.WithCancel(t.Context())
	var writing, placing sync.WaitGroup
	for n := range writers {
		s, own := stores[n%2], *l
		own.site = id.NewSite()
		must(t, s.Update(t.Context(), func(tx store.Tx) error {
			return own.insert(t.Context(), tx, own.site, fmt.Sprintf("shop-%d", n))
		}))
		for half := range 2 {
			s := stores[half]
			writing.Go(func() {
				for range each {
					if err := own.count(s); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	for _, s := range stores {
		placing.Go(func() {
			for ctx.Err() == nil {
				if _, _, err := s.Sequence(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	stop()
	placing.Wait()
	first, last, err := stores[0].Sequence(t.Context())
	must(t, err)
	var events []event.Event
	must(t, stores[0].View(t.Context(), func(tx store.Tx) error {
		events, err = tx.Events(t.Context(), event.Query{Limit: 1000})
		return err
	}))
	if want := 1 + writers + 2*writers*each; len(events) != want || first != 1 || last != int64(want) {
		t.Errorf("%d events have places from %d to %d", len(events), first, last)
	}
	at := map[string]int{}
	for n, e := range events {
		if e.Seq != int64(n+1) {
			t.Fatalf("the event after %d has place %d", n, e.Seq)
		}
		if e.Type != event.DriftPolicySet {
			continue
		}
		var value int
		if _, err := fmt.Sscan(e.Data, &value); err != nil || value != at[e.ObjectID]+1 {
			t.Fatalf("of %s %s follows %d", e.ObjectID, e.Data, at[e.ObjectID])
		}
		at[e.ObjectID] = value
	}
}

// count raises a number of the site's own by one, and says so in the outbox.
func (l *ledger) count(s *Store) error {
	return s.Update(l.Context(), func(tx store.Tx) error {
		has, err := tx.GetSite(l.Context(), l.tenant, l.site)
		if err != nil {
			return err
		}
		has.ConfirmedRevision++
		if err := tx.UpdateSite(l.Context(), has); err != nil {
			return err
		}
		e := event.Event{Type: event.DriftPolicySet, ObjectID: string(l.site), Data: fmt.Sprint(has.ConfirmedRevision), At: time.Now()}
		return tx.Emit(l.Context(), e)
	})
}
