package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// statementConn is what a transaction runs its statements on.
type statementConn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// conn speaks to one transaction of the driver.
type conn struct {
	db *Store
	on statementConn
	// shared says that statements must not be interrupted.
	shared bool
}

// within returns the context of a statement, and an error once the caller has gone.
func (c conn) within(ctx context.Context) (context.Context, error) {
	if c.shared {
		return context.WithoutCancel(ctx), ctx.Err()
	}
	return ctx, nil
}

var _ relational.Conn = conn{}

func (c conn) Exec(ctx context.Context, text string, args []any) (int64, error) {
	ctx, err := c.within(ctx)
	if err != nil {
		return 0, err
	}
	result, err := c.on.ExecContext(ctx, translations.Of(text), stored(args)...)
	if err != nil {
		return 0, c.db.mapped(ctx, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, c.db.mapped(ctx, err)
	}
	return n, nil
}

// Later runs a statement at once: there is nothing to be gained by waiting.
func (c conn) Later(ctx context.Context, text string, args []any) error {
	_, err := c.Exec(ctx, text, args)
	return err
}

func (c conn) Query(ctx context.Context, text string, args []any) (relational.Rows, error) {
	ctx, err := c.within(ctx)
	if err != nil {
		return nil, err
	}
	found, err := c.on.QueryContext(ctx, translations.Of(text), stored(args)...)
	if err != nil {
		return nil, c.db.mapped(ctx, err)
	}
	return rows{found, c.db, ctx}, nil
}

// Together runs one after the other: there is no way between us and the file.
func (c conn) Together(ctx context.Context, asked []relational.Asked) error {
	for _, a := range asked {
		rows, err := c.Query(ctx, a.Text, a.Args)
		if err != nil {
			return fmt.Errorf("%s: %w", a.Doing, err)
		}
		if err := a.TakeAll(rows); err != nil {
			return err
		}
	}
	return nil
}

// Due reads work, which has every mark.
func (c conn) Due() string {
	return `SELECT key, due_at FROM work WHERE key IN (?texts) AND wanted_seq > done_seq`
}

// Like compares by GLOB, which tells upper from lower case, or by LIKE, which does not
// for the letters A to Z. A class of one letter is that letter.
func (c conn) Like(fold bool) relational.Pattern {
	if fold {
		return inAnyCase
	}
	return exactly
}

var (
	exactly   = relational.Pattern{Operator: " GLOB ?", Escape: strings.NewReplacer("?", "[?]", "[", "[[]")}
	inAnyCase = relational.Pattern{Operator: ` LIKE ? ESCAPE '\'`, Escape: strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "*", "%")}
)

// rows are those of the driver, with our errors.
type rows struct {
	*sql.Rows
	db  *Store
	ctx context.Context
}

func (r rows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return r.db.mapped(r.ctx, err)
	}
	return nil
}

// Close lets the rows go; their error is that of Err.
func (r rows) Close() { _ = r.Rows.Close() }

// spelled is what package relational writes and SQLite spells in another way.
var spelled = strings.NewReplacer(
	"(?texts)", "(SELECT value FROM json_each(?))", "(?numbers)", "(SELECT value FROM json_each(?))",
	"?texts", "json_each(?)", "?numbers", "json_each(?)", "?clock", "?", "?micros", "?",
	"least(", "min(", "greatest(", "max(", " IS TRUE", " = 1", " IS FALSE", " = 0",
)

// locks are of no use to one writer.
var locks = regexp.MustCompile(`\s+FOR (UPDATE|KEY SHARE|SHARE)( SKIP LOCKED)?`)

// translate spells a statement in SQLite's way.
func translate(text string) string { return locks.ReplaceAllString(spelled.Replace(text), "") }

var translations = relational.NewTranslations(translate)

// stored gives arguments the form that they are stored in: times are microseconds,
// lists are JSON.
func stored(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case relational.Stamp:
			if at := time.Time(v); !at.IsZero() {
				out[i] = at.UnixMicro()
			}
		case relational.Texts:
			out[i] = list(v)
		case relational.Numbers:
			out[i] = list(v)
		default:
			out[i] = arg
		}
	}
	return out
}

func list[T string | int64](items []T) string {
	if len(items) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(items) // texts and numbers always marshal
	return string(text)
}
