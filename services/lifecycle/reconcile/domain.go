package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// handleDomain walks the operation of a domain; without one it makes an attempt
// to bring the domain forward. A look that can bring it no further opens no
// operation: it records what was seen and comes back later.
func (r *Reconciler) handleDomain(ctx context.Context, w worker.Work) (time.Time, error) {
	if _, ok, err := r.activeOperation(ctx, w.Key); err != nil {
		return time.Time{}, err
	} else if ok {
		next, err := r.advance(ctx, w)
		if err != nil || !next.IsZero() {
			return next, err
		}
	}
	d, s, err := r.domainAndSite(ctx, id.Tenant(w.TenantID), id.Domain(w.Key))
	if err != nil {
		return time.Time{}, gone(err)
	}
	if err := r.defend(ctx, w, d); err != nil {
		return time.Time{}, err
	}
	switch {
	case d.Status == network.Active:
		return r.recheck(ctx, w, d)
	case !s.Status.PastProvisioning():
		return time.Time{}, nil // the site makes it due once the edges answer
	case d.Status == network.PendingDNS, d.Status == network.Validated, d.Status == network.Routed:
		return r.attempt(ctx, w, d)
	}
	return time.Time{}, nil
}

// gone makes a missing object nothing to do.
func gone(err error) error {
	var missing *lifecycle.NotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	return err
}

func (r *Reconciler) domainAndSite(ctx context.Context, tenant id.Tenant, domain id.Domain) (d network.Domain, s site.Site, err error) {
	err = r.Store.View(ctx, func(tx store.Tx) error {
		if d, err = tx.GetDomain(ctx, tenant, domain); err != nil {
			return err
		}
		s, err = tx.GetSite(ctx, tenant, d.SiteID)
		return err
	})
	return d, s, err
}

// attempt finds out whether the domain can go further, and opens activate_domain
// if so.
func (r *Reconciler) attempt(ctx context.Context, w worker.Work, d network.Domain) (time.Time, error) {
	if d.Mode == network.ModeUnknown {
		return r.chooseMode(ctx, w, d)
	}
	seen, err := r.nextNeed(ctx, d)
	if err != nil {
		return time.Time{}, err
	}
	if !seen.Done {
		return r.later(ctx, w, d, seen)
	}
	return r.activate(ctx, w, d)
}

// nextNeed looks at what the domain's next status needs.
func (r *Reconciler) nextNeed(ctx context.Context, d network.Domain) (confirmation, error) {
	switch {
	case d.Status == network.PendingDNS:
		return r.confirmValidated(ctx, d)
	case d.Status == network.Validated && d.Wanted == network.Public:
		return r.confirmRouted(ctx, d)
	case d.Status == network.Routed:
		return r.confirmServing(ctx, d)
	}
	return confirmation{Done: true}, nil // ours to raise
}

// later records what was seen and comes back after a growing while; whoever
// changes something in between makes the domain due.
func (r *Reconciler) later(ctx context.Context, w worker.Work, d network.Domain, seen confirmation) (time.Time, error) {
	d.Attempts++
	err := r.update(ctx, w, func(tx store.Tx) error {
		if seen.Record != nil {
			if err := seen.Record(ctx, tx); err != nil {
				return err
			}
		}
		return tx.UpdateDomain(ctx, d)
	})
	return r.Clock().Add(r.retry.Delay(d.Attempts)), err
}

// activate opens activate_domain and walks it at once.
func (r *Reconciler) activate(ctx context.Context, w worker.Work, d network.Domain) (time.Time, error) {
	var op saga.Operation
	err := r.update(ctx, w, func(tx store.Tx) (err error) {
		op, err = saga.Open(ctx, tx, saga.Opening{
			Kind: ActivateDomain, TenantID: d.TenantID, ObjectKind: worker.Domain,
			ObjectID: string(d.ID), Actor: "worker:domain", At: r.Clock(),
		})
		return err
	})
	if err != nil {
		return time.Time{}, err
	}
	return r.engine.Advance(ctx, w, op)
}

// markDomain makes a domain due.
func (r *Reconciler) markDomain(ctx context.Context, tx store.Tx, tenant id.Tenant, domain id.Domain, traceParent string) error {
	return tx.MarkWork(ctx, worker.Mark{
		Kind: worker.Domain, Key: string(domain), TenantID: string(tenant), DueAt: r.Clock(), TraceParent: traceParent,
	})
}
