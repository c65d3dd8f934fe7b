package reconcile

import (
	"context"
	"errors"
	"time"
)

const (
	// turnWait is how long a claim waits for its turn, turnAgain when it comes back if
	// it did not get it.
	turnWait, turnAgain = 5 * time.Second, time.Second
)

// errNotMyTurn says that others were at it for too long.
var errNotMyTurn = errors.New("others are at it")

// turns lets one claim at a time do what takes the memory of all sites.
type turns chan struct{}

func newTurns() turns { return make(turns, 1) }

// take waits for the turn, for a while; else it is errNotMyTurn.
func (t turns) take(ctx context.Context) error {
	late := time.NewTimer(turnWait)
	defer late.Stop()
	select {
	case t <- struct{}{}:
		return nil
	case <-late.C:
		return errNotMyTurn
	case <-ctx.Done():
		return ctx.Err()
	}
}

// give passes the turn on.
func (t turns) give() { <-t }
