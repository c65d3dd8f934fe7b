package app

import (
	"context"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// EvictEdge ends the part of an edge in the installation, for good. One that was evicted
// before stays as it is. An unknown one is a *lifecycle.NotFoundError.
func (c *ControlPlane) EvictEdge(ctx context.Context, by auth.Principal, edgeID id.Edge, request RequestID) (EdgeView, error) {
	return mutate(ctx, c, ask{by: by, action: "EvictEdge", request: request, body: edgeID}, func(tx store.Tx, r *record) (EdgeView, error) {
		before, err := tx.GetEdge(ctx, edgeID)
		if err != nil {
			return EdgeView{}, err
		}
		evicted, err := reconcile.EvictEdge(ctx, tx, edgeID, lifecycle.Cause{
			Actor: by.Subject, Reason: "an operator evicted the edge", TraceID: tracecontext.ID(ctx), At: c.clock(),
		})
		if err != nil {
			return EdgeView{}, err
		}
		after := auditedHost(evicted)
		*r = record{tenant: by.TenantID, object: string(edgeID), before: auditedHost(before), after: after}
		if !before.Evicted() {
			r.event, r.data = event.EdgeEvicted, after
		}
		return viewEdge(ctx, tx, evicted)
	})
}
