package app

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/siteplane/siteplane/services/lifecycle/id"
)

const (
	// joinsPerSecond and joinBurst bound the tries of all hosts together, because those
	// who try have no name yet.
	joinsPerSecond, joinBurst = 5, 30
	// renewalsPerSecond and renewalBurst bound each edge.
	renewalsPerSecond, renewalBurst = 1, 5
)

// BusyError says that there were too many tries.
type BusyError struct{ RetryAfter time.Duration }

// Error implements error.
func (*BusyError) Error() string { return "too many tries; wait a little" }

// tries counts those who ask for certificates.
type tries struct {
	joins bucket

	mu     sync.Mutex
	byEdge map[id.Edge]*bucket
}

func newTries() *tries {
	return &tries{joins: bucket{rate.NewLimiter(joinsPerSecond, joinBurst)}, byEdge: map[id.Edge]*bucket{}}
}

// renewals returns the bucket of an edge. There are as many as edges had certificates.
func (t *tries) renewals(edgeID id.Edge) *bucket {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, ok := t.byEdge[edgeID]
	if !ok {
		b = &bucket{rate.NewLimiter(renewalsPerSecond, renewalBurst)}
		t.byEdge[edgeID] = b
	}
	return b
}

// bucket has as many tries as it holds.
type bucket struct{ limiter *rate.Limiter }

// take takes one, or is a *BusyError.
func (b bucket) take(now time.Time) error {
	if b.limiter.AllowN(now, 1) {
		return nil
	}
	return &BusyError{RetryAfter: time.Duration(float64(time.Second) / float64(b.limiter.Limit()))}
}
