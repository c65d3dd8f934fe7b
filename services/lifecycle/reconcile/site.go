package reconcile

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// edgePoll is how soon a step looks again at edges that have not proved yet;
// their proof marks the object, so this only bounds the loss of a mark.
const edgePoll = 5 * time.Second

// handleSite walks the operation of a site.
func (r *Reconciler) handleSite(ctx context.Context, w worker.Work) (time.Time, error) {
	return r.advance(ctx, w)
}

// advance walks the active operation of the claimed object, if there is one.
func (r *Reconciler) advance(ctx context.Context, w worker.Work) (time.Time, error) {
	op, ok, err := r.activeOperation(ctx, w.Key)
	if err != nil || !ok {
		return time.Time{}, err
	}
	return r.engine.Advance(ctx, w, op)
}

func (r *Reconciler) activeOperation(ctx context.Context, objectID string) (op saga.Operation, ok bool, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		op, ok, err = tx.ActiveOperation(ctx, objectID)
		return err
	})
	return op, ok, err
}

// setWanted writes what the edges shall hold for a site and tells them.
func (r *Reconciler) setWanted(ctx context.Context, tx store.Tx, s site.Site, wanted site.Wanted, op saga.Operation) error {
	if s.Wanted == wanted {
		return nil
	}
	s.Wanted, s.UpdatedAt = wanted, r.Clock()
	if err := tx.UpdateSite(ctx, s); err != nil {
		return err
	}
	return r.tellEdges(ctx, tx, s, op)
}

// tellEdges notes on every edge that it has not proved the site as it is now
// wanted, and makes the edges due.
func (r *Reconciler) tellEdges(ctx context.Context, tx store.Tx, s site.Site, op saga.Operation) error {
	edges, err := tx.ListEdges(ctx)
	if err != nil {
		return err
	}
	for _, e := range edges {
		change := edge.Change{
			EdgeID: e.ID, SiteID: s.ID, TenantID: s.TenantID,
			OperationID: string(op.ID), TraceParent: op.TraceParent,
		}
		if err := tx.AddChange(ctx, change); err != nil {
			return err
		}
		if err := tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(e.ID), DueAt: r.Clock()}); err != nil {
			return err
		}
	}
	return nil
}

// edgesAndChanges reads the edges and what they have not proved of a site.
func (r *Reconciler) edgesAndChanges(ctx context.Context, siteID id.Site) (edges []edge.Edge, changes []edge.Change, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		if edges, err = tx.ListEdges(ctx); err != nil {
			return err
		}
		changes, err = tx.ChangesOfSite(ctx, siteID)
		return err
	})
	return edges, changes, err
}

// unproven looks for an edge among those given that has not proved a site as it
// is wanted. ok is true when all have. A rejection of the site is an error; the
// empty siteID is for what is on its way out, which no rejection ends. The fault
// of another site is not told: it may be another tenant's.
func unproven(siteID id.Site, edges []edge.Edge, changes []edge.Change) (missing confirmation, ok bool, err error) {
	pending := map[id.Edge]bool{}
	for _, c := range changes {
		pending[c.EdgeID] = true
	}
	for _, e := range edges {
		if e.Synced() && !pending[e.ID] {
			continue
		}
		if e.FaultReason == infra.CodeConfigRejected && e.FaultSiteID == siteID && siteID != "" {
			return confirmation{}, false, rejected(e)
		}
		missing = confirmation{Reason: condition.ReasonWaiting, Message: "edge " + e.Name + " has not proved it yet", RetryAfter: edgePoll}
		if e.FaultReason != "" && (e.FaultSiteID == "" || e.FaultSiteID == siteID) {
			missing.Reason, missing.Message = e.FaultReason, "edge "+e.Name+": "+e.FaultMessage
		}
		return missing, false, nil
	}
	return confirmation{}, true, nil
}

func rejected(e edge.Edge) error {
	return &saga.PermanentError{Reason: infra.CodeConfigRejected, Err: &infra.RejectedError{
		SiteID: string(e.FaultSiteID), Message: e.FaultMessage,
	}}
}
