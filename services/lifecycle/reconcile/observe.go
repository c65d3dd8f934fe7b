package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// The kinds of drift that only the comparison with the database shows; the others
// are named by whoever observes. docs/drift.md explains each.
const (
	driftGeneration = "GENERATION_DIFFERS"
	driftDigest     = "DIGEST_DIFFERS"
	driftRunning    = "WORKERS_DIFFER"
)

// observe asks an edge what it runs. A report that does not equal what was
// proved last is drift: it is written down, and, if it is to be repaired, makes the
// next send whole; the edge is due again at once then. An edge that does not answer
// is unreachable, which says nothing about what it runs.
func (r *Reconciler) observe(ctx context.Context, w worker.Work, e edge.Edge) error {
	state, err := r.Edges.State(ctx, e.ID)
	if err != nil {
		return errors.Join(err, r.unreachable(ctx, w, e, err))
	}
	return r.answered(ctx, w, e.ID, state, findingsOf(e, state), false)
}

// answered writes down that an edge answered, with which probe key and versions, and
// how it drifted. What is known to be wrong stays so until the send that follows, if
// one does, says otherwise.
func (r *Reconciler) answered(ctx context.Context, w worker.Work, edgeID id.Edge, state infra.EdgeState, found []drift.Finding, sending bool) error {
	return r.update(ctx, w, func(tx store.Tx) error {
		e, err := tx.GetEdge(ctx, edgeID)
		if err != nil {
			return err
		}
		opened, err := drift.Record(ctx, tx, e.Target(), found, drift.Gone, r.observed(ctx))
		if err != nil {
			return err
		}
		for _, d := range opened {
			r.Logger.WarnContext(ctx, "edge drifted", "edge_id", edgeID, "kind", d.Kind, "place", d.Place,
				"detail", d.Detail, "since", d.Since, "cause", d.Cause, "policy", e.DriftPolicy)
		}
		otherVersion := e.RendererVersion != state.RendererVersion || e.NginxVersion != state.NginxVersion
		e.RendererVersion, e.NginxVersion = state.RendererVersion, state.NginxVersion
		e.LastSeenAt, e.ProbePublicKey = r.Clock(), state.ProbePublicKey
		repair := len(found) > 0 && e.DriftPolicy != drift.Hold
		switch {
		case len(found) == 0 && !sending:
			e.FaultReason, e.FaultMessage, e.FaultSiteID = "", "", ""
		case len(found) > 0 && !repair:
			e.FaultReason, e.FaultMessage, e.FaultSiteID = infra.CodeDriftHeld, found[0].Detail, ""
		}
		mark := repair && !sending
		e.NeedsWhole = e.NeedsWhole || repair
		if err := tx.UpdateEdge(ctx, e); err != nil {
			return err
		}
		if otherVersion {
			if err := r.liftOldPins(ctx, tx, e); err != nil {
				return err
			}
		}
		if !mark {
			return nil
		}
		return tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(edgeID), DueAt: r.Clock()})
	})
}

// observed is the cause of what a look alone brings about.
func (r *Reconciler) observed(ctx context.Context) lifecycle.Cause {
	return lifecycle.Cause{Actor: "worker:observe", TraceID: tracecontext.ID(ctx), At: r.Clock()}
}

// findingsOf says how a report differs from what was proved last. An edge that has
// proved nothing yet cannot differ from it.
func findingsOf(e edge.Edge, s infra.EdgeState) []drift.Finding {
	if e.ProvenGeneration == 0 {
		return nil
	}
	found := s.Drifts
	add := func(kind, format string, args ...any) {
		found = append(found, drift.Finding{Kind: kind, Detail: fmt.Sprintf(format, args...)})
	}
	switch {
	case s.Generation != e.ProvenGeneration:
		add(driftGeneration, "it holds generation %d, proved was %d", s.Generation, e.ProvenGeneration)
	case s.Digest != e.ProvenDigest:
		add(driftDigest, "it holds other sites than it proved")
	case len(found) > 0: // the edge itself says what is different
	case s.Running != s.Generation:
		add(driftRunning, "its workers run generation %d, it holds %d", s.Running, s.Generation)
	case !s.Intact:
		add(driftRunning, "its files or its workers do not equal a fresh rendering")
	}
	return found
}

// unreachable writes down, once, that an edge does not answer.
func (r *Reconciler) unreachable(ctx context.Context, w worker.Work, e edge.Edge, cause error) error {
	if e.FaultReason == infra.CodeEdgeUnreachable && e.FaultMessage == cause.Error() {
		return nil
	}
	return r.fault(ctx, w, e.ID, nil, cause)
}
