// Package relational holds what the databases that speak SQL have in common: the
// statements, once, and what their rows mean. What each has of its own, its store
// brings: connections and transactions, the schema, the errors of its driver, the
// queue of work and the places of events.
//
// The rules are the schemas' own to keep; this package names the one that was broken.
// Times and durations are kept to the microsecond.
package relational

import (
	"context"
	"fmt"
	"time"
)

// Tx is one transaction; its methods are in the file of their noun.
type Tx struct {
	conn  Conn
	clock func() time.Time
	// marked says that work became due, emitted that the outbox grew.
	marked, emitted bool
}

// New returns a transaction on a connection; the clock stamps rows that are updated.
func New(conn Conn, clock func() time.Time) *Tx { return &Tx{conn: conn, clock: clock} }

// Marked reports whether the transaction made work due.
func (t *Tx) Marked() bool { return t.marked }

// Emitted reports whether the transaction appended to the outbox.
func (t *Tx) Emitted() bool { return t.emitted }

// exec runs a statement and returns how many rows it changed. doing says what
// for, for the error.
func (t *Tx) exec(ctx context.Context, doing, text string, args ...any) (int64, error) {
	n, err := t.conn.Exec(ctx, text, args)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", doing, err)
	}
	return n, nil
}

// later runs a statement of which only the error is of interest; it may come with a
// later statement, or with the commit.
func (t *Tx) later(ctx context.Context, doing, text string, args ...any) error {
	if err := t.conn.Later(ctx, text, args); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// Row is what a scan function reads one row from.
type Row interface {
	Scan(dest ...any) error
}

// all returns every row of a query.
func all[T any](ctx context.Context, t *Tx, doing string, scan func(Row) (T, error), text string, args ...any) ([]T, error) {
	return All(ctx, t.conn, doing, scan, text, args...)
}

// All returns every row of a query; doing says what for, for the error.
func All[T any](ctx context.Context, on Conn, doing string, scan func(Row) (T, error), text string, args ...any) ([]T, error) {
	rows, err := on.Query(ctx, text, args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	var out []T
	if err := asking(&out, doing, scan, text, args...).TakeAll(rows); err != nil {
		return nil, err
	}
	return out, nil
}

// one returns the row of a query that gives at most one; ok is false when it
// gives none.
func one[T any](ctx context.Context, t *Tx, doing string, scan func(Row) (T, error), text string, args ...any) (v T, ok bool, err error) {
	return One(ctx, t.conn, doing, scan, text, args...)
}

// One returns the row of a query that gives at most one; ok is false when it gives
// none.
func One[T any](ctx context.Context, on Conn, doing string, scan func(Row) (T, error), text string, args ...any) (v T, ok bool, err error) {
	found, err := All(ctx, on, doing, scan, text, args...)
	if err != nil || len(found) == 0 {
		return v, false, err
	}
	return found[0], true, nil
}
