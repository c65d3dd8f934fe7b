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
	// askLimit is how long one answer may take.
	askLimit = 2 * time.Second
)

// errUnknown says that a transaction was committed, or was not: the server that knows
// did not answer in time.
var errUnknown = errors.New("the connection was lost in the commit, and its outcome is unknown")

// commit commits. A connection that is lost meanwhile leaves the outcome open; by the
// number of the transaction, which must be known before, the server is asked for it.
func (a *attempt) commit(ctx context.Context) error {
	c := a.tx.conn
	if c.doomed && !c.careful || c.again {
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
	a.lost = a.xid != "" && !answered(err)
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
func (s *Store) resolve(ctx context.Context, a attempt, lost error) error {
	until := a.until
	if soonest := time.Now().Add(resolveAtLeast); until.Before(soonest) {
		until = soonest
	}
	asking, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
	defer cancel()
	s.lost.Add(1)
	for {
		status, err := s.statusOf(asking, a)
		switch {
		case err != nil: // asked again
		case status == "committed":
			return nil
		case status == "aborted":
			return fmt.Errorf("commit: the connection was lost: %w", errAgain)
		case status == "unknown":
			return unavailable(fmt.Errorf("%w: %w", errUnknown, lost))
		}
		select {
		case <-asking.Done():
			return unavailable(fmt.Errorf("%w: %w", errUnknown, lost))
		case <-time.After(resolveEvery):
		}
	}
}

// statusOf returns "committed", "aborted", "in progress", or "unknown" where the server
// cannot know any more.
//
// A server that has crashed forgets the numbers of transactions of which nothing had
// reached its disk, and gives them to others. Then "committed" may be said of another;
// what was not committed was not ours either.
func (s *Store) statusOf(ctx context.Context, a attempt) (status string, err error) {
	within, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	on, err := s.pool.Acquire(within)
	if err != nil {
		return "", err
	}
	defer on.Release()
	err = on.QueryRow(within, "SELECT coalesce(pg_xact_status($1::text::xid8), 'unknown')", a.xid).Scan(&status)
	if lifeOf(on.Conn()) == a.life {
		return status, err
	}
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == "22023": // a number that was not given yet
		return "aborted", nil
	case status == "committed":
		return "unknown", nil
	}
	return status, err
}
