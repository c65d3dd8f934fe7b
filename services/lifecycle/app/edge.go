package app

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// EdgeLook is what the agent of an edge says of its host now.
type EdgeLook struct {
	// Unreachable says why the agent could not be asked; empty when it could.
	Unreachable string
	// State is what it said.
	State infra.EdgeState
}

// lookLimit is how long a caller waits for an agent that may be down.
const lookLimit = 5 * time.Second

// GetEdge returns an edge with a look at its host, nil for one that was evicted. An
// agent that does not answer is no error. An unknown id is a *lifecycle.NotFoundError.
func (c *ControlPlane) GetEdge(ctx context.Context, edgeID id.Edge) (view EdgeView, look *EdgeLook, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		e, err := tx.GetEdge(ctx, edgeID)
		if err != nil {
			return err
		}
		view, err = viewEdge(ctx, tx, e)
		return err
	})
	if err != nil || view.Edge.Evicted() {
		return view, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	look = &EdgeLook{}
	if look.State, err = c.edges.State(ctx, edgeID); err != nil {
		look.Unreachable = err.Error()
	}
	return view, look, nil
}

// PreviewEdge says what an edge would be sent now and how its files would change, and
// changes nothing. Errors: *lifecycle.NotFoundError, *lifecycle.PreconditionError for an
// evicted edge or one that would take nothing of it, *lifecycle.UnavailableError.
func (c *ControlPlane) PreviewEdge(ctx context.Context, edgeID id.Edge) (reconcile.Preview, error) {
	preview, err := c.reconciler.PreviewEdge(ctx, edgeID)
	var (
		silent  *infra.UnavailableError
		refused *infra.RejectedError
	)
	switch {
	case errors.As(err, &silent):
		return preview, &lifecycle.UnavailableError{What: "edge agent", RetryAfter: silent.RetryAfter, Err: err}
	case errors.As(err, &refused):
		return preview, &lifecycle.PreconditionError{Message: refused.Error()}
	}
	return preview, err
}

// RebuildEdge has everything derived anew and sent to an edge as a whole, now. Errors:
// *lifecycle.NotFoundError, *lifecycle.PreconditionError for one that was evicted.
func (c *ControlPlane) RebuildEdge(ctx context.Context, by auth.Principal, edgeID id.Edge, request RequestID) error {
	_, err := mutate(ctx, c, ask{by: by, action: "RebuildEdge", request: request, body: edgeID}, func(tx store.Tx, r *record) (none, error) {
		e, err := tx.GetEdge(ctx, edgeID)
		switch {
		case err != nil:
			return none{}, err
		case e.Evicted():
			return none{}, &lifecycle.PreconditionError{Message: "the edge was evicted; it is sent nothing any more"}
		}
		was, is := e, e
		is.NeedsWhole = true
		*r = record{object: string(edgeID), before: auditedRebuild(was), after: auditedRebuild(is)}
		if err := tx.DescribeEdge(ctx, is); err != nil {
			return none{}, err
		}
		return none{}, c.markTarget(ctx, tx, drift.Target{Kind: drift.Edge, ID: string(edgeID)})
	})
	return err
}

// auditRebuild is what the audit keeps of an edge that is made anew.
type auditRebuild struct {
	Generation uint64 `json:"generation"`
	NeedsWhole bool   `json:"needs_whole"`
}

func auditedRebuild(e edge.Edge) auditRebuild {
	return auditRebuild{Generation: e.Generation, NeedsWhole: e.NeedsWhole}
}
