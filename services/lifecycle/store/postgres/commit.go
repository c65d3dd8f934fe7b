package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// resolveAtLeast is how long the outcome of a lost commit is asked for where the time
	// of its transaction is over, resolveEvery is between two questions.
	resolveAtLeast = time.Second
	resolveEvery   = 50 * time.Millisecond
)

// errUnknown says that a transaction was committed, or was not: the server that knows
// did not answer in time.
var errUnknown = errors.New("the connection was lost in the commit, and its outcome is unknown")

// commit commits. A connection that is lost meanwhile leaves the outcome open; by the
// number of the transaction, which must be known before, the server is asked for it.
func (a *attempt) commit(ctx context.Context) error {
	c := a.tx.conn
	if c.doomed && !c.careful {
		return errors.New("commit: the transaction failed before, and its closure went on")
	}
	if err := a.number(ctx); err != nil {
		return fmt.Errorf("commit: %w", c.noted(ctx, err))
	}
	tag, err := c.send(ctx, "COMMIT", nil)
	if err == nil && tag.String() != "COMMIT" {
		return fmt.Errorf("commit: the server answered %s", tag)
	}
	if err == nil {
		return nil
	}
	a.lost = a.xid != "" && !answered(err) && !pgconn.SafeToRetry(err)
	return fmt.Errorf("commit: %w", c.noted(ctx, err))
}

// number sends what waits of a transaction that nobody has read in, so that its number
// is known. One that has nothing but a beginning needs none.
func (a *attempt) number(ctx context.Context) error {
	c := a.tx.conn
	if a.begin != writing || a.xid != "" || len(c.waiting) <= 2 {
		return nil
	}
	last := c.waiting[len(c.waiting)-1]
	c.waiting = c.waiting[:len(c.waiting)-1]
	_, err := c.send(ctx, last.text, last.args)
	return err
}

// answered reports whether an error is the server's word on a statement, after which
// it goes on, and not the end of the connection.
func answered(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.SeverityUnlocalized == "ERROR"
}

// resolve asks what became of a transaction whose commit was lost: nil when it was
// committed, errAgain when it was not. It goes on after the caller has gone: the answer
// decides who is told what.
func (s *Store) resolve(ctx context.Context, xid string, until time.Time, lost error) error {
	if soonest := time.Now().Add(resolveAtLeast); until.Before(soonest) {
		until = soonest
	}
	asking, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	defer cancel()
	s.lost.Add(1)
	for {
		status, err := s.statusOf(asking, xid)
		switch {
		case err == nil && status == "committed":
			return nil
		case err == nil && status == "aborted":
			return fmt.Errorf("commit: the connection was lost: %w", errAgain)
		}
		select {
		case <-asking.Done():
			return unavailable(fmt.Errorf("%w: %w", errUnknown, lost))
		case <-time.After(resolveEvery):
		}
	}
}

// statusOf returns "committed", "aborted", "in progress", or an empty text for a
// transaction that the server has forgotten.
func (s *Store) statusOf(ctx context.Context, xid string) (status string, err error) {
	within, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err = s.pool.QueryRow(within, "SELECT coalesce(pg_xact_status($1::text::xid8), '')", xid).Scan(&status)
	return status, err
}
