// Package memory keeps everything in the memory of one process and nothing after it:
// for tests, for simulations and for trying things. It owns the tables, the rules that
// their rows keep and the transactions; it decides nothing about sites, domains or
// operations.
//
// The tables are trees that share what did not change. A transaction writes to copies,
// a commit puts them in the place of what was there, and a rollback forgets them. So
// there is one writer at a time, and others wait for it no longer than their contexts;
// a reader has one snapshot and waits for nobody.
//
// Invariants kept by the tables, of which schema.go has all: slugs are unique among
// live sites; a hostname has one live verified domain, one published domain, one live
// domain per tenant and one open contest; one active operation per object; one active
// hold per target, and a drift is open once; history is an unbroken append-only chain
// per object; rows of one tenant refer to rows of the same tenant only, but for the two
// sides of a contest. A row is copied on its way in and out, and its times are kept to
// the microsecond, as databases do.
//
// Several stores may be opened on one database, as several processes would. In a bubble
// of testing/synctest the database is made inside of the bubble.
package memory

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// Config is what a database needs.
type Config struct {
	// Clock is the database's clock; nil means time.Now.
	Clock func() time.Time
	// Shared is what the stores say about whether others work on the database.
	Shared bool
}

// Store is one process's view of a database.
type Store struct {
	db     *database
	closed atomic.Bool
	// onMark and onEvent are the database's to guard.
	onMark, onEvent func()
}

var _ store.Store = (*Store)(nil)

// New makes an empty database and returns a store on it.
func New(cfg Config) *Store { return newDatabase(cfg).open() }

// Open returns another store on the same database, as another process would have. A
// commit through one of them is announced by all.
func (s *Store) Open() *Store { return s.db.open() }

// Update runs the closure in a transaction and commits it.
func (s *Store) Update(ctx context.Context, do func(tx store.Tx) error) error {
	return s.update(ctx, func(t *tx) error { return do(t) })
}

func (s *Store) update(ctx context.Context, do func(t *tx) error) error {
	if s.closed.Load() {
		return errClosed
	}
	committed, err := s.db.write(ctx, do)
	if err != nil {
		return err
	}
	s.db.announce(committed)
	return nil
}

// View runs the closure on one snapshot.
func (s *Store) View(ctx context.Context, do func(tx store.Tx) error) error {
	return s.read(ctx, func(t *tx) error { return do(t) })
}

func (s *Store) read(ctx context.Context, do func(t *tx) error) error {
	if s.closed.Load() {
		return errClosed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	if err := do(s.db.read()); err != nil {
		return err
	}
	return ctx.Err()
}

// OnMark sets what is called after each commit, of any store of the database, that
// marked work.
func (s *Store) OnMark(notify func()) { s.db.set(&s.onMark, notify) }

// OnEvent sets what is called after each commit, of any store of the database, that
// appended to the outbox.
func (s *Store) OnEvent(notify func()) { s.db.set(&s.onEvent, notify) }

// Now returns the time by the database's clock.
func (s *Store) Now() time.Time { return s.db.clock() }

// Shared returns what the database was made with.
func (s *Store) Shared() bool { return s.db.shared }

// Close ends this store and leaves the database to the others. What it is doing at the
// moment goes on.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.db.leave(s)
	return nil
}
