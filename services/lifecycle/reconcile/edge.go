package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// handleEdge brings an edge to what is desired: it sends what the edge has not
// proved, or, when there is nothing, asks what the edge runs. It always comes
// back, so that drift is seen.
func (r *Reconciler) handleEdge(ctx context.Context, w worker.Work) (time.Time, error) {
	edgeID := id.Edge(w.Key)
	e, changes, err := r.edgeAndChanges(ctx, edgeID)
	if err != nil {
		return time.Time{}, gone(err)
	}
	if e.Evicted() {
		return time.Time{}, nil
	}
	again := r.Clock().Add(r.ObserveEvery)
	due, watched := split(changes)
	if len(watched) > 0 {
		next, err := r.watch(ctx, w, e, watched)
		if err != nil {
			return time.Time{}, err
		}
		if !next.IsZero() && next.Before(again) {
			again = next
		}
	}
	nothing, err := r.waits(ctx, e, due)
	if err != nil {
		return time.Time{}, err
	}
	if nothing && !e.NeedsWhole {
		if len(watched) > 0 { // it was looked at
			return again, nil
		}
		return again, r.observe(ctx, w, e)
	}
	ctx, span := r.inTraceOf(ctx, "send edge", traces(due), attribute.String("edge_id", string(e.ID)))
	defer span.End()
	if !e.NeedsWhole {
		err = r.send(ctx, w, e)
	}
	if e.NeedsWhole || errors.Is(err, infra.ErrSnapshotNeeded) {
		err = r.sendWhole(ctx, w, e)
	}
	if errors.Is(err, errNotMyTurn) {
		return r.Clock().Add(turnAgain), nil
	}
	return again, err
}

// sendWhole sends everything to an edge that is new, was made anew or drifted; its
// probe key is asked for first, for it may be another one.
func (r *Reconciler) sendWhole(ctx context.Context, w worker.Work, e edge.Edge) error {
	state, err := r.Edges.State(ctx, e.ID)
	if err != nil {
		return errors.Join(err, r.unreachable(ctx, w, e, err))
	}
	found := findingsOf(e, state)
	if err := r.answered(ctx, w, e.ID, state, found, true); err != nil {
		return err
	}
	if e.DriftPolicy == drift.Hold && len(found) > 0 {
		return nil // even what only the database can see is not overwritten
	}
	e.NeedsWhole = true
	return r.send(ctx, w, e)
}

func (r *Reconciler) edgeAndChanges(ctx context.Context, edgeID id.Edge) (e edge.Edge, changes []edge.Change, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		if e, err = tx.GetEdge(ctx, edgeID); err != nil {
			return err
		}
		changes, err = tx.Changes(ctx, edgeID)
		return err
	})
	return e, changes, err
}

// traces are those that the changes were made in.
func traces(changes []edge.Change) (out []string) {
	for _, c := range changes {
		out = append(out, c.TraceParent)
	}
	return out
}

// send builds the next generation, has it proved, and writes down which changes
// it proved. What is made from all rows waits for its turn, and has it for as long as
// all of them are in memory.
func (r *Reconciler) send(ctx context.Context, w worker.Work, e edge.Edge) error {
	give := func() {}
	if e.NeedsWhole || r.digests.get(e.ID, e.ProvenGeneration) == nil {
		var err error
		if give, err = r.wholes.take(ctx); err != nil {
			return err
		}
		defer give()
	}
	r.Reached.At(beforeEdgePack)
	p, err := r.pack(ctx, w, e)
	r.Reached.At(afterEdgePack)
	if err != nil {
		return err
	}
	if !p.update.Whole {
		give()
	}
	if p.update.Whole {
		if held, err := r.explain(ctx, w, e, &p); err != nil || held {
			return err
		}
	}
	log := r.Logger.With("edge_id", e.ID, "generation", p.update.Fence.Generation, "whole", p.update.Whole,
		"sites", len(p.update.Sites), "removals", len(p.update.Removals))
	log.InfoContext(ctx, "edge apply intent")
	proof, err := r.Edges.Apply(ctx, e.ID, p.update)
	if err != nil {
		log.WarnContext(ctx, "edge apply outcome", "error", err)
		return r.notApplied(ctx, w, e, p, err)
	}
	log.InfoContext(ctx, "edge apply outcome", "external_response", proof)
	r.Reached.At(beforeEdgeProved)
	err = r.proved(ctx, w, e.ID, p, proof)
	r.Reached.At(afterEdgeProved)
	if err == nil && len(proof.Rejected) == 0 {
		r.digests.put(e.ID, p.update.Fence.Generation, p.update.Digest, p.proof)
	}
	return err
}

// notApplied sorts out why an edge did not take an update. What waits for an
// operator is no failure of ours.
func (r *Reconciler) notApplied(ctx context.Context, w worker.Work, e edge.Edge, p parcel, cause error) error {
	var held *infra.HeldError
	var drifted *infra.DriftError
	switch {
	case errors.Is(cause, infra.ErrSnapshotNeeded) && !p.update.Whole:
		return cause
	case errors.As(cause, &held):
		return r.holdBack(ctx, w, e, p.changes, hold.Hold{ID: held.ID, Names: held.Names, Count: max(held.Count, len(held.Names)), Held: held.Held})
	case errors.As(cause, &drifted):
		return errors.Join(r.fault(ctx, w, e.ID, p.changes, cause), r.observe(ctx, w, e))
	}
	return errors.Join(cause, r.fault(ctx, w, e.ID, p.changes, cause))
}

