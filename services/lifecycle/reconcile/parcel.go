package reconcile

import (
	"context"

	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// parcel is one update of an edge with what it answers.
type parcel struct {
	update  infra.EdgeUpdate
	changes []edge.Change
	// tenants are those of the sites that the update carries.
	tenants map[id.Site]id.Tenant
	proof   *digest.Set // what the edge holds once it has proved the update
	// kept are the sites that it is sent as they were confirmed, and why.
	kept gate
}

// operationOf returns the operation that changed a site last, "" for none.
func (p parcel) operationOf(siteID id.Site) (operation string) {
	for _, c := range p.changes {
		if c.SiteID == siteID {
			operation = c.OperationID
		}
	}
	return operation
}

// settled are the changes that the update proves.
func (p parcel) settled() (out []edge.Change) {
	for _, c := range p.changes {
		if p.kept[c.SiteID] != waiting {
			out = append(out, c)
		}
	}
	return out
}

// sums are the digests of the buckets that the edge shall have.
func (p parcel) sums() [][]byte {
	out := make([][]byte, digest.Buckets)
	for i := range out {
		sum := p.proof.Bucket(i)
		out[i] = sum[:]
	}
	return out
}

// pack assigns the next generation and reads what the edge shall hold, in one
// transaction.
func (r *Reconciler) pack(ctx context.Context, w worker.Work, e edge.Edge) (p parcel, err error) {
	base := r.digests.get(e.ID, e.ProvenGeneration)
	err = r.update(ctx, w, func(tx store.Tx) error {
		p = parcel{tenants: map[id.Site]id.Tenant{}}
		now, err := tx.GetEdge(ctx, e.ID)
		if err != nil {
			return err
		}
		changes, err := tx.Changes(ctx, e.ID)
		if err != nil {
			return err
		}
		p.changes, _ = split(changes)
		now.Generation++
		p.update = infra.EdgeUpdate{
			Fence:     infra.Fence{Epoch: w.Epoch, Generation: now.Generation},
			Whole:     e.NeedsWhole || now.NeedsWhole,
			Removals:  map[id.Site]string{},
			HoldDrift: now.DriftPolicy == drift.Hold,
		}
		if p.update.Fence.Era, err = tx.Era(ctx); err != nil {
			return err
		}
		if p.update.ConfirmedHold, err = hold.Confirmed(ctx, tx, now.Target()); err != nil {
			return err
		}
		if err := r.fill(ctx, tx, &p, now, base); err != nil {
			return err
		}
		if err := remember(ctx, tx, now.ID, p); err != nil {
			return err
		}
		return tx.UpdateEdge(ctx, now)
	})
	return p, err
}

// fill puts sites, removals and the digest of the whole into a parcel. Without
// a base the digest is made from all rows.
func (r *Reconciler) fill(ctx context.Context, tx store.Tx, p *parcel, e edge.Edge, base *digest.Set) (err error) {
	p.update.Explanations = map[id.Site]string{}
	for _, c := range p.changes {
		p.update.Removals[c.SiteID] = c.OperationID
		p.tenants[c.SiteID] = c.TenantID
		if c.OperationID != "" {
			p.update.Explanations[c.SiteID] = c.OperationID
		}
	}
	wanted := sitesOf(p.changes)
	if p.update.Whole || base == nil {
		wanted = nil
	}
	var rows []desired.Row
	if rows, p.kept, err = r.desiredRows(ctx, tx, e, wanted); err != nil {
		return err
	}
	p.proof = digest.NewSet()
	if wanted != nil {
		p.proof = base.Clone()
		for _, siteID := range wanted {
			p.proof.Remove(string(siteID))
		}
	}
	for _, row := range rows {
		p.tenants[row.SiteID] = row.TenantID
	}
	for _, s := range desired.ForEdge(rows) {
		p.proof.Put(string(s.SiteID), s.Sum())
		if _, isChanged := p.update.Removals[s.SiteID]; isChanged || p.update.Whole {
			p.update.Sites = append(p.update.Sites, s)
		}
		delete(p.update.Removals, s.SiteID)
	}
	p.update.Digest = p.proof.Digest()
	return nil
}
