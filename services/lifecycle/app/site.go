package app

import (
	"context"
	"errors"
	"fmt"
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

// NewSite is a site to be.
type NewSite struct {
	Name string
	// Slug is made from the name when it is empty.
	Slug string
	Spec site.Spec
	// PrimaryHostname is a name of the tenant's own that becomes the primary
	// domain; empty for the platform name. A hash of a request from before the
	// field must stay as it was, so the empty value is left out.
	PrimaryHostname string `json:",omitempty"`
	// Direct asks for the direct mode of the primary hostname.
	Direct bool `json:",omitempty"`
}

// CreateSite writes a site down with its primary domain and the operation that
// provisions it, in one transaction. Errors: *lifecycle.InvalidError,
// *lifecycle.TakenError, *admin.LimitError.
func (c *ControlPlane) CreateSite(ctx context.Context, by auth.Principal, in NewSite, request RequestID) (SiteView, error) {
	var problems lifecycle.Violations
	c.policy.Check(&problems, "site.spec", in.Spec)
	var primary *newClaim
	if in.PrimaryHostname != "" {
		claim := c.checkHostname(&problems, "primary_hostname", in.PrimaryHostname, in.Direct)
		primary = &claim
	}
	return mutate(ctx, c, ask{by: by, action: "CreateSite", request: request, body: in}, func(tx store.Tx, r *record) (SiteView, error) {
		if err := errors.Join(wholeTenant(by), problems.Err()); err != nil {
			return SiteView{}, err
		}
		if err := c.checkRoom(ctx, tx, by.TenantID, c.needs(primary)); err != nil {
			return SiteView{}, err
		}
		siteID, err := c.insertSite(ctx, tx, by, in, primary)
		if err != nil {
			return SiteView{}, err
		}
		return c.changedSite(ctx, tx, by, siteID, r)
	})
}

// needs is what a new site takes of its tenant's limits.
func (c *ControlPlane) needs(primary *newClaim) admin.Usage {
	switch {
	case primary != nil:
		return admin.Usage{Sites: 1, Domains: 1, PendingClaims: 1}
	case c.cfg.PlatformDomain != "":
		return admin.Usage{Sites: 1, Domains: 1}
	}
	return admin.Usage{Sites: 1}
}

func (c *ControlPlane) insertSite(ctx context.Context, tx store.Tx, by auth.Principal, in NewSite, primary *newClaim) (id.Site, error) {
	now := c.clock()
	s := site.Site{
		ID: id.NewSite(), TenantID: by.TenantID, Name: in.Name, Slug: in.Slug,
		Status: site.Machine.Initial, Wanted: site.Absent, WantedRevision: 1, CreatedAt: now, UpdatedAt: now,
	}
	if s.Slug == "" {
		s.Slug = site.SlugFrom(in.Name)
	}
	revision := site.Revision{SiteID: s.ID, Number: 1, Spec: in.Spec.Normalize(), Actor: by.Subject, CreatedAt: now}
	opID := id.NewOperation()
	cause := c.cause(ctx, by, opID, "created")
	err := c.insertNamed(ctx, tx, s, revision, cause)
	var taken *lifecycle.TakenError
	if errors.As(err, &taken) && in.Slug == "" { // nobody asked for this one
		s.Slug = site.WithSuffix(s.Slug, string(s.ID)[len(s.ID)-6:])
		err = c.insertNamed(ctx, tx, s, revision, cause)
	}
	if err != nil {
		return "", err
	}
	if err := c.insertPrimary(ctx, tx, s, primary, cause); err != nil {
		return "", err
	}
	_, err = saga.Open(ctx, tx, saga.Opening{
		ID: opID, Kind: reconcile.CreateSite, TenantID: s.TenantID, ObjectKind: worker.Site,
		ObjectID: string(s.ID), Actor: by.Subject, At: now,
	})
	return s.ID, err
}

// insertNamed writes a site down under its slug. A slug that is in use, or kept
// for another tenant, is a *lifecycle.TakenError, and nothing is written.
func (c *ControlPlane) insertNamed(ctx context.Context, tx store.Tx, s site.Site, r site.Revision, cause lifecycle.Cause) error {
	owner, reserved, err := tx.ReservedFor(ctx, c.platformName(s.Slug), cause.At)
	if err != nil {
		return err
	}
	if reserved && owner != s.TenantID {
		return &lifecycle.TakenError{Kind: "slug", Name: s.Slug}
	}
	return tx.InsertSite(ctx, s, r, cause)
}

// platformName is the hostname that a slug gives below the platform domain.
func (c *ControlPlane) platformName(slug string) string { return slug + "." + c.cfg.PlatformDomain }

// insertPrimary gives a new site its primary domain: the tenant's own if one was
// named, else the platform name. Without a platform domain the site waits for one
// of the tenant's.
func (c *ControlPlane) insertPrimary(ctx context.Context, tx store.Tx, s site.Site, primary *newClaim, cause lifecycle.Cause) error {
	var d network.Domain
	var err error
	switch {
	case primary != nil:
		d, err = insertClaim(ctx, tx, s, *primary, cause)
	case c.cfg.PlatformDomain != "":
		d, err = c.insertPlatformDomain(ctx, tx, s, cause)
	default:
		return condition.Set(ctx, tx, reconcile.NoDomain(s.ID, cause))
	}
	if err != nil {
		return err
	}
	if s, err = tx.GetSite(ctx, s.TenantID, s.ID); err != nil {
		return err
	}
	return adoptPrimary(ctx, tx, s, d, cause)
}

// insertPlatformDomain claims the site's name below the platform domain.
func (c *ControlPlane) insertPlatformDomain(ctx context.Context, tx store.Tx, s site.Site, cause lifecycle.Cause) (network.Domain, error) {
	d := network.Domain{
		ID: id.NewDomain(), TenantID: s.TenantID, SiteID: s.ID, Hostname: c.platformName(s.Slug),
		Kind: network.Platform, Status: network.Machine.Initial, Wanted: network.Hidden,
		CreatedAt: cause.At, UpdatedAt: cause.At,
	}
	return d, tx.InsertDomain(ctx, d, cause)
}

// GetSite returns a site, tombstones included.
func (c *ControlPlane) GetSite(ctx context.Context, by auth.Principal, siteID id.Site) (view SiteView, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		if _, err := siteOf(ctx, tx, by, siteID); err != nil {
			return err
		}
		view, err = readSite(ctx, tx, by.TenantID, siteID)
		return err
	})
	return view, err
}

