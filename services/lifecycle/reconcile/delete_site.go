package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// deleteSite takes a DELETING site off every edge and leaves a tombstone. Opened
// by OpenDelete.
func (r *Reconciler) deleteSite() saga.Definition[store.Tx] {
	return saga.Definition[store.Tx]{
		Kind: DeleteSite,
		Steps: []step{
			{Name: "release_domains", Apply: r.applyReleases, Confirm: r.confirmReleases},
			{Name: "withdraw_from_edges", Apply: r.applyAbsent, Confirm: r.confirmWithdrawn},
			{Name: "bury", Commit: r.commitDeleted},
		},
		MaxAttempts: unbounded,
	}
}

// OpenDelete moves a site to DELETING, ends what works on it or its domains, and
// opens its deletion, in one transaction.
func OpenDelete(ctx context.Context, tx store.Tx, s site.Site, cause lifecycle.Cause) (site.Site, saga.Operation, error) {
	if err := saga.Cancel(ctx, tx, worker.Site, string(s.ID), cause.Reason, cause.At); err != nil {
		return s, saga.Operation{}, err
	}
	opID := id.NewOperation()
	cause.OperationID = string(opID)
	s, err := site.Apply(ctx, tx, s, site.Delete, cause)
	if err != nil {
		return s, saga.Operation{}, err
	}
	op, err := saga.Open(ctx, tx, saga.Opening{
		ID: opID, Kind: DeleteSite, TenantID: s.TenantID, ObjectKind: worker.Site,
		ObjectID: string(s.ID), Actor: cause.Actor, At: cause.At,
	})
	if err != nil {
		return s, op, err
	}
	domains, err := tx.DomainsOfSite(ctx, s.TenantID, s.ID)
	if err != nil {
		return s, op, err
	}
	for _, d := range domains {
		if err := OpenRelease(ctx, tx, d, cause); err != nil {
			return s, op, err
		}
	}
	return s, op, nil
}

// applyReleases opens the releases that are not under way, for domains that
// came after the deletion was opened.
func (r *Reconciler) applyReleases(ctx context.Context, tx store.Tx, op saga.Operation) (opened bool, err error) {
	domains, err := tx.DomainsOfSite(ctx, op.TenantID, id.Site(op.ObjectID))
	if err != nil {
		return false, err
	}
	for _, d := range domains {
		opened = opened || d.Status.Live()
		if err := OpenRelease(ctx, tx, d, r.cause(ctx, op, "its site is deleted")); err != nil {
			return false, err
		}
	}
	return opened, nil
}

func (r *Reconciler) confirmReleases(ctx context.Context, op saga.Operation) (seen confirmation, err error) {
	var domains []network.Domain
	err = r.Store.View(ctx, func(tx store.Tx) error {
		domains, err = tx.DomainsOfSite(ctx, op.TenantID, id.Site(op.ObjectID))
		return err
	})
	released := map[string]time.Time{}
	for _, d := range domains {
		if d.Status != network.Released {
			return confirmation{Reason: condition.ReasonWaiting, Message: d.Hostname + " is not released yet", RetryAfter: edgePoll}, err
		}
		released[d.Hostname] = d.ReservedUntil
	}
	return confirmation{Done: true, Response: released, Message: fmt.Sprintf("%d domains are released", len(domains))}, err
}

// confirmWithdrawn reads whether every edge has proved that it does not hold the
// site, and asks each that answers.
func (r *Reconciler) confirmWithdrawn(ctx context.Context, op saga.Operation) (confirmation, error) {
	siteID := id.Site(op.ObjectID)
	p, err := r.presenceOf(ctx, op.TenantID, siteID)
	if err != nil {
		return confirmation{}, err
	}
	missing, ok := p.unproven(siteID, p.edges)
	if !ok {
		return missing, nil
	}
	for _, e := range p.edges {
		if _, err := r.Edges.ProbeSite(ctx, e.ID, siteID); err == nil {
			return confirmation{Reason: infra.CodeEdgeNotProven, RetryAfter: time.Second,
				Message: "edge " + e.Name + " still answers for the site under its internal name"}, nil
		} else if !errors.Is(err, infra.ErrNotServed) {
			return confirmation{}, fmt.Errorf("probe the internal name on edge %s: %w", e.Name, err)
		}
	}
	return confirmation{
		Done: true, Response: generations(p.edges),
		Message: fmt.Sprintf("%d edges have proved that the site is gone", len(p.edges)),
	}, nil
}

func (r *Reconciler) commitDeleted(ctx context.Context, tx store.Tx, op saga.Operation) error {
	s, err := siteOf(ctx, tx, op)
	if err != nil {
		return err
	}
	if s, err = site.Apply(ctx, tx, s, site.Finish, r.cause(ctx, op, "gone from every edge")); err != nil {
		return err
	}
	return tx.PurgeSite(ctx, s.TenantID, s.ID)
}
