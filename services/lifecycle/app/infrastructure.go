package app

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// EdgeView is an edge as an operator sees it.
type EdgeView struct {
	Edge edge.Edge
	// Synced says that it has proved everything that it was sent.
	Synced bool
	// Pins are the revisions that it refuses.
	Pins []edge.Pin
	// OpenDrifts counts how it differs from what it has proved.
	OpenDrifts int
}

// TunnelView is a tunnel as an operator sees it.
type TunnelView struct {
	Tunnel tunnel.Tunnel
	// Synced says that it has proved everything that it was sent.
	Synced bool
	// OpenDrifts counts how it differs from what it has proved.
	OpenDrifts int
}

// ListEdges returns all edges, ordered by name.
func (c *ControlPlane) ListEdges(ctx context.Context) (views []EdgeView, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		views = nil
		edges, err := tx.ListEdges(ctx)
		if err != nil {
			return err
		}
		for _, e := range edges {
			view, err := viewEdge(ctx, tx, e)
			if err != nil {
				return err
			}
			views = append(views, view)
		}
		return nil
	})
	slices.SortStableFunc(views, func(a, b EdgeView) int { return cmp.Compare(a.Edge.Name, b.Edge.Name) })
	return views, err
}

func viewEdge(ctx context.Context, tx store.Tx, e edge.Edge) (view EdgeView, err error) {
	view.Edge = e
	changes, err := tx.Changes(ctx, e.ID)
	if err != nil {
		return view, err
	}
	view.Synced = e.Synced() && e.ProvenGeneration == e.Generation && len(changes) == 0
	if view.Pins, err = tx.PinsOfEdge(ctx, e.ID); err != nil {
		return view, err
	}
	if cloned(e) { // whatever its last apply says
		view.Edge.FaultReason, view.Edge.FaultMessage = infra.CodeEdgeCloned, clonedMessage
	}
	drifts, err := tx.OpenDrifts(ctx, e.Target())
	view.OpenDrifts = len(drifts)
	return view, err
}

// ListTunnels returns all tunnels, ordered by name.
func (c *ControlPlane) ListTunnels(ctx context.Context) (views []TunnelView, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		views = nil
		tunnels, err := tx.ListTunnels(ctx)
		if err != nil {
			return err
		}
		for _, t := range tunnels {
			view, err := viewTunnel(ctx, tx, t)
			if err != nil {
				return err
			}
			views = append(views, view)
		}
		return nil
	})
	slices.SortStableFunc(views, func(a, b TunnelView) int { return cmp.Compare(a.Tunnel.Name, b.Tunnel.Name) })
	return views, err
}

func viewTunnel(ctx context.Context, tx store.Tx, t tunnel.Tunnel) (view TunnelView, err error) {
	view.Tunnel = t
	changes, err := tx.TunnelChanges(ctx, t.ID)
	if err != nil {
		return view, err
	}
	view.Synced = t.ProvenGeneration > 0 && t.ProvenGeneration == t.Generation && len(changes) == 0
	drifts, err := tx.OpenDrifts(ctx, t.Target())
	view.OpenDrifts = len(drifts)
	return view, err
}

// SetDriftPolicy says what is done about drift of an edge or tunnel. With the
// policy to repair it is looked at now. An unknown id is a
// *lifecycle.NotFoundError.
func (c *ControlPlane) SetDriftPolicy(ctx context.Context, by auth.Principal, targetID string, policy drift.Policy, request RequestID) error {
	body := struct {
		TargetID string
		Policy   drift.Policy
	}{targetID, policy}
	_, err := mutate(ctx, c, ask{by: by, action: "SetDriftPolicy", request: request, body: body}, func(tx store.Tx, r *record) (none, error) {
		target, was, err := findTarget(ctx, tx, targetID)
		if err != nil {
			return none{}, err
		}
		before, after := auditTarget{Policy: was}, auditTarget{Policy: policy}
		*r = record{object: targetID, before: before, after: after, event: event.DriftPolicySet, data: after}
		if err := putPolicy(ctx, tx, target, policy); err != nil || policy != drift.Repair {
			return none{}, err
		}
		return none{}, c.markTarget(ctx, tx, target)
	})
	return err
}

// none is the answer of a change that has nothing to tell.
type none struct{}

// auditTarget is what the audit keeps of an edge or tunnel.
type auditTarget struct {
	Policy drift.Policy `json:"policy"`
}

