package reconcile

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// turnWait is how long a claim waits for its turn, turnAgain when it comes back if
	// it did not get it.
	turnWait, turnAgain = 5 * time.Second, time.Second
	// turnHeld is how long a turn is held: an edge that was cut off in between must not
	// hold up the others for as long as a call to it may take.
	turnHeld = 10 * time.Second
)

// errNotMyTurn says that others were at it for too long.
var errNotMyTurn = errors.New("others are at it")

// turns lets one claim at a time do what takes the memory of all sites.
type turns chan struct{}

func newTurns() turns { return make(turns, 1) }

// take waits for the turn, for a while; else it is errNotMyTurn. Whoever has it gives it
// on, once or more often; after turnHeld it is given on anyhow.
func (t turns) take(ctx context.Context) (give func(), err error) {
	late := time.NewTimer(turnWait)
	defer late.Stop()
	select {
	case t <- struct{}{}:
	case <-late.C:
		return nil, errNotMyTurn
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	pass := sync.OnceFunc(func() { <-t })
	held := time.AfterFunc(turnHeld, pass)
	return func() {
		held.Stop()
		pass()
	}, nil
}
