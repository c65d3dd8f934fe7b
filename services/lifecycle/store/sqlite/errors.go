package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// retryAfter is when a database that did not answer is worth another try.
const retryAfter = time.Second

// errBusy is the cause of an UnavailableError that running the whole closure
// again may heal.
var errBusy = errors.New("the file is locked by another process")

// errReadOnly says that a closure of View wrote.
var errReadOnly = errors.New("a read-only transaction cannot write")

// breaks reports whether an error says that a constraint was broken.
func breaks(err error, constraint string) bool {
	var broken *relational.BrokenError
	return errors.As(err, &broken) && broken.Constraint == constraint
}

// failure maps an error of the driver to one of ours; doing says what was tried.
func (s *Store) failure(ctx context.Context, doing string, err error) error {
	return fmt.Errorf("%s: %w", doing, s.mapped(ctx, err))
}

// mapped maps an error of the driver to one of ours; the driver's own never leaves
// the package.
func (s *Store) mapped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff { // the low byte is the primary code
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return unavailable(errBusy)
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN, lib.SQLITE_NOMEM, lib.SQLITE_PROTOCOL:
		return unavailable(fmt.Errorf("%s: %s", s.path, e.Error()))
	case lib.SQLITE_NOTADB, lib.SQLITE_CORRUPT:
		return fmt.Errorf("the file %s is damaged or no database (%s): restore a backup", s.path, e.Error())
	case lib.SQLITE_CONSTRAINT:
		return &relational.BrokenError{Constraint: constraintOf(e)}
	case lib.SQLITE_READONLY:
		return errReadOnly
	}
	return errors.New(e.Error())
}

func unavailable(cause error) error {
	return &lifecycle.UnavailableError{What: "database", RetryAfter: retryAfter, Err: cause}
}

// constraintOf reads the constraint out of a message such as "constraint failed:
// UNIQUE constraint failed: site.slug (2067)".
func constraintOf(e *sqlite.Error) string {
	if e.Code() == lib.SQLITE_CONSTRAINT_FOREIGNKEY {
		return relational.ForeignKey
	}
	message := e.Error()
	if i := strings.LastIndex(message, "failed: "); i >= 0 {
		message = message[i+len("failed: "):]
	}
	constraint, _, _ := strings.Cut(message, " (")
	return constraint
}
