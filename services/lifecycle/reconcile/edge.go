package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
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
	if len(changes) == 0 && !e.NeedsWhole {
		if err := r.observe(ctx, w, e); err != nil {
			return time.Time{}, err
		}
		return r.Clock().Add(r.ObserveEvery), nil
	}
	ctx, span := r.inTraceOf(ctx, "send edge", traces(changes), attribute.String("edge_id", string(e.ID)))
	defer span.End()
	if !e.NeedsWhole {
		err = r.send(ctx, w, e)
	}
	if e.NeedsWhole || errors.Is(err, infra.ErrSnapshotNeeded) {
		err = r.sendWhole(ctx, w, e)
	}
	if err != nil {
		return time.Time{}, err
	}
	return r.Clock().Add(r.ObserveEvery), nil
}

// sendWhole sends everything to an edge that is new or was made anew; its probe
// key is asked for first, for it may be another one.
func (r *Reconciler) sendWhole(ctx context.Context, w worker.Work, e edge.Edge) error {
	state, err := r.Edges.State(ctx, e.ID)
	if err != nil {
		return errors.Join(err, r.unreachable(ctx, w, e, err))
	}
	if err := r.seenAlive(ctx, w, e.ID, state, true); err != nil {
		return err
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

// parcel is one update of an edge with what it answers.
type parcel struct {
	update  infra.EdgeUpdate
	changes []edge.Change
	proof   *digest.Set // what the edge holds once it has proved the update
}

// send builds the next generation, has it proved, and writes down which changes
// it proved.
func (r *Reconciler) send(ctx context.Context, w worker.Work, e edge.Edge) error {
	p, err := r.pack(ctx, w, e)
	if err != nil {
		return err
	}
	log := r.Logger.With("edge_id", e.ID, "generation", p.update.Fence.Generation, "whole", p.update.Whole,
		"sites", len(p.update.Sites), "removals", len(p.update.Removals))
	log.InfoContext(ctx, "edge apply intent")
	proof, err := r.Edges.Apply(ctx, e.ID, p.update)
	switch {
	case errors.Is(err, infra.ErrSnapshotNeeded) && !p.update.Whole:
		log.InfoContext(ctx, "edge asks for everything")
		return err
	case err != nil:
		log.WarnContext(ctx, "edge apply outcome", "error", err)
		return errors.Join(err, r.fault(ctx, w, e.ID, p.changes, err))
	}
	log.InfoContext(ctx, "edge apply outcome", "external_response", proof)
	if err := r.proved(ctx, w, e.ID, p); err != nil {
		return err
	}
	r.digests.put(e.ID, p.update.Fence.Generation, p.proof)
	return nil
}

// pack assigns the next generation and reads what the edge shall hold, in one
// transaction.
func (r *Reconciler) pack(ctx context.Context, w worker.Work, e edge.Edge) (p parcel, err error) {
	base := r.digests.get(e.ID, e.ProvenGeneration)
	err = r.update(ctx, w, func(tx store.Tx) error {
		now, err := tx.GetEdge(ctx, e.ID)
		if err != nil {
			return err
		}
		era, err := tx.Era(ctx)
		if err != nil {
			return err
		}
		if p.changes, err = tx.Changes(ctx, e.ID); err != nil {
			return err
		}
		now.Generation++
		p.update = infra.EdgeUpdate{
			Fence:    infra.Fence{Era: era, Epoch: w.Epoch, Generation: now.Generation},
			Whole:    e.NeedsWhole || now.NeedsWhole,
			Removals: map[id.Site]string{},
		}
		if err := r.fill(ctx, tx, &p, e.ID, base); err != nil {
			return err
		}
		return tx.UpdateEdge(ctx, now)
	})
	return p, err
}

// fill puts sites, removals and the digest of the whole into a parcel. Without
// a base the digest is made from all rows.
func (r *Reconciler) fill(ctx context.Context, tx store.Tx, p *parcel, edgeID id.Edge, base *digest.Set) error {
	changed := make([]id.Site, 0, len(p.changes))
	for _, c := range p.changes {
		changed = append(changed, c.SiteID)
		p.update.Removals[c.SiteID] = c.OperationID
	}
	slices.Sort(changed)
	wanted := slices.Compact(changed)
	if p.update.Whole || base == nil {
		wanted = nil
	}
	rows, err := tx.DesiredRows(ctx, edgeID, wanted)
	if err != nil {
		return err
	}
	sites := desired.ForEdge(rows)
	p.proof = digest.NewSet()
	if wanted != nil {
		p.proof = base.Clone()
		for _, siteID := range wanted {
			p.proof.Remove(string(siteID))
		}
	}
	for _, s := range sites {
		p.proof.Put(string(s.SiteID), s.Sum())
		if _, isChanged := p.update.Removals[s.SiteID]; isChanged || p.update.Whole {
			p.update.Sites = append(p.update.Sites, s)
		}
		delete(p.update.Removals, s.SiteID)
	}
	p.update.Digest = p.proof.Digest()
	return nil
}

// proved writes down what an edge has proved: exactly the changes that were
// sent are gone, and whoever waits for them is looked at.
func (r *Reconciler) proved(ctx context.Context, w worker.Work, edgeID id.Edge, p parcel) error {
	return r.update(ctx, w, func(tx store.Tx) error {
		e, err := tx.GetEdge(ctx, edgeID)
		if err != nil {
			return err
		}
		e.ProvenGeneration, e.ProvenDigest = p.update.Fence.Generation, p.update.Digest
		if p.update.Whole {
			e.NeedsWhole = false
		}
		e.FaultReason, e.FaultMessage, e.FaultSiteID, e.LastSeenAt = "", "", "", r.Clock()
		if err := tx.UpdateEdge(ctx, e); err != nil {
			return err
		}
		seqs := make([]int64, len(p.changes))
		for i, c := range p.changes {
			seqs[i] = c.Seq
		}
		if err := tx.DeleteChanges(ctx, edgeID, seqs); err != nil {
			return err
		}
		return r.wake(ctx, tx, p.changes)
	})
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
	switch {
	case errors.As(err, &refused):
		return infra.CodeConfigRejected, refused.Message, id.Site(refused.SiteID)
	case errors.As(err, &unproved):
		return infra.CodeEdgeNotProven, unproved.Message, ""
	case errors.Is(err, infra.ErrStaleFence), errors.Is(err, infra.ErrSnapshotNeeded):
		return infra.CodeEdgeNotProven, err.Error(), ""
	}
	return infra.CodeEdgeUnreachable, err.Error(), ""
}

// wake makes the objects of the operations behind changes due.
func (r *Reconciler) wake(ctx context.Context, tx store.Tx, changes []edge.Change) error {
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
			Kind: op.ObjectKind, Key: op.ObjectID, TenantID: string(op.TenantID), DueAt: r.Clock(),
		}); err != nil {
			return err
		}
	}
	return nil
}
