package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// releaseDomain takes a RELEASING domain off, one level at a time: first DNS and
// the tunnel's rule, read back, then the edges; and gives the name up. Opened by
// OpenRelease.
func (r *Reconciler) releaseDomain() saga.Definition[store.Tx] {
	return saga.Definition[store.Tx]{
		Kind: ReleaseDomain,
		Steps: []step{
			{Name: "unroute", Skip: r.unrouted, Apply: r.lower(network.OnEdge), Confirm: r.ofDomain(r.confirmUnrouted)},
			{Name: "hide_from_edges", Skip: r.hidden, Apply: r.lower(network.Hidden), Confirm: r.confirmHidden},
			{Name: "release", Commit: r.commitReleased},
		},
		MaxAttempts: unbounded,
	}
}

// unbounded is for operations that must not fail: what is on its way out stays
// on its way out until it is gone.
const unbounded = 1 << 30

// OpenRelease moves a domain to RELEASING and opens its release, in the
// transaction of whatever removes it. A release that is under way stays.
func OpenRelease(ctx context.Context, tx store.Tx, d network.Domain, cause lifecycle.Cause) error {
	if !d.Status.Live() {
		return nil
	}
	if err := saga.Cancel(ctx, tx, worker.Domain, string(d.ID), cause.Reason, cause.At); err != nil {
		return err
	}
	opID := id.NewOperation()
	if cause.OperationID == "" {
		cause.OperationID = string(opID)
	}
	if _, err := network.Apply(ctx, tx, d, network.Release, cause); err != nil {
		return err
	}
	if err := withdrawContest(ctx, tx, d, cause.At); err != nil {
		return err
	}
	_, err := saga.Open(ctx, tx, saga.Opening{
		ID: opID, Kind: ReleaseDomain, TenantID: d.TenantID, ObjectKind: worker.Domain,
		ObjectID: string(d.ID), Actor: cause.Actor, At: cause.At,
	})
	return err
}

// unrouted passes over the step that takes a domain off the tunnel, if no tunnel has
// it. What another operation has lowered and nobody proved yet is waited for.
func (r *Reconciler) unrouted(ctx context.Context, tx store.Tx, op saga.Operation) (bool, error) {
	d, err := domainOf(ctx, tx, op)
	if err != nil || levels[d.Wanted] > levels[network.OnEdge] {
		return false, err
	}
	pending, err := tx.TunnelChangesOf(ctx, d.ID)
	return len(pending) == 0, err
}

// hidden passes over the step that takes a domain off the edges, if no edge has it, in
// the same way. A name that was never validated was never sent to any.
func (r *Reconciler) hidden(ctx context.Context, tx store.Tx, op saga.Operation) (bool, error) {
	d, err := domainOf(ctx, tx, op)
	if err != nil || d.Wanted != network.Hidden {
		return false, err
	}
	if held, err := wasHeld(ctx, tx, d); err != nil || !held {
		return !held, err
	}
	s, err := tx.GetSite(ctx, d.TenantID, d.SiteID)
	if err != nil {
		return false, err
	}
	var p presence
	if p.edges, _, err = edgesOf(ctx, tx, s); err != nil {
		return false, err
	}
	if p.changes, err = tx.ChangesOfSite(ctx, d.SiteID); err != nil {
		return false, err
	}
	_, proved := p.unproven(d.SiteID, p.edges)
	return proved, nil
}

// confirmHidden reads whether every edge, required or not, has proved the site
// without the hostname.
func (r *Reconciler) confirmHidden(ctx context.Context, op saga.Operation) (confirmation, error) {
	d, _, err := r.domainAndSite(ctx, op.TenantID, id.Domain(op.ObjectID))
	if err != nil {
		return confirmation{}, err
	}
	p, err := r.presenceOf(ctx, d.TenantID, d.SiteID)
	if err != nil {
		return confirmation{}, err
	}
	missing, ok := p.unproven(d.SiteID, p.edges)
	if !ok {
		return r.noted(ctx, op, condition.EdgeRouted, missing), nil
	}
	return confirmation{
		Done: true, Response: generations(p.edges),
		Message: fmt.Sprintf("%d edges have proved that the hostname is gone", len(p.edges)),
	}, nil
}

// commitReleased gives the name up, keeps it for its last owner for a while, and
// lets whoever waits for it look again.
func (r *Reconciler) commitReleased(ctx context.Context, tx store.Tx, op saga.Operation) error {
	d, err := domainOf(ctx, tx, op)
	if err != nil {
		return err
	}
	held, err := r.reserves(ctx, tx, d)
	if err != nil {
		return err
	}
	if held {
		d.ReservedUntil, d.UpdatedAt = r.Clock().Add(r.ReserveFor), r.Clock()
		if err := tx.UpdateDomain(ctx, d); err != nil {
			return err
		}
	}
	cause := r.cause(ctx, op, "hidden everywhere")
	if _, err := network.Apply(ctx, tx, d, network.Finish, cause); err != nil {
		return err
	}
	if err := leaveSite(ctx, tx, d, cause); err != nil {
		return err
	}
	waiting, err := others(ctx, tx, d.Hostname, d.ID)
	if err != nil {
		return err
	}
	for _, o := range waiting {
		if err := r.markDomain(ctx, tx, o.TenantID, o.ID, op.TraceParent); err != nil {
			return err
		}
	}
	return tx.MarkWork(ctx, worker.Mark{
		Kind: worker.Site, Key: string(d.SiteID), TenantID: string(d.TenantID), DueAt: r.Clock(), TraceParent: op.TraceParent,
	})
}

// leaveSite tells a site that has lost its primary that it has none.
func leaveSite(ctx context.Context, tx store.Tx, d network.Domain, cause lifecycle.Cause) error {
	s, err := tx.GetSite(ctx, d.TenantID, d.SiteID)
	if err != nil || s.PrimaryDomainID != d.ID || s.Status == site.Deleting {
		return err
	}
	return condition.Set(ctx, tx, NoDomain(s.ID, cause))
}

// reserves reports whether a name is kept for its last owner: who never held it
// reserves nothing, and one that was lost in a contest is somebody else's.
func (r *Reconciler) reserves(ctx context.Context, tx store.Tx, d network.Domain) (bool, error) {
	if d.Kind == network.Platform {
		return true, nil
	}
	contests, err := tx.ContestsOn(ctx, d.Hostname)
	if err != nil {
		return false, err
	}
	for _, c := range contests {
		if c.HolderID == d.ID && c.Outcome == network.ContestLost {
			return false, nil
		}
	}
	return wasHeld(ctx, tx, d)
}

// wasHeld reports whether a domain has ever been validated.
func wasHeld(ctx context.Context, tx store.Tx, d network.Domain) (bool, error) {
	history, err := tx.HistoryOf(ctx, []string{string(d.ID)})
	held := func(c lifecycle.Change) bool { return c.Event == string(network.Validate) }
	return slices.ContainsFunc(history, held), err
}
