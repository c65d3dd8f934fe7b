package postgres

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// lockLimit is how long somebody waits for a lock at most.
const lockLimit = 3*time.Second + 2*time.Second

// waitingForLocks counts the sessions of a database that wait for each other.
const waitingForLocks = `
	SELECT count(*)::text FROM pg_locks JOIN pg_database ON pg_database.oid = database
	WHERE datname = current_database() AND NOT granted`

// Another session locks a table, as a careless migration does (F21).
func TestLocks_of_a_table(t *testing.T) {
	t.Parallel()
	const callers = 12
	l := newLedger(t, pgtest.New(t, Migrate))
	s := l.open(Config{Connections: 2 * callers})
	locker := l.session()
	_, err := locker.Exec(t.Context(), "BEGIN; LOCK TABLE site IN ACCESS EXCLUSIVE MODE")
	must(t, err)

	began := time.Now()
	writes, looks := make(chan error), make(chan error)
	for n := range callers {
		go func() { writes <- l.add(t.Context(), s, fmt.Sprint(n)) }()
		go func() {
			_, err := l.look(t.Context(), s)
			looks <- err
		}()
	}
	l.awaitWaiter("site")
	for range 3 {
		must(t, s.View(t.Context(), func(tx store.Tx) error {
			_, err := tx.GetTenant(t.Context(), l.tenant)
			return err
		}))
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("who needs another table waited %s", took)
	}
	for range callers {
		unavailableIn(t, lockLimit, began, <-looks)
	}
	// Writers take turns, and each of them waits.
	for range callers {
		unavailableIn(t, answeredWithin, began, <-writes)
	}
	if waiting := l.column(waitingForLocks)[0]; waiting != "0" {
		t.Errorf("%s still wait for a lock, after they were answered", waiting)
	}

	_, err = locker.Exec(t.Context(), "ROLLBACK")
	must(t, err)
	must(t, l.add(t.Context(), s, "word"))
	l.has("word", 1)
	for n := range callers {
		l.has(fmt.Sprint(n), 0)
	}
}

// Another session holds the row that a closure writes.
func TestLocks_of_a_row(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	s := l.open(Config{})
	locker := l.session()
	_, err := locker.Exec(t.Context(), "BEGIN; SELECT 1 FROM site FOR UPDATE")
	must(t, err)
	began := time.Now()
	unavailableIn(t, lockLimit, began, l.add(t.Context(), s, "word"))
	if _, err := l.look(t.Context(), s); err != nil {
		t.Errorf("a reader is in the writer's way: %v", err)
	}
	_, err = locker.Exec(t.Context(), "ROLLBACK")
	must(t, err)
	must(t, l.add(t.Context(), s, "other"))
	l.has("word", 0)
	l.has("other", 1)
}

// A process that stands still in the middle of a closure loses its transaction, and what
// it locked.
func TestLocks_of_who_stands_still(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	still, other := l.open(Config{DSN: l.dsn + "&idle_in_transaction_session_timeout=200ms"}), l.open(Config{})
	err := still.Update(t.Context(), func(tx store.Tx) error {
		if err := l.append(t.Context(), tx, "word"); err != nil {
			return err
		}
		must(t, l.add(t.Context(), other, "other"))
		began := time.Now()
		_, err := tx.GetSite(t.Context(), l.tenant, l.site)
		unavailableIn(t, time.Second, began, err)
		return err
	})
	if err == nil {
		t.Error("what it had lost was said to be committed")
	}
	l.has("word", 0)
	l.has("other", 1)
}

// Statements of a closure have the time of the transaction, however much time the caller
// has.
func TestLocks_of_a_statement_that_does_not_end(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	s := l.open(Config{DSN: l.dsn + "&lock_timeout=0&statement_timeout=0"})
	locker := l.session()
	_, err := locker.Exec(t.Context(), "BEGIN; LOCK TABLE site IN ACCESS EXCLUSIVE MODE")
	must(t, err)
	looked := make(chan error, 1)
	began := time.Now()
	go func() {
		_, err := l.look(t.Context(), s)
		looked <- err
	}()
	unavailableIn(t, answeredWithin, began, l.add(t.Context(), s, "word"))
	unavailableIn(t, answeredWithin, began, <-looked)
	eventually(t, 5*time.Second, func() error {
		if waiting := l.column(waitingForLocks)[0]; waiting != "0" {
			return errors.New("the server still works for who was answered")
		}
		return nil
	})
	_, err = locker.Exec(t.Context(), "ROLLBACK")
	must(t, err)
	l.has("word", 0)
}
