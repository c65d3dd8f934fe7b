package reconcile

import (
	"context"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// releaseDomain takes a RELEASING domain off, one level at a time, until no edge
// answers for it, and gives the name up. Opened by OpenRelease.
func (r *Reconciler) releaseDomain() saga.Definition[store.Tx] {
	return saga.Definition[store.Tx]{
		Kind: ReleaseDomain,
		Steps: []step{
			{Name: "unroute", Skip: r.atMost(network.OnEdge), Apply: r.lower(network.OnEdge)},
			{Name: "hide_from_edges", Skip: r.atMost(network.Hidden), Apply: r.lower(network.Hidden), Confirm: r.confirmHidden},
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
	if _, err := network.Apply(ctx, tx, d, network.Release, cause); err != nil {
		return err
	}
	_, err := saga.Open(ctx, tx, saga.Opening{
		Kind: ReleaseDomain, TenantID: d.TenantID, ObjectKind: worker.Domain,
		ObjectID: string(d.ID), Actor: cause.Actor, At: cause.At,
	})
	return err
}

// atMost passes over a step whose level the domain is at or below.
func (r *Reconciler) atMost(level network.Wanted) func(context.Context, store.Tx, saga.Operation) (bool, error) {
	return func(ctx context.Context, tx store.Tx, op saga.Operation) (bool, error) {
		d, err := domainOf(ctx, tx, op)
		return levels[d.Wanted] <= levels[level], err
	}
}

// confirmHidden reads whether every edge, required or not, has proved the site
// without the hostname.
func (r *Reconciler) confirmHidden(ctx context.Context, op saga.Operation) (confirmation, error) {
	d, _, err := r.domainAndSite(ctx, op.TenantID, id.Domain(op.ObjectID))
	if err != nil {
		return confirmation{}, err
	}
	edges, changes, err := r.edgesAndChanges(ctx, d.SiteID)
	if err != nil {
		return confirmation{}, err
	}
	missing, ok, err := unproven("", edges, changes)
	if err != nil {
		return confirmation{}, err
	}
	if !ok {
		return r.noted(ctx, op, condition.EdgeRouted, missing), nil
	}
	return confirmation{
		Done: true, Response: generations(edges),
		Message: fmt.Sprintf("%d edges have proved that the hostname is gone", len(edges)),
	}, nil
}

func (r *Reconciler) commitReleased(ctx context.Context, tx store.Tx, op saga.Operation) error {
	d, err := domainOf(ctx, tx, op)
	if err != nil {
		return err
	}
	d.ReservedUntil, d.UpdatedAt = r.Clock().Add(r.ReserveFor), r.Clock()
	if err := tx.UpdateDomain(ctx, d); err != nil {
		return err
	}
	if _, err := network.Apply(ctx, tx, d, network.Finish, r.cause(ctx, op, "hidden everywhere")); err != nil {
		return err
	}
	return tx.MarkWork(ctx, worker.Mark{
		Kind: worker.Site, Key: string(d.SiteID), TenantID: string(d.TenantID), DueAt: r.Clock(), TraceParent: op.TraceParent,
	})
}
