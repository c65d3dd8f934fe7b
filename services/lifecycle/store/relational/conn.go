package relational

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Conn runs the statements of one transaction. It is what a database has of its own:
// it translates the text, gives the arguments the form that they are stored in, and
// maps the driver's errors, of which none leaves it.
//
// Texts are written once, in what both databases speak, and in a few words that each
// translates:
//
//	?          the next argument
//	?texts     the rows of a list of texts, in FROM with a name: FROM ?texts asked,
//	           whose column is asked.value; (?texts) after IN
//	?numbers   the same with whole numbers
//	?clock     the next argument, a Stamp, or the database's clock where that is zero
//	?micros    the next argument, as a duration in microseconds
//	least, greatest
//	FOR ...    locks of rows, for a database that has more than one writer
//	INDEXED BY, CROSS JOIN ... ON   which index to take, and that the order of the
//	           tables is the order to look in, for a database that must be told
//
// Arguments are nil, texts, whole numbers, bools, bytes, a Stamp, a Texts or a Numbers.
type Conn interface {
	// Exec runs a statement and returns how many rows it changed.
	Exec(ctx context.Context, text string, args []any) (int64, error)
	// Later runs a statement of which only the error is of interest, at any time
	// before the next read or the commit.
	Later(ctx context.Context, text string, args []any) error
	// Query runs a statement that gives rows.
	Query(ctx context.Context, text string, args []any) (Rows, error)
	// Together runs statements that give rows, in one round trip where there is one to
	// spare, and hands the rows of each to who asked.
	Together(ctx context.Context, asked []Asked) error
	// Due is the statement that reads when each of ?texts, keys of work, is due next: key
	// and time of those that are dirty.
	Due() string
	// Like returns how a column is compared with a pattern; fold takes the letters A
	// to Z for those in lower case.
	Like(fold bool) Pattern
}

// Asked is a statement that gives rows, and who takes them.
type Asked struct {
	// Doing says what for, for the error.
	Doing string
	Text  string
	Args  []any
	// Take takes one row.
	Take func(Row) error
}

// asking appends each row to out.
func asking[T any](out *[]T, doing string, scan func(Row) (T, error), text string, args ...any) Asked {
	return Asked{Doing: doing, Text: text, Args: args, Take: func(r Row) error {
		v, err := scan(r)
		*out = append(*out, v)
		return err
	}}
}

// TakeAll hands rows to who asked, and closes them.
func (a Asked) TakeAll(rows Rows) error {
	defer rows.Close()
	for rows.Next() {
		if err := a.Take(rows); err != nil {
			return fmt.Errorf("%s: %w", a.Doing, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s: %w", a.Doing, err)
	}
	return nil
}

// Rows are read one after the other and closed at the end.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// Pattern is how a text is compared with one in which * stands for any text.
type Pattern struct {
	// Operator follows the column, with the place of the argument.
	Operator string
	// Escape makes the argument.
	Escape *strings.Replacer
}

// Stamp is a time as an argument; the zero time is stored as NULL.
type Stamp time.Time

// Texts is a list of texts as an argument of ?texts.
type Texts []string

// Numbers is a list of whole numbers as an argument of ?numbers.
type Numbers []int64

// BrokenError says that a statement broke a constraint. It leaves a store only when
// that was used in a way that its interfaces rule out.
type BrokenError struct {
	// Constraint is ForeignKey, or bears the name of a unique one: the table and the
	// column that tells it from the others of the table, as "site.slug".
	Constraint string
}

// ForeignKey is the constraint that a reference leads somewhere.
const ForeignKey = "FOREIGN KEY"

func (e *BrokenError) Error() string { return "constraint broken: " + e.Constraint }

// breaks reports whether an error says that a constraint was broken.
func breaks(err error, constraint string) bool {
	var broken *BrokenError
	return errors.As(err, &broken) && strings.Contains(broken.Constraint, constraint)
}
