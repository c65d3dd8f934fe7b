package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// A canary that is watched has proved something, and counts for it only once it has run it
// unharmed for as long as a placement asks; gate.go says what the others are sent meanwhile.

// split parts what an edge has yet to prove from what it has proved and is watched for.
func split(changes []edge.Change) (due, watched []edge.Change) {
	for _, c := range changes {
		if c.ProvedAt.IsZero() {
			due = append(due, c)
		} else {
			watched = append(watched, c)
		}
	}
	return due, watched
}

// settleChanges takes changes as proved, at once or, for a canary that is watched, from now on,
// and lets the other edges look what they may be sent.
func (r *Reconciler) settleChanges(ctx context.Context, tx store.Tx, e edge.Edge, changes []edge.Change) error {
	if !e.Canary() {
		return tx.DeleteChanges(ctx, e.ID, seqsOf(changes))
	}
	placements, err := tx.ListPlacements(ctx)
	if err != nil {
		return err
	}
	if soak := e.Soak(placements); soak > 0 {
		if err := tx.SoakChanges(ctx, e.ID, seqsOf(changes), r.Clock()); err != nil {
			return err
		}
		return tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(e.ID), DueAt: r.Clock().Add(soak)})
	}
	return r.open(ctx, tx, e, changes)
}

// open lets the other edges have what a canary has proved.
func (r *Reconciler) open(ctx context.Context, tx store.Tx, canary edge.Edge, changes []edge.Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := tx.DeleteChanges(ctx, canary.ID, seqsOf(changes)); err != nil {
		return err
	}
	return markEdges(ctx, tx, r.Clock())
}

// watch looks at a canary that runs what it has proved for a while. What it has run long
// enough is open to the others; when it is not well, it must prove everything again. It
// returns when the next one is over, zero when nothing is watched any more.
func (r *Reconciler) watch(ctx context.Context, w worker.Work, e edge.Edge, watched []edge.Change) (next time.Time, err error) {
	state, err := r.Edges.State(ctx, e.ID)
	if err != nil {
		return time.Time{}, errors.Join(err, r.unreachable(ctx, w, e, err))
	}
	found := findingsOf(e, state)
	if err := r.answered(ctx, w, e.ID, state, found, false); err != nil {
		return time.Time{}, err
	}
	err = r.update(ctx, w, func(tx store.Tx) error {
		next = time.Time{}
		if unwell := unwell(state); len(found) > 0 || unwell != "" {
			return r.distrust(ctx, tx, e.ID, watched, unwell)
		}
		placements, err := tx.ListPlacements(ctx)
		if err != nil {
			return err
		}
		soak := e.Soak(placements)
		var over []edge.Change
		for _, c := range watched {
			if end := c.ProvedAt.Add(soak); !end.After(r.Clock()) {
				over = append(over, c)
			} else if next.IsZero() || end.Before(next) {
				next = end
			}
		}
		if err := r.open(ctx, tx, e, over); err != nil {
			return err
		}
		return r.wake(ctx, tx, over)
	})
	return next, err
}

// unwell says what happened to a canary since its workers got their configuration, by its
// own clock; empty when nothing did.
func unwell(state infra.EdgeState) string {
	if state.Fault != "" {
		return state.Fault
	}
	for _, incident := range state.Incidents {
		if incident.At.After(state.AppliedAt) {
			return incident.Detail
		}
	}
	return ""
}

// distrust has a canary prove again what it is watched for. Its fault says why, and shuts
// the gate meanwhile.
func (r *Reconciler) distrust(ctx context.Context, tx store.Tx, edgeID id.Edge, watched []edge.Change, why string) error {
	if err := tx.SoakChanges(ctx, edgeID, seqsOf(watched), time.Time{}); err != nil {
		return err
	}
	if why != "" {
		e, err := tx.GetEdge(ctx, edgeID)
		if err != nil {
			return err
		}
		e.FaultReason, e.FaultMessage, e.FaultSiteID = infra.CodeCanaryUnwell, "it is not well with what it was sent last: "+why, ""
		if err := tx.UpdateEdge(ctx, e); err != nil {
			return err
		}
	}
	if err := tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(edgeID), DueAt: r.Clock()}); err != nil {
		return err
	}
	return r.wake(ctx, tx, watched)
}

// seqsOf numbers changes.
func seqsOf(changes []edge.Change) (seqs []int64) {
	for _, c := range changes {
		seqs = append(seqs, c.Seq)
	}
	return seqs
}
