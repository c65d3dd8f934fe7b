package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// createSite brings a site to the edges until they answer for it under its
// internal name. Opened by CreateSite and by retry; ends at DOMAIN_PENDING_DNS.
func (r *Reconciler) createSite() saga.Definition[store.Tx] {
	return saga.Definition[store.Tx]{
		Kind:        CreateSite,
		MaxAttempts: 8,
		Steps: []step{
			{Name: "provision", Skip: r.pastCreated, Commit: r.commitProvision},
			{
				Name: "publish_internally", Apply: r.applyPresent, Confirm: r.confirmInternal,
				Commit: r.commitEdgeReady, Compensate: r.compensatePresent, Undone: r.confirmWithdrawn,
			},
		},
		Fail: r.failSite,
	}
}

// siteOf reads the site that an operation works on.
func siteOf(ctx context.Context, tx store.Tx, op saga.Operation) (site.Site, error) {
	return tx.GetSite(ctx, op.TenantID, id.Site(op.ObjectID))
}

func (r *Reconciler) pastCreated(ctx context.Context, tx store.Tx, op saga.Operation) (bool, error) {
	s, err := siteOf(ctx, tx, op)
	return s.Status != site.Created, err
}

func (r *Reconciler) commitProvision(ctx context.Context, tx store.Tx, op saga.Operation) error {
	s, err := siteOf(ctx, tx, op)
	if err != nil {
		return err
	}
	_, err = site.Apply(ctx, tx, s, site.Provision, r.cause(ctx, op, "spec is valid and the name is free"))
	return err
}

func (r *Reconciler) applyPresent(ctx context.Context, tx store.Tx, op saga.Operation) (bool, error) {
	s, err := siteOf(ctx, tx, op)
	if err != nil {
		return false, err
	}
	return r.setWanted(ctx, tx, s, site.Present, op)
}

func (r *Reconciler) applyAbsent(ctx context.Context, tx store.Tx, op saga.Operation) (bool, error) {
	s, err := siteOf(ctx, tx, op)
	if err != nil {
		return false, err
	}
	return r.setWanted(ctx, tx, s, site.Absent, op)
}

func (r *Reconciler) compensatePresent(ctx context.Context, tx store.Tx, op saga.Operation) error {
	_, err := r.applyAbsent(ctx, tx, op)
	return err
}

// confirmInternal asks every required edge for the site under its internal name.
func (r *Reconciler) confirmInternal(ctx context.Context, op saga.Operation) (confirmation, error) {
	siteID := id.Site(op.ObjectID)
	p, err := r.presenceOf(ctx, op.TenantID, siteID)
	if err != nil {
		return confirmation{}, err
	}
	required := p.required(r.Clock(), r.EdgeWindow)
	if missing, short := p.short(required, r.EdgeWindow); short {
		return r.noted(ctx, op, condition.EdgeSynced, missing), nil
	}
	if err := errors.Join(p.pinned(siteID, required), p.refused(siteID, required)); err != nil {
		return confirmation{}, err
	}
	missing, ok := p.unproven(siteID, required)
	if !ok {
		return r.noted(ctx, op, condition.EdgeSynced, missing), nil
	}
	return r.probeInternal(ctx, op, p.revision, required)
}

func (r *Reconciler) probeInternal(ctx context.Context, op saga.Operation, revision int64, required []edge.Edge) (confirmation, error) {
	proofs := map[id.Edge]infra.SiteProof{}
	for _, e := range required {
		proof, err := r.Edges.ProbeSite(ctx, e.ID, id.Site(op.ObjectID))
		switch {
		case errors.Is(err, infra.ErrNotServed):
			return r.noted(ctx, op, condition.EdgeSynced, confirmation{
				Reason: infra.CodeEdgeNotProven, RetryAfter: time.Second,
				Message: "edge " + e.Name + " does not answer for the site under its internal name",
			}), nil
		case err != nil:
			return confirmation{}, fmt.Errorf("probe the internal name on edge %s: %w", e.Name, err)
		case proof.Revision != revision:
			return r.noted(ctx, op, condition.EdgeSynced, confirmation{
				Reason: infra.CodeEdgeNotProven, RetryAfter: time.Second,
				Message: fmt.Sprintf("edge %s answers with revision %d, wanted is %d", e.Name, proof.Revision, revision),
			}), nil
		}
		proofs[e.ID] = proof
	}
	return confirmation{
		Done: true, Response: proofs,
		Message: fmt.Sprintf("%d of %d required edges answer under the internal name", len(proofs), len(required)),
	}, nil
}

// commitEdgeReady moves the site past PROVISIONING and lets its domains begin.
func (r *Reconciler) commitEdgeReady(ctx context.Context, tx store.Tx, op saga.Operation) error {
	s, err := siteOf(ctx, tx, op)
	if err != nil {
		return err
	}
	if err := r.confirmRevision(ctx, tx, s); err != nil {
		return err
	}
	if s, err = siteOf(ctx, tx, op); err != nil {
		return err
	}
	s, err = site.Apply(ctx, tx, s, site.EdgeReady, r.cause(ctx, op, "the required edges answer under the internal name"))
	if err != nil {
		return err
	}
	return r.beginDomains(ctx, tx, s, op)
}

// beginDomains makes the site's live domains due, the failed primary anew.
func (r *Reconciler) beginDomains(ctx context.Context, tx store.Tx, s site.Site, op saga.Operation) error {
	domains, err := tx.DomainsOfSite(ctx, s.TenantID, s.ID)
	if err != nil {
		return err
	}
	for _, d := range domains {
		if d.ID == s.PrimaryDomainID && d.Status == network.Error {
			if d, err = network.Apply(ctx, tx, d, network.Retry, r.cause(ctx, op, "the site is retried")); err != nil {
				return err
			}
		}
		if !d.Status.Live() {
			continue
		}
		if err := tx.MarkWork(ctx, worker.Mark{
			Kind: worker.Domain, Key: string(d.ID), TenantID: string(d.TenantID),
			DueAt: r.Clock(), TraceParent: op.TraceParent,
		}); err != nil {
			return err
		}
	}
	return nil
}

// failSite moves a site to ERROR once everything is undone.
func (r *Reconciler) failSite(ctx context.Context, tx store.Tx, op saga.Operation) error {
	s, err := siteOf(ctx, tx, op)
	if err != nil {
		return err
	}
	if _, err := site.Apply(ctx, tx, s, site.Fail, r.cause(ctx, op, op.Reason+": "+op.Message)); err != nil {
		return err
	}
	c := r.condition(ctx, op.ObjectID, condition.EdgeSynced, condition.False, op.Reason, op.Message)
	c.Actor = condition.Tenant
	c.Fix = []string{"correct the site, then retry it"}
	if op.Reason == saga.ReasonCancelled {
		c.Fix = []string{"retry the site, or delete it"}
	}
	return condition.Set(ctx, tx, c)
}
