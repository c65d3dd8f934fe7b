package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// retryAfter is when a database that did not answer is worth another try.
const retryAfter = time.Second

// errReadOnly says that a closure of View wrote.
var errReadOnly = errors.New("a read-only transaction cannot write")

// errAgain is the cause of an error that running the whole closure again may heal.
var errAgain = errors.New("others were at work on the same rows")

// errSlow says that the time of a transaction is over.
var errSlow = fmt.Errorf("no answer within %s", answerLimit)

// errLocked says that a row or table was locked by somebody else for too long.
var errLocked = errors.New("a row or table is locked for too long")

// unique are the names that package relational has for the constraints that are told
// apart by more than their table.
var unique = map[string]string{
	"tenant_name":      "tenant.name",
	"site_slug":        "site.slug",
	"domain_verified":  "domain.hostname",
	"domain_live":      "domain.hostname",
	"domain_shown":     "domain.hostname",
	"contest_open":     "contest.hostname",
	"operation_active": "operation.object_id",
	"request_id":       "request.id",
	"drift_open":       "drift.place",
	"hold_active":      "hold.target_id",
}

// mapped maps an error of the driver to one of ours; the driver's own never leaves the
// package.
func mapped(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := ended(ctx); cause != nil {
		return cause
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refusal(refused)
	}
	if unreachable(err) {
		return unavailable(errors.New(plain(err)))
	}
	return err
}

// ended says how a context ended: by its own caller, or because the database did not
// answer in the time that a transaction has.
func ended(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// refusal maps what the server said, by its code:
// https://www.postgresql.org/docs/15/errcodes-appendix.html
func refusal(e *pgconn.PgError) error {
	switch {
	case e.Code == "40001", e.Code == "40P01":
		return fmt.Errorf("%w (%s)", errAgain, e.Code)
	case e.Code == "23503":
		return &relational.BrokenError{Constraint: relational.ForeignKey}
	case e.Code == "23502":
		return &relational.BrokenError{Constraint: e.TableName + "." + e.ColumnName}
	case strings.HasPrefix(e.Code, "23"):
		return &relational.BrokenError{Constraint: constraintOf(e)}
	case e.Code == "22021": // every other text is UTF-8 by the wire's own rules
		return &lifecycle.InvalidError{Violations: []lifecycle.Violation{{Description: "no text may hold the character NUL"}}}
	case e.Code == "25006":
		return errReadOnly
	case e.Code == "55P03":
		return unavailable(errLocked)
	case e.Code == "25P03", e.Code == "25P04": // the server ended a transaction that took too long
		return unavailable(fmt.Errorf("%s (%s)", e.Message, e.Code))
	case e.Code == "57014":
		return unavailable(errors.New("a statement took too long: " + e.Message))
	}
	switch e.Code[:2] {
	case "08", "53", "57", "58": // connection, resources, operator, system
		return unavailable(fmt.Errorf("%s (%s)", e.Message, e.Code))
	}
	return fmt.Errorf("%s (%s)", e.Message, e.Code)
}

func constraintOf(e *pgconn.PgError) string {
	if name, ok := unique[e.ConstraintName]; ok {
		return name
	}
	if e.ConstraintName != "" {
		return e.ConstraintName
	}
	return e.Message
}

// unreachable reports whether an error is of the connection.
func unreachable(err error) bool {
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || pgconn.Timeout(err) ||
		strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool")
}

// plain is an error of the driver in one line; it holds no password.
func plain(err error) string {
	return strings.Join(strings.Fields(err.Error()), " ")
}

func unavailable(cause error) error {
	return &lifecycle.UnavailableError{What: "database", RetryAfter: retryAfter, Err: cause}
}
