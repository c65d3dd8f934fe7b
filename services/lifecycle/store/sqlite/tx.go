package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// maxRuns bounds how often Update runs a closure that found the file locked.
const maxRuns = 3

// conn is what a transaction runs its statements on.
type conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// tx is one transaction; its methods are in the file of their noun.
type tx struct {
	db   *Store
	conn conn
	// marked says that work became due, emitted that the outbox grew.
	marked, emitted bool
}

var _ store.Tx = (*tx)(nil)

// Update runs the closure in a transaction on the one writing connection and
// commits it.
func (s *Store) Update(ctx context.Context, do func(tx store.Tx) error) error {
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
	if committed.marked {
		s.onMark()
	}
	if committed.emitted {
		s.onEvent()
	}
}

// View runs the closure on one snapshot.
func (s *Store) View(ctx context.Context, do func(tx store.Tx) error) error {
	_, err := s.run(ctx, s.reading, do)
	return err
}

// run runs the closure once and returns the transaction as it was committed.
func (s *Store) run(ctx context.Context, on *cache, do func(tx store.Tx) error) (*tx, error) {
	begun, err := on.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, s.failure(ctx, "begin a transaction", err)
	}
	prepared := &preparedConn{tx: begun, cache: on}
	defer func() {
		_ = begun.Rollback() // after a commit it does nothing
		on.prepare(ctx, prepared.missed)
	}()
	t := &tx{db: s, conn: prepared}
	if s.wrap != nil {
		t.conn = s.wrap(prepared)
	}
	if err := do(t); err != nil {
		return nil, err
	}
	if err := begun.Commit(); err != nil {
		return nil, s.failure(ctx, "commit", err)
	}
	return t, nil
}

// exec runs a statement and returns how many rows it changed. doing says what
// for, for the error.
func (t *tx) exec(ctx context.Context, doing, query string, args ...any) (int64, error) {
	result, err := t.conn.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, t.db.failure(ctx, doing, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, t.db.failure(ctx, doing, err)
	}
	return n, nil
}

// row is what a scan function reads one row from.
type row interface {
	Scan(dest ...any) error
}

// all returns every row of a query.
func all[T any](ctx context.Context, t *tx, doing string, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := t.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, t.db.failure(ctx, doing, err)
	}
	defer func() { _ = rows.Close() }()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, t.db.failure(ctx, doing, err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, t.db.failure(ctx, doing, err)
	}
	return out, nil
}

// one returns the row of a query that gives at most one; ok is false when it
// gives none.
func one[T any](ctx context.Context, t *tx, doing string, scan func(row) (T, error), query string, args ...any) (v T, ok bool, err error) {
	found, err := all(ctx, t, doing, scan, query, args...)
	if err != nil || len(found) == 0 {
		return v, false, err
	}
	return found[0], true, nil
}
