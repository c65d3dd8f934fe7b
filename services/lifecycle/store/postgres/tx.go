package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

const (
	// answerLimit bounds a transaction, however often its closure is run: a server that
	// stands still must not hold up anybody for longer.
	answerLimit = 10 * time.Second
	// maxRuns bounds how often a closure is run that others were in the way of.
	maxRuns = 50
	// firstPause and longestPause are between two runs.
	firstPause, longestPause = 2 * time.Millisecond, 100 * time.Millisecond
)

// How transactions begin. Closures see one snapshot; guards keep two that decide about
// the same object apart (SERIALIZABLE would, too, but it locks pages of indexes, and the
// ids of objects made at the same time lie on the same page: with four writers every
// third transaction was in vain). Those that take rows from each other, and nothing else,
// need no more than the rows' locks.
const (
	writing       = "BEGIN ISOLATION LEVEL REPEATABLE READ"
	reading       = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	readCommitted = "BEGIN ISOLATION LEVEL READ COMMITTED"
)

// tx is one transaction: what all databases have in common, and work.
type tx struct {
	*relational.Tx
	conn *conn
	// marked says that work became due.
	marked bool
	// guarded are the objects whose guards were written.
	guarded map[string]bool
}

var _ store.Tx = (*tx)(nil)

// Update runs the closure in a transaction and commits it. It is run again, as a whole,
// when others were at work on the same rows.
func (s *Store) Update(ctx context.Context, do func(tx store.Tx) error) error {
	return s.update(ctx, writing, tenantOf(ctx), func(t *tx) error { return do(t) })
}

// update is what everything that writes goes through; tenant is whose rows alone it may
// have, empty for all.
func (s *Store) update(ctx context.Context, begin, tenant string, do func(t *tx) error) error {
	until := time.Now().Add(answerLimit)
	within, cancel := bounded(ctx, until)
	defer cancel()
	select {
	case s.writers <- struct{}{}:
		defer func() { <-s.writers }()
	case <-within.Done():
		return ended(within)
	}
	committed, err := s.repeat(within, attempt{store: s, begin: begin, tenant: tenant, until: until}, do)
	if err == nil {
		s.announce(committed)
	}
	return err
}

// repeat runs a closure until nobody is in its way, and returns its transaction.
func (s *Store) repeat(ctx context.Context, a attempt, do func(t *tx) error) (*tx, error) {
	for run := 1; ; run++ {
		a.tx, a.xid, a.lost = nil, "", false
		err := a.run(ctx, do)
		if a.lost {
			err = s.resolve(ctx, a, err)
		}
		switch {
		case err == nil:
			return a.tx, nil
		case a.tx != nil && a.tx.conn.broken && !a.careful:
			a.careful = true
		case a.inVain(err) && run < maxRuns:
			s.conflicts.Add(1)
			if err := pause(ctx, run); err != nil {
				return nil, err
			}
		case a.inVain(err):
			return nil, unavailable(fmt.Errorf("%w, %d times in a row", errAgain, run))
		default:
			return nil, err
		}
	}
}

// pause waits a while that grows with the runs, and that differs between those who were
// in each other's way.
func pause(ctx context.Context, run int) error {
	longest := min(firstPause<<min(run, 10), longestPause)
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ended(ctx)
	case <-timer.C:
		return nil
	}
}

// View runs the closure on one snapshot. It is run again when it and somebody who locks
// tables wait for each other.
func (s *Store) View(ctx context.Context, do func(tx store.Tx) error) error {
	until := time.Now().Add(answerLimit)
	within, cancel := bounded(ctx, until)
	defer cancel()
	_, err := s.repeat(within, attempt{store: s, begin: reading, tenant: tenantOf(ctx), until: until}, func(t *tx) error { return do(t) })
	return err
}

// bounded ends a context at that time, because the database did not answer.
func bounded(ctx context.Context, until time.Time) (context.Context, context.CancelFunc) {
	return context.WithDeadlineCause(ctx, until, unavailable(errSlow))
}

// attempt is one run of a closure.
type attempt struct {
	store         *Store
	begin, tenant string
	careful       bool
	// until is when it must have ended.
	until time.Time
	// tx is nil until it has begun.
	tx *tx
	// xid is the transaction's number, empty until it is known, and life that of the server
	// which gave it. Lost says that the answer to its commit is.
	xid  string
	life any
	lost bool
}

// inVain reports whether others were in the way.
func (a *attempt) inVain(err error) bool {
	return errors.Is(err, errAgain) || a.tx != nil && a.tx.conn.again
}

// run runs the closure once, on a connection of its own.
func (a *attempt) run(ctx context.Context, do func(t *tx) error) error {
	on, err := a.store.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("reach the database: %w", mapped(ctx, err))
	}
	defer a.release(ctx, on)
	a.tx = &tx{conn: &conn{on: on.Conn(), careful: a.careful, reading: a.begin == reading, until: a.until, tenant: a.tenant}}
	a.life = lifeOf(on.Conn())
	a.tx.Tx = relational.New(a.tx.conn, a.store.Now)
	if err := a.open(ctx); err != nil {
		return fmt.Errorf("begin a transaction: %w", a.tx.conn.noted(ctx, err))
	}
	if err := do(a.tx); err != nil {
		return err
	}
	if a.begin == reading {
		return nil
	}
	return a.commit(ctx)
}

// open lets the beginning wait for the first statement, or, where each is sent at once,
// sends it.
func (a *attempt) open(ctx context.Context) error {
	c := a.tx.conn
	if a.careful {
		if _, err := c.on.Exec(ctx, a.begin); err != nil {
			return err
		}
		return c.on.QueryRow(ctx, "SELECT pg_current_xact_id()::text").Scan(&a.xid)
	}
	c.waiting = append(c.waiting, statement{text: a.begin})
	if a.begin == writing {
		c.waiting = append(c.waiting, statement{text: "SELECT pg_current_xact_id()::text", into: &a.xid})
	}
	return nil
}

// release gives the connection back; a transaction that was not committed is rolled
// back, and where that fails the connection is closed.
func (a *attempt) release(ctx context.Context, on *pgxpool.Conn) {
	defer on.Release()
	if on.Conn().IsClosed() || on.Conn().PgConn().TxStatus() == 'I' {
		return
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if _, err := on.Conn().Exec(ending, "ROLLBACK"); err != nil {
		_ = on.Conn().Close(ending)
	}
}

// Conflicts returns how many runs of closures were in vain since the store was opened,
// because others were at work on the same rows.
func (s *Store) Conflicts() int64 { return s.conflicts.Load() }
