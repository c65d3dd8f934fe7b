package apptest

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Label gives an edge labels, and sends it everything.
func (w *World) Label(edgeID id.Edge, labels edge.Labels) {
	w.tb.Helper()
	w.Update(func(ctx context.Context, tx store.Tx) error {
		e, err := tx.GetEdge(ctx, edgeID)
		if err != nil {
			return err
		}
		e.Labels, e.NeedsWhole = labels, true
		if err := tx.DescribeEdge(ctx, e); err != nil {
			return err
		}
		return reconcile.CanaryChanged(ctx, tx, edgeID, w.Clock.Now())
	})
	w.Mark(worker.Edge, string(edgeID), "")
}

// Place makes a placement or replaces it.
func (w *World) Place(p edge.Placement) {
	w.tb.Helper()
	p.CreatedAt = w.Clock.Now()
	w.Update(func(ctx context.Context, tx store.Tx) error { return tx.PutPlacement(ctx, p) })
}

// Evict evicts an edge.
func (w *World) Evict(edgeID id.Edge) {
	w.tb.Helper()
	w.Update(func(ctx context.Context, tx store.Tx) error {
		_, err := reconcile.EvictEdge(ctx, tx, edgeID, lifecycle.Cause{Actor: "operator", At: w.Clock.Now()})
		return err
	})
}
