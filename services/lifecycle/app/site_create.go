package app

import (
	"context"
	"errors"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

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
	// Placement names the edges that serve it, for good; empty, or edge.Default: those
	// of the default placement.
	Placement string `json:",omitempty"`
}

// CreateSite writes a site down with its primary domain and the operation that
// provisions it, in one transaction. Errors: *lifecycle.InvalidError,
// *lifecycle.TakenError, *admin.LimitError.
func (c *ControlPlane) CreateSite(ctx context.Context, by auth.Principal, in NewSite, request RequestID) (SiteView, error) {
	var problems lifecycle.Violations
	c.policy.Check(&problems, "site.spec", in.Spec)
	if in.Placement == edge.Default {
		in.Placement = ""
	}
	var primary *newClaim
	if in.PrimaryHostname != "" {
		claim := c.checkHostname(&problems, "primary_hostname", in.PrimaryHostname, in.Direct)
		primary = &claim
	}
	return mutate(ctx, c, ask{by: by, action: "CreateSite", request: request, body: in}, func(tx store.Tx, r *record) (SiteView, error) {
		if err := errors.Join(wholeTenant(by), problems.Err()); err != nil {
			return SiteView{}, err
		}
		if err := checkPlaced(ctx, tx, in.Placement); err != nil {
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

// checkPlaced refuses a placement that there is not.
func checkPlaced(ctx context.Context, tx store.Tx, placement string) error {
	_, err := tx.GetPlacement(ctx, placement)
	var missing *lifecycle.NotFoundError
	if errors.As(err, &missing) {
		var problems lifecycle.Violations
		problems.Add("site.placement", "there is no placement %q", placement)
		return problems.Err()
	}
	return err
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
		Status: site.Machine.Initial, Wanted: site.Absent, WantedRevision: 1, Placement: in.Placement,
		CreatedAt: now, UpdatedAt: now,
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
	owner, reserved, err := tx.ReservedFor(store.AcrossTenants(ctx), c.platformName(s.Slug), cause.At)
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
