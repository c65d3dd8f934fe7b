package sqlite

import (
	"context"
	"database/sql"

	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// maxRuns bounds how often a closure is run that found the file locked.
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
// commits it, together with others that wait for the same.
func (s *Store) Update(ctx context.Context, do func(tx store.Tx) error) error {
	return s.update(ctx, func(t *tx) error { return do(t) })
}

func (s *Store) update(ctx context.Context, do func(t *tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	committed, err := s.board(ctx, do)
	if err != nil {
		return err
	}
	s.announce(committed)
	return nil
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
	b, err := s.begin(ctx, s.reading)
	if err != nil {
		return err
	}
	defer b.end(ctx)
	return do(b.transaction(false))
}

// begun is a transaction of the driver, on which one closure runs or several do.
type begun struct {
	db         *Store
	tx         *sql.Tx
	on         *cache
	prepared   *preparedConn
	statements statementConn
}

func (s *Store) begin(ctx context.Context, on *cache) (*begun, error) {
	driver, err := on.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, s.failure(ctx, "begin a transaction", err)
	}
	b := &begun{db: s, tx: driver, on: on, prepared: &preparedConn{tx: driver, cache: on}}
	b.statements = b.prepared
	if s.wrap != nil {
		b.statements = s.wrap(b.prepared)
	}
	return b, nil
}

// transaction returns what one closure works on. In one that is shared, a caller that
// goes away is not to interrupt a statement: SQLite would take back everybody's.
func (b *begun) transaction(shared bool) *tx {
	t := &tx{db: b.db, conn: conn{db: b.db, on: b.statements, shared: shared}}
	t.Tx = relational.New(t.conn, b.db.clock)
	return t
}

// do runs a statement of the transaction itself.
func (b *begun) do(ctx context.Context, text string) error {
	if _, err := b.prepared.ExecContext(ctx, text); err != nil {
		return b.db.failure(ctx, text, err)
	}
	return nil
}

func (b *begun) commit(ctx context.Context) error {
	if err := b.tx.Commit(); err != nil {
		return b.db.failure(ctx, "commit", err)
	}
	return nil
}

// end rolls back what was not committed, and prepares what was not for the next time.
func (b *begun) end(ctx context.Context) {
	_ = b.tx.Rollback() // after a commit it does nothing
	b.on.prepare(ctx, b.prepared.missed)
}
