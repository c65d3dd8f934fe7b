package main

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/remote"
)

// watchedEdge reaches an agent as lifecycle does, and notes when applies begin.
type watchedEdge struct {
	infra.EdgeProvider

	mu     sync.Mutex
	starts []time.Time
}

func newWatchedEdge(conn grpc.ClientConnInterface) *watchedEdge {
	dial := func(context.Context, id.Edge) (grpc.ClientConnInterface, error) { return conn, nil }
	return &watchedEdge{EdgeProvider: remote.NewEdges(dial)}
}

// Apply implements infra.EdgeProvider.
func (e *watchedEdge) Apply(ctx context.Context, edge id.Edge, update infra.EdgeUpdate) (infra.EdgeProof, error) {
	e.mu.Lock()
	e.starts = append(e.starts, time.Now())
	e.mu.Unlock()
	return e.EdgeProvider.Apply(ctx, edge, update)
}

// forget forgets the applies so far.
func (e *watchedEdge) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.starts = nil
}

// await returns when something is so.
func (e *watchedEdge) await(ctx context.Context, done func(context.Context) (bool, error)) error {
	for {
		if ok, err := done(ctx); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// busiestSecond returns how many applies began in any one second at most, and how many
// there were.
func (e *watchedEdge) busiestSecond() (most, all int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return mostWithin(e.starts, time.Second), len(e.starts)
}

// mostWithin returns how many of some moments, in their order, lie within so long a time
// at most.
func mostWithin(moments []time.Time, within time.Duration) (most int) {
	first := 0
	for i, moment := range moments {
		for moment.Sub(moments[first]) >= within {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}
