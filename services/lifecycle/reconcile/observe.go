package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// observe asks an edge what it runs. A report that does not equal what was
// proved last makes the next send whole; the edge is due again at once then. An
// edge that does not answer is unreachable, which says nothing about what it
// runs.
func (r *Reconciler) observe(ctx context.Context, w worker.Work, e edge.Edge) error {
	state, err := r.Edges.State(ctx, e.ID)
	if err != nil {
		return errors.Join(err, r.unreachable(ctx, w, e, err))
	}
	drift := driftOf(e, state)
	if drift != "" {
		r.Logger.WarnContext(ctx, "edge drifted", "edge_id", e.ID, "drift", drift)
	}
	return r.seenAlive(ctx, w, e.ID, state, drift != "")
}

// seenAlive writes down that an edge answered, and with which probe key.
func (r *Reconciler) seenAlive(ctx context.Context, w worker.Work, edgeID id.Edge, state infra.EdgeState, drifted bool) error {
	return r.update(ctx, w, func(tx store.Tx) error {
		e, err := tx.GetEdge(ctx, edgeID)
		if err != nil {
			return err
		}
		mark := drifted && !e.NeedsWhole
		e.LastSeenAt, e.ProbePublicKey = r.Clock(), state.ProbePublicKey
		if !drifted { // else the send that follows says what is wrong
			e.FaultReason, e.FaultMessage, e.FaultSiteID = "", "", ""
		}
		e.NeedsWhole = e.NeedsWhole || drifted
		if err := tx.UpdateEdge(ctx, e); err != nil || !mark {
			return err
		}
		return tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(edgeID), DueAt: r.Clock()})
	})
}

// driftOf says how a report differs from what was proved last, or "".
func driftOf(e edge.Edge, s infra.EdgeState) string {
	switch {
	case s.Generation != e.ProvenGeneration:
		return fmt.Sprintf("it holds generation %d, proved was %d", s.Generation, e.ProvenGeneration)
	case s.Digest != e.ProvenDigest:
		return "it holds other sites than it proved"
	case s.Running != s.Generation:
		return fmt.Sprintf("its workers run generation %d, it holds %d", s.Running, s.Generation)
	case !s.Intact:
		return "its files or its workers do not equal a fresh rendering"
	}
	return ""
}

// unreachable writes down, once, that an edge does not answer.
func (r *Reconciler) unreachable(ctx context.Context, w worker.Work, e edge.Edge, cause error) error {
	if e.FaultReason == infra.CodeEdgeUnreachable && e.FaultMessage == cause.Error() {
		return nil
	}
	return r.fault(ctx, w, e.ID, nil, cause)
}
