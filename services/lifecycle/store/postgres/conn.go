package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// conn speaks to one transaction of one connection.
//
// What need not be answered at once waits, and travels with the next read or with the
// commit: a transaction that reads twice and writes ten rows makes three round trips.
// An error of what waited then comes too late for the one who caused it. So the first
// broken rule dooms the transaction, whatever the closure makes of it, and the closure
// is run again carefully: each statement at once, and within a savepoint, so that the
// closure may go on after an error as it likes.
type conn struct {
	on *pgx.Conn
	// careful and reading transactions let nothing wait.
	careful, reading bool
	// until is when each statement must have been answered.
	until time.Time
	// tenant is whose rows alone the transaction may have, empty for all; facing is what
	// the server has been told of it, or is told by what waits.
	tenant, facing string
	// waiting are the statements that were not sent yet.
	waiting []statement
	// doomed says that the transaction cannot be committed; broken, that it is for a
	// broken rule.
	doomed, broken bool
	// again says that others were in the way of a statement, whatever the closure made of it.
	again bool
}

var _ relational.Conn = (*conn)(nil)

// statement waits. Into takes the text that it gives, nil for none.
type statement struct {
	text string
	args []any
	into *string
}

// Exec runs a statement and returns how many rows it changed.
func (c *conn) Exec(ctx context.Context, text string, args []any) (int64, error) {
	ctx, cancel := bounded(ctx, c.until)
	defer cancel()
	if err := c.guard(ctx); err != nil {
		return 0, err
	}
	tag, err := c.send(ctx, translations.Of(text), stored(args))
	return tag.RowsAffected(), c.guarded(ctx, err)
}

// Later lets a statement wait.
func (c *conn) Later(ctx context.Context, text string, args []any) error {
	if c.careful || c.reading {
		_, err := c.Exec(ctx, text, args)
		return err
	}
	if err := c.face(ctx); err != nil {
		return err
	}
	c.waiting = append(c.waiting, statement{text: translations.Of(text), args: stored(args)})
	return nil
}

// Query runs a statement that gives rows.
func (c *conn) Query(ctx context.Context, text string, args []any) (relational.Rows, error) {
	ctx, cancel := bounded(ctx, c.until)
	if err := c.guard(ctx); err != nil {
		cancel()
		return nil, err
	}
	found, err := c.read(ctx, translations.Of(text), stored(args))
	if err != nil {
		defer cancel()
		return nil, c.guarded(ctx, err)
	}
	found.end = cancel
	return found, nil
}

// guard has the wall stand as the statement needs it, and begins what a careful
// transaction takes back when the statement fails.
func (c *conn) guard(ctx context.Context) error {
	if err := c.face(ctx); err != nil || !c.careful {
		return err
	}
	_, err := c.on.Exec(ctx, "SAVEPOINT s")
	return c.noted(ctx, err)
}

// guarded maps the error of a statement, and in a careful transaction takes back what
// it did before it failed.
func (c *conn) guarded(ctx context.Context, failed error) error {
	if !c.careful {
		return c.noted(ctx, failed)
	}
	ending := "RELEASE SAVEPOINT s"
	if failed != nil {
		ending = "ROLLBACK TO SAVEPOINT s"
	}
	if _, err := c.on.Exec(ctx, ending); err != nil {
		return c.noted(ctx, errors.Join(failed, err))
	}
	return c.mapped(ctx, failed)
}

// noted maps an error that ended the transaction.
func (c *conn) noted(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	err = c.mapped(ctx, err)
	var broken *relational.BrokenError
	c.doomed, c.broken = true, c.broken || errors.As(err, &broken)
	return err
}

// mapped maps an error; a write that is refused although the transaction may write says
// that the whole database takes none.
func (c *conn) mapped(ctx context.Context, err error) error {
	err = mapped(ctx, err)
	c.again = c.again || errors.Is(err, errAgain)
	if errors.Is(err, errReadOnly) && !c.reading {
		return unavailable(errors.New("it takes no writes (25006)"))
	}
	return err
}

// send sends what waits and then the statement.
func (c *conn) send(ctx context.Context, text string, args []any) (pgconn.CommandTag, error) {
	if len(c.waiting) == 0 {
		return c.on.Exec(ctx, text, args...)
	}
	results, err := c.flush(ctx, text, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	if closed := results.Close(); err == nil {
		err = closed
	}
	return tag, err
}

// read is the same for one that gives rows.
func (c *conn) read(ctx context.Context, text string, args []any) (*rows, error) {
	if len(c.waiting) == 0 {
		found, err := c.on.Query(ctx, text, args...)
		return &rows{Rows: found, conn: c, ctx: ctx}, err
	}
	results, err := c.flush(ctx, text, args)
	if err != nil {
		return nil, err
	}
	found, err := results.Query()
	if err != nil {
		_ = results.Close() // says the same again
		return nil, err
	}
	return &rows{Rows: found, conn: c, ctx: ctx, results: results}, nil
}

// flush sends what waits together with a statement, whose result is the next one of
// those that are returned.
func (c *conn) flush(ctx context.Context, text string, args []any) (pgx.BatchResults, error) {
	batch, waited := &pgx.Batch{}, c.waiting
	for _, w := range waited {
		batch.Queue(w.text, w.args...)
	}
	batch.Queue(text, args...)
	c.waiting = nil
	results := c.on.SendBatch(ctx, batch)
	for _, w := range waited {
		if err := w.result(results); err != nil {
			_ = results.Close() // says the same again
			return nil, err
		}
	}
	return results, nil
}

// result reads what a statement that waited was answered.
func (w statement) result(results pgx.BatchResults) error {
	if w.into != nil {
		return results.QueryRow().Scan(w.into)
	}
	_, err := results.Exec()
	return err
}

// rows are those of the driver, with our errors.
type rows struct {
	pgx.Rows
	conn *conn
	ctx  context.Context
	// results are those that the rows came with, nil for none.
	results pgx.BatchResults
	// end is called when the reading has ended.
	end    context.CancelFunc
	closed bool
	err    error
}

// Err ends the reading and returns what went wrong in it.
func (r *rows) Err() error {
	r.Close()
	return r.err
}

// Close ends the reading.
func (r *rows) Close() {
	if r.closed {
		return
	}
	r.closed = true
	defer r.end()
	r.Rows.Close()
	if r.results != nil {
		_ = r.results.Close() // its error is that of the rows
	}
	r.err = r.conn.guarded(r.ctx, r.Rows.Err())
}

// Like compares by LIKE or ILIKE; texts have the collation of bytes, so that only the
// letters A to Z are folded.
func (c *conn) Like(fold bool) relational.Pattern {
	if fold {
		return inAnyCase
	}
	return exactly
}

var (
	wildcards = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "*", "%")
	exactly   = relational.Pattern{Operator: ` LIKE ?`, Escape: wildcards}
	inAnyCase = relational.Pattern{Operator: ` ILIKE ?`, Escape: wildcards}
)

// stored gives arguments the form that the driver takes.
func stored(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case relational.Stamp:
			if at := time.Time(v); !at.IsZero() {
				out[i] = at
			}
		case relational.Texts:
			out[i] = []string(v)
		case relational.Numbers:
			out[i] = []int64(v)
		default:
			out[i] = arg
		}
	}
	return out
}
