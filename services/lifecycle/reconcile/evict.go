package reconcile

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// EvictEdge ends the part of an edge in the installation: it is sent nothing any more,
// nothing waits for it, and what a canary kept back is let go. One that was evicted before
// stays as it is. An unknown one is a *lifecycle.NotFoundError.
func EvictEdge(ctx context.Context, tx store.Tx, edgeID id.Edge, cause lifecycle.Cause) (edge.Edge, error) {
	e, err := tx.GetEdge(ctx, edgeID)
	if err != nil || e.Evicted() {
		return e, err
	}
	changes, err := tx.Changes(ctx, edgeID)
	if err != nil {
		return e, err
	}
	e.EvictedAt = cause.At
	if err := tx.DescribeEdge(ctx, e); err != nil {
		return e, err
	}
	if err := CanaryChanged(ctx, tx, edgeID, cause.At); err != nil {
		return e, err
	}
	if err := tx.ForgetEdge(ctx, edgeID); err != nil {
		return e, err
	}
	if _, err := drift.Record(ctx, tx, e.Target(), nil, drift.Gone, cause); err != nil {
		return e, err
	}
	if err := hold.End(ctx, tx, e.Target(), cause.At); err != nil {
		return e, err
	}
	if err := wakeAt(ctx, tx, changes, cause.At); err != nil {
		return e, err
	}
	return e, markEdges(ctx, tx, cause.At)
}

// markEdges makes every edge due.
func markEdges(ctx context.Context, tx store.Tx, at time.Time) error {
	edges, err := tx.ListEdges(ctx)
	if err != nil {
		return err
	}
	for _, e := range edges {
		if e.Evicted() {
			continue
		}
		if err := tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(e.ID), DueAt: at}); err != nil {
			return err
		}
	}
	return nil
}
