package sqlite

import (
	"context"
	"errors"

	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// maxRuns bounds how often Update runs a closure that found the file locked.
const maxRuns = 3

// tx is one transaction: what all databases have in common, and work.
type tx struct {
	*relational.Tx
	db   *Store
	conn relational.Conn
	// marked says that work became due.
	marked bool
}

var _ store.Tx = (*tx)(nil)

// Update runs the closure in a transaction on the one writing connection and
// commits it.
func (s *Store) Update(ctx context.Context, do func(tx store.Tx) error) error {
	return s.update(ctx, func(t *tx) error { return do(t) })
}

func (s *Store) update(ctx context.Context, do func(t *tx) error) error {
	for run := 1; ; run++ {
		committed, err := s.run(ctx, s.writing, do)
		if err == nil {
			s.announce(committed)
			return nil
		}
		if run == maxRuns || !errors.Is(err, errBusy) {
			return err
		}
	}
}

// announce tells who waits for what a commit brought.
func (s *Store) announce(committed *tx) {
	if committed.marked || committed.Marked() {
		s.onMark()
	}
	if committed.Emitted() {
		s.onEvent()
	}
}

// View runs the closure on one snapshot.
func (s *Store) View(ctx context.Context, do func(tx store.Tx) error) error {
	_, err := s.run(ctx, s.reading, func(t *tx) error { return do(t) })
	return err
}

// run runs the closure once and returns the transaction as it was committed.
func (s *Store) run(ctx context.Context, on *cache, do func(t *tx) error) (*tx, error) {
	begun, err := on.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, s.failure(ctx, "begin a transaction", err)
	}
	prepared := &preparedConn{tx: begun, cache: on}
	defer func() {
		_ = begun.Rollback() // after a commit it does nothing
		on.prepare(ctx, prepared.missed)
	}()
	var statements statementConn = prepared
	if s.wrap != nil {
		statements = s.wrap(prepared)
	}
	t := &tx{db: s, conn: conn{db: s, on: statements}}
	t.Tx = relational.New(t.conn, s.clock)
	if err := do(t); err != nil {
		return nil, err
	}
	if err := begun.Commit(); err != nil {
		return nil, s.failure(ctx, "commit", err)
	}
	return t, nil
}