// ListSites returns a page of the sites that the caller knows.
func (c *ControlPlane) ListSites(ctx context.Context, by auth.Principal, page site.Page) (views []SiteView, err error) {
	page.Only = by.Sites
	err = c.store.View(ctx, func(tx store.Tx) error {
		views = nil
		sites, err := tx.ListSites(ctx, by.TenantID, page)
		if err != nil {
			return err
		}
		for _, s := range sites {
			view, err := readSite(ctx, tx, by.TenantID, s.ID)
			if err != nil {
				return err
			}
			views = append(views, view)
		}
		return nil
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
func readSite(ctx context.Context, tx store.Tx, tenant id.Tenant, siteID id.Site) (view SiteView, err error) {
	if view.Site, err = tx.GetSite(ctx, tenant, siteID); err != nil {
		return view, err
	}
	s := view.Site
	if s.Status != site.Deleted { // a tombstone has no spec
		revision, err := tx.GetRevision(ctx, tenant, siteID, s.WantedRevision)
		if err != nil {
			return view, fmt.Errorf("read the wanted revision: %w", err)
		}
		view.Spec = revision.Spec
	}
	if view.Conditions, err = tx.Conditions(ctx, string(siteID)); err != nil {
		return view, err
	}
	if view.NextAttemptAt, _, err = tx.DueAt(ctx, worker.Site, string(siteID)); err != nil {
		return view, err
	}
	if view.Operation, err = activeOperation(ctx, tx, string(siteID)); err != nil {
		return view, err
	}
	if s.PrimaryDomainID == "" {
		return view, nil
	}
	primary, err := readDomain(ctx, tx, tenant, s.PrimaryDomainID)
	if err != nil {
		return view, err
	}
	view.Primary = &primary
	if view.Operation == nil {
		view.Operation = primary.Operation
	}
	return view, nil
}
