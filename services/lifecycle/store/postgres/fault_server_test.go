package postgres

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/postgres/relay"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// TestServer is about a server of its own, which dies and stands still (F20, F22).
func TestServer(t *testing.T) {
	// What is not committed does not leave the server's memory by itself, so that its death
	// forgets it. What has left it is the kernel's, so nobody waits for a disk.
	server, dsn := startServer(t, pgtest.Config{Settings: map[string]string{"wal_writer_delay": "10s"}})
	l := newLedger(t, dsn)
	t.Run("dies in a commit, and gives its number to another", func(t *testing.T) { diesInCommit(l.in(t), server) })
	t.Run("dies again and again, and forgets nothing that it said", func(t *testing.T) { dies(l.in(t), server) })
	t.Run("stands still, and everybody is told so", func(t *testing.T) { standsStill(l.in(t), server) })
	t.Run("is gone when a store is opened", func(t *testing.T) {
		must(t, server.StopImmediately())
		began := time.Now()
		_, err := Open(t.Context(), Config{DSN: dsn})
		unavailableIn(t, answeredWithin, began, err)
		must(t, server.Restart(t.Context()))
		l.in(t).open(Config{})
	})
}

func dies(l *ledger, server *pgtest.Server) {
	const deaths, writers, readers, connections = 3, 4, 2, 6
	before := runtime.NumGoroutine()
	dsn := l.dsn + "&application_name=replica"
	stores := []*Store{l.open(Config{DSN: dsn, Connections: connections}), l.open(Config{DSN: dsn, Connections: connections})}
	busy := l.begin(writers, readers, stores...)
	for range deaths {
		busy.goesOn()
		must(l, server.StopImmediately())
		// A connection that ends has two goroutines for a while, a call and a store some.
		if got, most := runtime.NumGoroutine(), before+2*(2*connections+writers+readers+5); got > most {
			l.Errorf("there are %d goroutines, more than %d", got, most)
		}
		must(l, server.Restart(l.Context()))
	}
	busy.goesOn()
	busy.end()
	watch := l.session()
	eventually(l.T, 5*time.Second, func() error {
		var sessions int
		must(l, watch.QueryRow(l.Context(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'replica'").Scan(&sessions))
		if most := len(stores) * (connections + 1); sessions > most {
			return fmt.Errorf("the stores have %d connections, more than %d", sessions, most)
		}
		return nil
	})
	for _, s := range stores {
		must(l, s.Close())
	}
	settles(l.T, before)
}

// diesInCommit lets a transaction be lost whose number another gets in the server's next
// life, which commits: nobody may take the one for the other.
func diesInCommit(l *ledger, server *pgtest.Server) {
	s, r := l.through()
	r.OnCommit(relay.Once(relay.Fate{Met: func() {
		r.Hold() // nobody asks before the number is another's
		defer r.Release()
		must(l, server.StopImmediately())
		must(l, server.Restart(l.Context()))
		for n := range 20 {
			l.run(fmt.Sprintf("CREATE TABLE other_%d ()", n))
		}
	}}))
	began := time.Now()
	err := l.add(l.Context(), s, "word")
	unavailableIn(l.T, answeredWithin, began, err)
	if !errors.Is(err, errUnknown) {
		l.Errorf("answered %v, which does not say that the outcome is unknown", err)
	}
	l.has("word", 0)
	must(l, l.add(l.Context(), s, "next"))
	l.has("next", 1)
}

// settles checks that no goroutine is left.
func settles(t *testing.T, before int) {
	t.Helper()
	eventually(t, 10*time.Second, func() error {
		if got := runtime.NumGoroutine(); got > before {
			stacks := make([]byte, 1<<20)
			return fmt.Errorf("%d goroutines are left, before there were %d\n%s", got, before, stacks[:runtime.Stack(stacks, true)])
		}
		return nil
	})
}

func standsStill(l *ledger, server *pgtest.Server) {
	const callers = 10
	s, before := l.open(Config{}), runtime.NumGoroutine()
	must(l, l.add(l.Context(), s, "before"))

	var all sync.WaitGroup
	inside, paused := make(chan struct{}), make(chan struct{})
	began := time.Now()
	all.Go(func() {
		err := s.Update(l.Context(), func(tx store.Tx) error {
			if err := l.append(l.Context(), tx, "inside"); err != nil {
				return err
			}
			close(inside)
			<-paused
			_, err := tx.GetSite(l.Context(), l.tenant, l.site)
			return err
		})
		unavailableIn(l.T, answeredWithin, began, err)
	})
	<-inside
	must(l, server.Pause())
	began = time.Now()
	close(paused)
	var answers told
	calls := []func(n int) error{
		func(n int) error { return answers.add(l.Context(), l, s, fmt.Sprint("still-", n)) },
		func(int) error {
			_, err := l.look(l.Context(), s)
			return err
		},
		func(int) error {
			_, _, err := s.ClaimWork(l.Context(), worker.Claim{Owner: "me", Lease: time.Minute, Limit: 1})
			return err
		},
		func(int) error {
			_, _, err := s.Sequence(l.Context())
			return err
		},
	}
	for n := range callers {
		for _, call := range calls {
			all.Go(func() { unavailableIn(l.T, answeredWithin, began, call(n)) })
		}
	}
	all.Wait()
	must(l, server.Resume())
	eventually(l.T, 5*time.Second, func() error { return l.add(l.Context(), s, "after") })
	l.has("before", 1)
	l.has("inside", 0)
	l.has("after", 1)
	answers.late = 0
	answers.check(l)
	settles(l.T, before+1)
	var down *lifecycle.UnavailableError
	if err := s.Close(); errors.As(err, &down) {
		l.Error(err)
	}
}
