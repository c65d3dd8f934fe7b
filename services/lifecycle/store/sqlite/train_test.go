package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
)

// rideTogether starts closures while another one holds the writer, so that they share a
// train, and returns what became of each.
func rideTogether(t *testing.T, s *Store, closures ...func(tx store.Tx) error) []error {
	t.Helper()
	results := make([]error, len(closures))
	holding, goOn := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		must(t, s.Update(t.Context(), func(store.Tx) error { close(holding); <-goOn; return nil }))
	})
	<-holding
	for i, do := range closures {
		all.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					results[i] = fmt.Errorf("panicked: %v", p)
				}
			}()
			results[i] = s.Update(t.Context(), do)
		})
	}
	waitFor(t, func() bool {
		s.train.mu.Lock()
		defer s.train.mu.Unlock()
		return len(s.train.waiting) == len(closures)
	})
	close(goOn)
	all.Wait()
	return results
}

func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within 10 s")
		}
	}
}

func named(ctx context.Context, name string, then error) func(tx store.Tx) error {
	return func(tx store.Tx) error {
		err := tx.InsertTenant(ctx, admin.Tenant{ID: id.NewTenant(), Name: name, CreatedAt: time.Unix(1, 0)})
		return errors.Join(err, then)
	}
}

// has returns which of the tenants are there.
func has(t *testing.T, s *Store, names ...string) (there []string) {
	t.Helper()
	must(t, s.View(t.Context(), func(tx store.Tx) error {
		for _, name := range names {
			if _, err := tx.TenantByName(t.Context(), name); err == nil {
				there = append(there, name)
			}
		}
		return nil
	}))
	return there
}

func TestTrain(t *testing.T) {
	t.Run("commits closures that wait together once", func(t *testing.T) {
		var begun atomic.Int64
		s := openTest(t, Config{wrap: func(c statementConn) statementConn { begun.Add(1); return c }})
		var closures []func(tx store.Tx) error
		for i := range 10 {
			closures = append(closures, named(t.Context(), fmt.Sprint("t", i), nil))
		}
		for _, err := range rideTogether(t, s, closures...) {
			must(t, err)
		}
		if n := begun.Load(); n != 2 { // that of the one that held the writer, and theirs
			t.Errorf("they took %d transactions", n-1)
		}
		if there := has(t, s, "t0", "t9"); len(there) != 2 {
			t.Errorf("only %v are there", there)
		}
	})
	t.Run("takes back the one that fails and no other", func(t *testing.T) {
		s := openTest(t, Config{})
		stop := errors.New("stop")
		results := rideTogether(t, s, named(t.Context(), "one", nil), named(t.Context(), "two", stop), named(t.Context(), "three", nil))
		if results[0] != nil || !errors.Is(results[1], stop) || results[2] != nil {
			t.Errorf("got %v", results)
		}
		if there := has(t, s, "one", "two", "three"); len(there) != 2 {
			t.Errorf("%v are there", there)
		}
	})
	t.Run("takes back the one that panics and no other", func(t *testing.T) {
		s := openTest(t, Config{})
		results := rideTogether(t, s, named(t.Context(), "one", nil), func(tx store.Tx) error {
			must(t, named(t.Context(), "two", nil)(tx))
			panic("boom")
		}, named(t.Context(), "three", nil))
		if results[0] != nil || results[1] == nil || results[1].Error() != "panicked: boom" || results[2] != nil {
			t.Errorf("got %v", results)
		}
		if there := has(t, s, "one", "two", "three"); len(there) != 2 {
			t.Errorf("%v are there", there)
		}
		must(t, s.Update(t.Context(), named(t.Context(), "four", nil)))
	})
	t.Run("tells what is wrong at the commit to the one whose it is", func(t *testing.T) {
		s := openTest(t, Config{})
		owner, _ := storetest.Everything(t, s)
		dangling := func(tx store.Tx) error {
			owner.PrimaryDomainID = id.NewDomain() // references are looked at by the commit
			return tx.UpdateSite(t.Context(), owner)
		}
		results := rideTogether(t, s, named(t.Context(), "one", nil), dangling, named(t.Context(), "three", nil))
		if results[0] != nil || results[1] == nil || results[2] != nil {
			t.Errorf("got %v", results)
		}
		if there := has(t, s, "one", "three"); len(there) != 2 {
			t.Errorf("only %v are there", there)
		}
	})
	t.Run("lets a caller go that still waits, and not interrupt those on their way", func(t *testing.T) {
		s := openTest(t, Config{})
		gone, cancel := context.WithCancel(t.Context())
		var ran atomic.Bool
		holding, goOn := make(chan struct{}), make(chan struct{})
		first := make(chan error, 1)
		go func() {
			first <- s.Update(t.Context(), func(tx store.Tx) error {
				must(t, named(t.Context(), "one", nil)(tx))
				close(holding)
				<-goOn
				return nil
			})
		}()
		<-holding
		second := make(chan error, 1)
		go func() {
			second <- s.Update(gone, func(store.Tx) error { ran.Store(true); return nil })
		}()
		waitFor(t, func() bool { s.train.mu.Lock(); defer s.train.mu.Unlock(); return len(s.train.waiting) == 1 })
		cancel()
		if err := <-second; !errors.Is(err, context.Canceled) || ran.Load() {
			t.Errorf("the one that went got %v and ran: %v", err, ran.Load())
		}
		close(goOn)
		must(t, <-first)
		ends, cancel := context.WithCancel(t.Context())
		err := s.Update(ends, func(tx store.Tx) error {
			must(t, named(ends, "two", nil)(tx))
			cancel()
			return named(ends, "three", nil)(tx)
		})
		if there := has(t, s, "one", "two", "three"); !errors.Is(err, context.Canceled) || len(there) != 1 {
			t.Errorf("got %v, and %v are there", err, there)
		}
	})
}
