package app

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// DomainView is a domain as a caller sees it.
type DomainView struct {
	Domain network.Domain
	// Primary says that it is its site's primary domain.
	Primary    bool
	Conditions []condition.Condition
	// Instructions are the records that it needs from outside, in order.
	Instructions []network.Instruction
	// NextAttemptAt is when it is looked at again, zero when it is not due.
	NextAttemptAt time.Time
	// Operation is what works on it, nil when nothing does.
	Operation *saga.Operation
}

// NewDomain is a hostname to be claimed.
type NewDomain struct {
	// Hostname is in any form that people write.
	Hostname string
	// Direct asks for the direct mode.
	Direct bool
}

// AddDomain claims a hostname for a site. The claim reserves nothing; a site
// without a primary gets it as such. Errors: *lifecycle.InvalidError,
// *lifecycle.NotFoundError, *lifecycle.PreconditionError, *lifecycle.TakenError.
func (c *ControlPlane) AddDomain(ctx context.Context, by auth.Principal, siteID id.Site, in NewDomain, request RequestID) (DomainView, error) {
	var problems lifecycle.Violations
	claim := c.checkHostname(&problems, "hostname", in.Hostname, in.Direct)
	body := struct {
		SiteID id.Site
		Domain NewDomain
	}{siteID, in}
	return mutate(ctx, c, ask{by: by, action: "AddDomain", request: request, body: body}, func(tx store.Tx, r *record) (DomainView, error) {
		if err := problems.Err(); err != nil {
			return DomainView{}, err
		}
		d, err := c.addDomain(ctx, tx, by, siteID, claim)
		if err != nil {
			return DomainView{}, err
		}
		return changedDomain(ctx, tx, d, r)
	})
}

func (c *ControlPlane) addDomain(ctx context.Context, tx store.Tx, by auth.Principal, siteID id.Site, claim newClaim) (d network.Domain, err error) {
	s, err := siteOf(ctx, tx, by, siteID)
	if err != nil {
		return d, err
	}
	if s.Status == site.Deleting || s.Status == site.Deleted {
		return d, &lifecycle.PreconditionError{Message: "the site is on its way out; it takes no domain any more"}
	}
	if err := c.checkRoom(ctx, tx, by.TenantID, admin.Usage{Domains: 1, PendingClaims: 1}); err != nil {
		return d, err
	}
	cause := c.cause(ctx, by, "", "claimed by its tenant")
	if d, err = insertClaim(ctx, tx, s, claim, cause); err != nil {
		return d, err
	}
	if err := adoptPrimary(ctx, tx, s, d, cause); err != nil {
		return d, err
	}
	if s.Status.PastProvisioning() { // before, the end of create_site makes it due
		err = c.markDomain(ctx, tx, d)
	}
	return d, err
}

// changeDomain makes a change of a domain that the caller knows, and returns the
// domain as it is then.
func (c *ControlPlane) changeDomain(ctx context.Context, a ask, domainID id.Domain, do func(tx store.Tx, d network.Domain, s site.Site) error) (DomainView, error) {
	return mutate(ctx, c, a, func(tx store.Tx, r *record) (DomainView, error) {
		d, s, err := domainAndSite(ctx, tx, a.by, domainID)
		if err != nil {
			return DomainView{}, err
		}
		r.before = auditedDomain(d)
		if err := do(tx, d, s); err != nil {
			return DomainView{}, err
		}
		return changedDomain(ctx, tx, d, r)
	})
}

// changedDomain reads a domain after its change, for the answer and for the record.
func changedDomain(ctx context.Context, tx store.Tx, d network.Domain, r *record) (DomainView, error) {
	view, err := readDomain(ctx, tx, d.TenantID, d.ID)
	r.object, r.site, r.after = string(d.ID), d.SiteID, auditedDomain(view.Domain)
	return view, err
}

// markDomain makes a domain due now, in the trace of the call.
func (c *ControlPlane) markDomain(ctx context.Context, tx store.Tx, d network.Domain) error {
	return tx.MarkWork(ctx, worker.Mark{
		Kind: worker.Domain, Key: string(d.ID), TenantID: string(d.TenantID),
		DueAt: c.clock(), TraceParent: tracecontext.Parent(ctx),
	})
}

// GetDomain returns a domain, tombstones included.
func (c *ControlPlane) GetDomain(ctx context.Context, by auth.Principal, domainID id.Domain) (view DomainView, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		d, err := domainOf(ctx, tx, by, domainID)
		if err != nil {
			return err
		}
		view, err = viewDomain(ctx, tx, d)
		return err
	})
	return view, err
}