// proved writes down what an edge has proved: exactly the changes that were
// sent are gone, and whoever waits for them is looked at.
func (r *Reconciler) proved(ctx context.Context, w worker.Work, edgeID id.Edge, p parcel, proof infra.EdgeProof) error {
	return r.update(ctx, w, func(tx store.Tx) error {
		e, err := tx.GetEdge(ctx, edgeID)
		if err != nil {
			return err
		}
		e.ProvenGeneration, e.ProvenDigest = p.update.Fence.Generation, proof.Digest
		// Who has asked for a whole snapshot since has passed over a generation.
		e.NeedsWhole = e.NeedsWhole && (!p.update.Whole || e.Generation != p.update.Fence.Generation)
		e.FaultReason, e.FaultMessage, e.FaultSiteID, e.LastSeenAt = "", "", "", r.Clock()
		all := true
		if len(proof.Rejected) > 0 {
			if all, err = r.rejectedSome(ctx, tx, &e, p, proof); err != nil {
				return err
			}
			e.NeedsWhole = e.NeedsWhole || p.update.Whole && !all
		}
		if err := tx.UpdateEdge(ctx, e); err != nil {
			return err
		}
		if all {
			if err := r.settleChanges(ctx, tx, e, p.settled()); err != nil {
				return err
			}
		}
		if err := r.repaired(ctx, tx, e, proof.Drifts); err != nil {
			return err
		}
		if err := hold.End(ctx, tx, e.Target(), r.Clock()); err != nil {
			return err
		}
		return r.wake(ctx, tx, p.changes)
	})
}

// repaired writes down what an apply overwrote, and that it is gone: every apply
// makes all files anew.
func (r *Reconciler) repaired(ctx context.Context, tx store.Tx, e edge.Edge, overwritten []drift.Finding) error {
	open, err := tx.OpenDrifts(ctx, e.Target())
	if err != nil {
		return err
	}
	known := slices.Clone(overwritten)
	for _, d := range open {
		known = append(known, d.Finding)
	}
	if len(known) == 0 {
		return nil
	}
	if _, err := drift.Record(ctx, tx, e.Target(), known, drift.Gone, r.observed(ctx)); err != nil {
		return err
	}
	_, err = drift.Record(ctx, tx, e.Target(), nil, drift.Repaired, r.observed(ctx))
	return err
}

// fault writes down why an edge does not prove what it was sent, and has the
// operations that wait for it look at the reason.
func (r *Reconciler) fault(ctx context.Context, w worker.Work, edgeID id.Edge, changes []edge.Change, cause error) error {
	return r.update(ctx, w, func(tx store.Tx) error {
		e, err := tx.GetEdge(ctx, edgeID)
		if err != nil {
			return err
		}
		e.FaultReason, e.FaultMessage, e.FaultSiteID = classify(cause)
		if e.FaultReason != infra.CodeEdgeUnreachable { // it refused, so it lives
			e.LastSeenAt = r.Clock()
		}
		if err := tx.UpdateEdge(ctx, e); err != nil {
			return err
		}
		return r.wake(ctx, tx, changes)
	})
}

// classify names the fault behind an error of an edge.
func classify(err error) (reason, message string, at id.Site) {
	var refused *infra.RejectedError
	var unproved *infra.NotProvenError
	var drifted *infra.DriftError
	switch {
	case errors.As(err, &refused):
		return infra.CodeConfigRejected, refused.Message, id.Site(refused.SiteID)
	case errors.As(err, &unproved):
		return infra.CodeEdgeNotProven, unproved.Message, ""
	case errors.As(err, &drifted):
		return infra.CodeDriftHeld, drifted.Message, ""
	case errors.Is(err, infra.ErrStaleFence), errors.Is(err, infra.ErrSnapshotNeeded):
		return infra.CodeEdgeNotProven, err.Error(), ""
	}
	return infra.CodeEdgeUnreachable, err.Error(), ""
}

// wake makes the objects of the operations behind changes due.
func (r *Reconciler) wake(ctx context.Context, tx store.Tx, changes []edge.Change) error {
	return wakeAt(ctx, tx, changes, r.Clock())
}

func wakeAt(ctx context.Context, tx store.Tx, changes []edge.Change, at time.Time) error {
	woken := map[string]bool{}
	for _, c := range changes {
		if c.OperationID == "" || woken[c.OperationID] {
			continue
		}
		woken[c.OperationID] = true
		op, err := tx.GetOperation(ctx, id.Operation(c.OperationID))
		if err != nil {
			return err
		}
		if op.State.Terminal() {
			continue
		}
		if err := tx.MarkWork(ctx, worker.Mark{
			Kind: op.ObjectKind, Key: op.ObjectID, TenantID: string(op.TenantID), DueAt: at,
		}); err != nil {
			return err
		}
	}
	return nil
}