// SyncTarget has an edge or tunnel looked at now. An unknown id is a
// *lifecycle.NotFoundError.
func (c *ControlPlane) SyncTarget(ctx context.Context, by auth.Principal, targetID string, request RequestID) error {
	_, err := mutate(ctx, c, ask{by: by, action: "SyncTarget", request: request, body: targetID}, func(tx store.Tx, r *record) (none, error) {
		target, policy, err := findTarget(ctx, tx, targetID)
		if err != nil {
			return none{}, err
		}
		same := auditTarget{Policy: policy}
		*r = record{object: targetID, before: same, after: same}
		return none{}, c.markTarget(ctx, tx, target)
	})
	return err
}

// findTarget returns the edge or tunnel of an id, and its policy.
func findTarget(ctx context.Context, tx store.Tx, targetID string) (drift.Target, drift.Policy, error) {
	prefix, _, _ := strings.Cut(targetID, "_")
	switch prefix {
	case id.EdgePrefix:
		e, err := tx.GetEdge(ctx, id.Edge(targetID))
		return e.Target(), e.DriftPolicy, err
	case id.TunnelPrefix:
		t, err := tx.GetTunnel(ctx, id.Tunnel(targetID))
		return t.Target(), t.DriftPolicy, err
	}
	return drift.Target{}, "", &lifecycle.NotFoundError{Kind: "edge or tunnel", ID: targetID}
}

func putPolicy(ctx context.Context, tx store.Tx, target drift.Target, policy drift.Policy) error {
	if target.Kind == drift.Edge {
		e, err := tx.GetEdge(ctx, id.Edge(target.ID))
		if err != nil {
			return err
		}
		e.DriftPolicy = policy
		return tx.UpdateEdge(ctx, e)
	}
	t, err := tx.GetTunnel(ctx, id.Tunnel(target.ID))
	if err != nil {
		return err
	}
	t.DriftPolicy = policy
	return tx.UpdateTunnel(ctx, t)
}

// workOf maps what drifts to the work that looks at it.
var workOf = map[drift.TargetKind]worker.Kind{drift.Edge: worker.Edge, drift.Tunnel: worker.Tunnel}

// markTarget makes an edge or tunnel due now, in the trace of the call. Of holds
// on lost domains nothing is due: the next look at each finds the confirmation.
func (c *ControlPlane) markTarget(ctx context.Context, tx store.Tx, target drift.Target) error {
	kind, ok := workOf[target.Kind]
	if !ok {
		return nil
	}
	return tx.MarkWork(ctx, worker.Mark{Kind: kind, Key: target.ID, DueAt: c.clock(), TraceParent: tracecontext.Parent(ctx)})
}

// ListDrifts returns drifts of all edges and tunnels, newest first, up to a limit:
// the open ones, or all.
func (c *ControlPlane) ListDrifts(ctx context.Context, all bool, limit int) (drifts []drift.Drift, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		drifts, err = tx.ListDrifts(ctx, !all, limit)
		return err
	})
	return drifts, err
}

// ListHolds returns the holds that have not ended, oldest first.
func (c *ControlPlane) ListHolds(ctx context.Context) (holds []hold.Hold, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		holds, err = tx.ListHolds(ctx)
		return err
	})
	return holds, err
}

// ConfirmHold lets a hold pass, and has its targets looked at now. An unknown id is
// a *lifecycle.NotFoundError, a hold that has ended a *lifecycle.PreconditionError.
func (c *ControlPlane) ConfirmHold(ctx context.Context, by auth.Principal, holdID string, request RequestID) (hold.Hold, error) {
	return mutate(ctx, c, ask{by: by, action: "ConfirmHold", request: request, body: holdID}, func(tx store.Tx, r *record) (hold.Hold, error) {
		confirmed, err := hold.Confirm(ctx, tx, holdID, by.Subject, c.clock())
		if err != nil {
			return hold.Hold{}, err
		}
		kept := auditedHold(confirmed)
		*r = record{object: holdID, after: kept, event: event.HoldConfirmed, data: kept}
		for _, each := range confirmed {
			if err := c.markTarget(ctx, tx, each.Target); err != nil {
				return hold.Hold{}, err
			}
		}
		return confirmed[0], nil
	})
}

// auditHold is what the audit keeps of a confirmed hold.
type auditHold struct {
	TargetIDs []string `json:"target_ids"`
	Names     int      `json:"names"`
}

func auditedHold(confirmed []hold.Hold) auditHold {
	kept := auditHold{Names: confirmed[0].Count}
	for _, h := range confirmed {
		kept.TargetIDs = append(kept.TargetIDs, h.Target.ID)
	}
	return kept
}
