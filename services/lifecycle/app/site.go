package app

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// SiteView is a site as a caller sees it.
type SiteView struct {
	Site       site.Site
	Spec       site.Spec
	Conditions []condition.Condition
	// NextAttemptAt is when the site is looked at again, zero when it is not due.
	NextAttemptAt time.Time
	// Primary is nil while there is no primary domain.
	Primary *DomainView
	// Operation is what works on the site, or else on its primary domain.
	Operation *saga.Operation
}

// GetSite returns a site, tombstones included.
func (c *ControlPlane) GetSite(ctx context.Context, by auth.Principal, siteID id.Site) (view SiteView, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		s, err := siteOf(ctx, tx, by, siteID)
		if err != nil {
			return err
		}
		view, err = viewSite(ctx, tx, s)
		return err
	})
	return view, err
}

// ListSites returns a page of the sites that the caller knows.
func (c *ControlPlane) ListSites(ctx context.Context, by auth.Principal, page site.Page) (views []SiteView, err error) {
	page.Only = by.Sites
	err = c.store.View(ctx, func(tx store.Tx) error {
		sites, err := tx.ListSites(ctx, by.TenantID, page)
		if err != nil {
			return err
		}
		views, err = viewSites(ctx, tx, by.TenantID, sites)
		return err
	})
	return views, err
}

// DeleteSite begins to delete a site. One that is on its way out already is
// returned as it is.
func (c *ControlPlane) DeleteSite(ctx context.Context, by auth.Principal, siteID id.Site, request RequestID) (SiteView, error) {
	return c.changeSite(ctx, ask{by: by, action: "DeleteSite", request: request, body: siteID}, siteID, func(tx store.Tx, s site.Site, _ *record) error {
		if s.Status == site.Deleting || s.Status == site.Deleted {
			return nil
		}
		_, _, err := reconcile.OpenDelete(ctx, tx, s, c.cause(ctx, by, "", "deleted by its tenant"))
		return err
	})
}

// RetrySite walks a site in ERROR through provisioning again. In any other
// status: *lifecycle.IllegalTransitionError.
func (c *ControlPlane) RetrySite(ctx context.Context, by auth.Principal, siteID id.Site, request RequestID) (SiteView, error) {
	return c.changeSite(ctx, ask{by: by, action: "RetrySite", request: request, body: siteID}, siteID, func(tx store.Tx, s site.Site, _ *record) error {
		opID := id.NewOperation()
		s, err := site.Apply(ctx, tx, s, site.Retry, c.cause(ctx, by, opID, "retried by its tenant"))
		if err != nil {
			return err
		}
		_, err = saga.Open(ctx, tx, saga.Opening{
			ID: opID, Kind: reconcile.CreateSite, TenantID: s.TenantID, ObjectKind: worker.Site,
			ObjectID: string(s.ID), Actor: by.Subject, At: c.clock(),
		})
		return err
	})
}

// changeSite makes a change of a site that the caller knows, and returns the site as
// it is then.
func (c *ControlPlane) changeSite(ctx context.Context, a ask, siteID id.Site, do func(tx store.Tx, s site.Site, r *record) error) (SiteView, error) {
	return mutate(ctx, c, a, func(tx store.Tx, r *record) (SiteView, error) {
		s, err := siteOf(ctx, tx, a.by, siteID)
		if err != nil {
			return SiteView{}, err
		}
		if r.before, err = auditedSite(ctx, tx, s); err != nil {
			return SiteView{}, err
		}
		if err := do(tx, s, r); err != nil {
			return SiteView{}, err
		}
		return c.changedSite(ctx, tx, a.by, siteID, r)
	})
}

// changedSite reads a site after its change, for the answer and for the record.
func (c *ControlPlane) changedSite(ctx context.Context, tx store.Tx, by auth.Principal, siteID id.Site, r *record) (SiteView, error) {
	view, err := readSite(ctx, tx, by.TenantID, siteID)
	if err != nil {
		return view, err
	}
	r.object, r.site = string(siteID), siteID
	r.after, err = auditedSite(ctx, tx, view.Site)
	return view, err
}

// cause says that a caller did something, and which operation follows from it.
func (c *ControlPlane) cause(ctx context.Context, by auth.Principal, op id.Operation, reason string) lifecycle.Cause {
	return lifecycle.Cause{Actor: by.Subject, Reason: reason, OperationID: string(op), TraceID: tracecontext.ID(ctx), At: c.clock()}
}

// readSite reads everything that a caller sees of a site.
func readSite(ctx context.Context, tx store.Tx, tenant id.Tenant, siteID id.Site) (SiteView, error) {
	s, err := tx.GetSite(ctx, tenant, siteID)
	if err != nil {
		return SiteView{}, err
	}
	return viewSite(ctx, tx, s)
}

// viewSite adds to a site what a caller sees of it besides.
func viewSite(ctx context.Context, tx store.Tx, s site.Site) (SiteView, error) {
	views, err := viewSites(ctx, tx, s.TenantID, []site.Site{s})
	if err != nil {
		return SiteView{}, err
	}
	return views[0], nil
}
