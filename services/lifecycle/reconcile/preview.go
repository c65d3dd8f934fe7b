package reconcile

import (
	"context"
	"errors"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// Preview is what an edge would be sent now, and what that would change there.
type Preview struct {
	// Files are those that would change, ordered by path.
	Files []infra.FileDiff
	// Sites are those that would be sent, ordered by id: the ones that come or change,
	// or all where the edge is due a whole snapshot.
	Sites []id.Site
}

// PreviewEdge says what the next send would change on an edge, and writes nothing: no
// generation is assigned. Where nothing waits to be sent, it compares the host with what
// it shall hold. Errors: *lifecycle.NotFoundError, *lifecycle.PreconditionError for an
// evicted edge, *infra.UnavailableError and *infra.RejectedError of the edge.
func (r *Reconciler) PreviewEdge(ctx context.Context, edgeID id.Edge) (Preview, error) {
	p, err := r.previewEdge(ctx, edgeID, false)
	if errors.Is(err, infra.ErrSnapshotNeeded) {
		p, err = r.previewEdge(ctx, edgeID, true)
	}
	if errors.Is(err, infra.ErrSnapshotNeeded) || errors.Is(err, errNotMyTurn) {
		err = &infra.UnavailableError{Service: "edge", RetryAfter: turnAgain, Err: err}
	}
	return p, err
}

func (r *Reconciler) previewEdge(ctx context.Context, edgeID id.Edge, whole bool) (Preview, error) {
	p, err := r.draft(ctx, edgeID, whole)
	if err != nil {
		return Preview{}, err
	}
	files, err := r.Edges.Preview(ctx, edgeID, p.update)
	if err != nil {
		return Preview{}, err
	}
	preview := Preview{Files: files}
	for _, s := range p.update.Sites {
		if p.kept[s.SiteID] == 0 || p.update.Whole {
			preview.Sites = append(preview.Sites, s.SiteID)
		}
	}
	return preview, nil
}

// draft fills a parcel as pack does, in a transaction that cannot write. Making it from
// all rows waits for its turn.
func (r *Reconciler) draft(ctx context.Context, edgeID id.Edge, whole bool) (p parcel, err error) {
	give, err := r.wholes.take(ctx)
	if err != nil {
		return p, err
	}
	defer give()
	err = r.Store.View(ctx, func(tx store.Tx) error {
		p = parcel{tenants: map[id.Site]id.Tenant{}}
		e, err := tx.GetEdge(ctx, edgeID)
		if err != nil {
			return err
		}
		if e.Evicted() {
			return &lifecycle.PreconditionError{Message: "the edge was evicted; it is sent nothing any more"}
		}
		changes, err := tx.Changes(ctx, edgeID)
		if err != nil {
			return err
		}
		p.changes, _ = split(changes)
		p.update = infra.EdgeUpdate{Whole: whole || e.NeedsWhole, Removals: map[id.Site]string{}}
		if err := r.fill(ctx, tx, &p, e, r.digests.get(edgeID, e.ProvenGeneration)); err != nil {
			return err
		}
		p.update.Fence.Generation = e.ProvenGeneration
		if p.update.Whole || len(p.settled()) > 0 {
			p.update.Fence.Generation = e.Generation + 1
		}
		return nil
	})
	return p, err
}
