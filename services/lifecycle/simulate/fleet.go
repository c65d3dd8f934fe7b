package simulate

import (
	"context"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// operated are the actions of operators on the fleet.
func operated() []verb {
	return []verb{
		{"canary", 2, false, drawCanary, (*world).canary},
		{"no_canary", 2, false, drawEdge, (*world).noCanary},
		{"min_ready", 1, false, drawReady, (*world).minReady},
		{"evict", 1, false, drawEdge, (*world).evict},
	}
}

func drawCanary(d *drawing) (Action, bool) {
	a, ok := drawEdge(d)
	if d.IntN(2) == 0 {
		a.For = time.Duration(d.IntN(120_000)) * time.Millisecond
	}
	return a, ok
}

func drawReady(d *drawing) (Action, bool) {
	return Action{Args: args("ready", d.IntN(d.Edges+1))}, true
}

// canary makes an edge a canary that is watched for as long as the action says.
func (w *world) canary(a Action) {
	w.place(func(p *edge.Placement, _ int) { p.CanarySoak = a.For })
	w.label(a, edge.Labels{edge.CanaryLabel: "true"})
}

func (w *world) noCanary(a Action) { w.label(a, nil) }

// watchNobody lets canaries go first and no more, so that everything is done promptly.
func (w *world) watchNobody() {
	w.place(func(p *edge.Placement, _ int) { p.CanarySoak = 0 })
}

// minReady asks for no more edges than there are.
func (w *world) minReady(a Action) {
	w.place(func(p *edge.Placement, edges int) { p.MinReady = min(a.Args["ready"], edges) })
}

// place changes the placement of all sites, and makes every edge due.
func (w *world) place(change func(p *edge.Placement, edges int)) {
	w.operate(func(ctx context.Context, tx store.Tx) error {
		p, err := tx.GetPlacement(ctx, "")
		if err != nil {
			return err
		}
		edges, err := tx.ListEdges(ctx)
		if err != nil {
			return err
		}
		p.CreatedAt = w.db.Now()
		change(&p, len(p.Edges(edges)))
		if err := tx.PutPlacement(ctx, p); err != nil {
			return err
		}
		for _, e := range serving(edges) {
			if err := tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(e.ID), DueAt: w.db.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// label gives an edge labels, and has it sent everything.
func (w *world) label(a Action, labels edge.Labels) {
	w.operate(func(ctx context.Context, tx store.Tx) error {
		e, err := tx.GetEdge(ctx, w.edgeIDs[a.Args["edge"]%w.Edges])
		if err != nil || e.Evicted() {
			return err
		}
		e.Labels, e.NeedsWhole = labels, true
		if err := tx.DescribeEdge(ctx, e); err != nil {
			return err
		}
		if err := reconcile.CanaryChanged(ctx, tx, e.ID, w.db.Now()); err != nil {
			return err
		}
		return tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(e.ID), DueAt: w.db.Now()})
	})
}

// evict evicts an edge, unless it is the last, or others are waited for that there would
// not be.
func (w *world) evict(a Action) {
	w.operate(func(ctx context.Context, tx store.Tx) error {
		edges, err := tx.ListEdges(ctx)
		if err != nil {
			return err
		}
		p, err := tx.GetPlacement(ctx, "")
		if left := len(p.Edges(edges)) - 1; err != nil || left < max(1, p.MinReady) {
			return err
		}
		_, err = reconcile.EvictEdge(ctx, tx, w.edgeIDs[a.Args["edge"]%w.Edges], lifecycle.Cause{Actor: w.boss.Subject, At: w.db.Now()})
		return err
	})
}

// operate does what an operator does at once.
func (w *world) operate(do func(ctx context.Context, tx store.Tx) error) {
	ctx := w.context()
	if err := w.db.Update(ctx, func(tx store.Tx) error { return do(ctx, tx) }); err != nil {
		w.violate("operators are obeyed", "%v", err)
	}
}

// serving are the edges that are not evicted.
func serving(edges []edge.Edge) []edge.Edge { return slices.DeleteFunc(edges, edge.Edge.Evicted) }

// wantedOn returns what an edge shall hold in the end: what canaries refuse it is not sent.
func wantedOn(ctx context.Context, tx store.Tx, e edge.Edge, edges []edge.Edge) ([]desired.Row, error) {
	rows, err := tx.DesiredRows(ctx, e.ID, nil)
	if err != nil || e.Canary() {
		return rows, err
	}
	var refused []id.Site
	for _, canary := range edges {
		if !canary.Canary() {
			continue
		}
		pins, err := tx.PinsOfEdge(ctx, canary.ID)
		if err != nil {
			return nil, err
		}
		for _, pin := range pins {
			refused = append(refused, pin.SiteID)
		}
	}
	rows = slices.DeleteFunc(rows, func(row desired.Row) bool { return slices.Contains(refused, row.SiteID) })
	confirmed, err := tx.ConfirmedRows(ctx, e.ID, refused)
	return append(rows, confirmed...), err
}