// ListDomains returns a page of the domains that the caller knows, or of one of the
// sites', without released ones.
func (c *ControlPlane) ListDomains(ctx context.Context, by auth.Principal, page network.Page) (views []DomainView, err error) {
	page.Only = by.Sites
	err = c.store.View(ctx, func(tx store.Tx) error {
		if page.SiteID != "" {
			if _, err := siteOf(ctx, tx, by, page.SiteID); err != nil {
				return err
			}
		}
		domains, err := tx.ListDomains(ctx, by.TenantID, page)
		if err != nil {
			return err
		}
		views, err = viewDomains(ctx, tx, by.TenantID, domains)
		return err
	})
	return views, err
}

// CheckDomain has a domain looked at now instead of at its next attempt, and
// retries one in ERROR. It returns the domain as it is before the look. While its
// site is provisioned there is nothing to look at, which is no error. Refusals are
// *lifecycle.PreconditionError.
func (c *ControlPlane) CheckDomain(ctx context.Context, by auth.Principal, domainID id.Domain, request RequestID) (DomainView, error) {
	return c.changeDomain(ctx, ask{by: by, action: "CheckDomain", request: request, body: domainID}, domainID, func(tx store.Tx, d network.Domain, s site.Site) error {
		return c.checkDomain(ctx, tx, d, s, c.cause(ctx, by, "", "retried by its tenant"))
	})
}

func (c *ControlPlane) checkDomain(ctx context.Context, tx store.Tx, d network.Domain, s site.Site, cause lifecycle.Cause) error {
	switch {
	case !d.Status.Live():
		return &lifecycle.PreconditionError{Message: d.Hostname + " is on its way out"}
	case d.Status == network.Error && s.Status == site.Error && s.PrimaryDomainID == d.ID:
		return &lifecycle.PreconditionError{Message: d.Hostname + " is the primary domain of a site in ERROR; retry the site"}
	case d.Status == network.Error:
		var err error
		if d, err = network.Apply(ctx, tx, d, network.Retry, cause); err != nil {
			return err
		}
	}
	if !s.Status.PastProvisioning() {
		return nil
	}
	if d.Attempts > 0 { // somebody is at it: look often again
		d.Attempts = 0
		if err := tx.UpdateDomain(ctx, d); err != nil {
			return err
		}
	}
	return c.markDomain(ctx, tx, d)
}

// RemoveDomain begins to release a domain; the primary only with another domain
// of the site named, which becomes the primary first. One that is on its way out
// already is returned as it is. Refusals are *lifecycle.PreconditionError.
func (c *ControlPlane) RemoveDomain(ctx context.Context, by auth.Principal, domainID, newPrimary id.Domain, request RequestID) (DomainView, error) {
	if newPrimary == domainID {
		var problems lifecycle.Violations
		problems.Add("new_primary_domain_id", "is the domain that goes; name another")
		return DomainView{}, problems.Err()
	}
	body := struct{ DomainID, NewPrimary id.Domain }{domainID, newPrimary}
	return c.changeDomain(ctx, ask{by: by, action: "RemoveDomain", request: request, body: body}, domainID, func(tx store.Tx, d network.Domain, s site.Site) error {
		if !d.Status.Live() {
			return nil
		}
		return removeDomain(ctx, tx, d, s, newPrimary, c.cause(ctx, by, "", "removed by its tenant"))
	})
}

func removeDomain(ctx context.Context, tx store.Tx, d network.Domain, s site.Site, newPrimary id.Domain, cause lifecycle.Cause) error {
	switch {
	case d.Kind == network.Platform:
		return &lifecycle.PreconditionError{Message: d.Hostname + " is the site's platform name; it goes with its site"}
	case s.PrimaryDomainID == d.ID && newPrimary == "":
		return &lifecycle.PreconditionError{
			Message: d.Hostname + " is the site's primary domain; name another domain of the site as the new primary, or delete the site",
		}
	case newPrimary != "":
		if err := setPrimary(ctx, tx, s, newPrimary, cause); err != nil {
			return err
		}
	}
	return reconcile.OpenRelease(ctx, tx, d, cause)
}

// readDomain reads everything that a caller sees of a domain.
func readDomain(ctx context.Context, tx store.Tx, tenant id.Tenant, domainID id.Domain) (DomainView, error) {
	d, err := tx.GetDomain(ctx, tenant, domainID)
	if err != nil {
		return DomainView{}, err
	}
	return viewDomain(ctx, tx, d)
}

// viewDomain adds to a domain what a caller sees of it besides.
func viewDomain(ctx context.Context, tx store.Tx, d network.Domain) (DomainView, error) {
	views, err := viewDomains(ctx, tx, d.TenantID, []network.Domain{d})
	if err != nil {
		return DomainView{}, err
	}
	return views[0], nil
}
