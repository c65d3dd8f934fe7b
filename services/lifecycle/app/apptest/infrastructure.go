package apptest

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Drifts returns all drifts that were ever found, the newest first.
func (w *World) Drifts() (drifts []drift.Drift) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		drifts, err = tx.ListDrifts(ctx, false, 1<<20)
		return err
	})
	return drifts
}

// Holds returns what the shrink guard holds back.
func (w *World) Holds() (holds []hold.Hold) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		holds, err = tx.ListHolds(ctx)
		return err
	})
	return holds
}

// Confirm lets a hold pass and makes its target due.
func (w *World) Confirm(h hold.Hold) {
	w.tb.Helper()
	w.Update(func(ctx context.Context, tx store.Tx) error {
		_, err := hold.Confirm(ctx, tx, h.ID, "operator", w.Clock.Now())
		return err
	})
	if kind := worker.Kind(h.Target.Kind); kind == worker.Edge || kind == worker.Tunnel {
		w.Mark(kind, h.Target.ID, "")
	}
}

// SetPolicy says what is done about drift of the first edge and of the tunnel.
func (w *World) SetPolicy(policy drift.Policy) {
	w.tb.Helper()
	w.Update(func(ctx context.Context, tx store.Tx) error {
		e, err := tx.GetEdge(ctx, w.edges[0])
		if err != nil {
			return err
		}
		e.DriftPolicy = policy
		if err := tx.UpdateEdge(ctx, e); err != nil || w.tunnel == "" {
			return err
		}
		t, err := tx.GetTunnel(ctx, w.tunnel)
		if err != nil {
			return err
		}
		t.DriftPolicy = policy
		return tx.UpdateTunnel(ctx, t)
	})
}

// Pins returns a site's pins.
func (w *World) Pins(s site.Site) (pins []edge.Pin) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		pins, err = tx.PinsOfSite(ctx, s.ID)
		return err
	})
	return pins
}

// Edge returns the row of an edge.
func (w *World) Edge(edgeID id.Edge) (e edge.Edge) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		e, err = tx.GetEdge(ctx, edgeID)
		return err
	})
	return e
}

// TunnelID returns the id of the tunnel, empty when there is none.
func (w *World) TunnelID() id.Tunnel { return w.tunnel }
