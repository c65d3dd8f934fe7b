// Package site owns what a tenant hosts: the site, its spec and revisions, its
// status machine, and the rules for a valid spec. It knows no hostname beyond
// the slug, no edge and no database.
//
// Two columns say two things: Wanted is what infrastructure shall hold, Status
// is what was confirmed. Status never runs ahead of infrastructure.
package site

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/filter"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// Wanted is what the edges shall hold for a site.
type Wanted string

// The wanted levels of a site.
const (
	Absent  Wanted = "ABSENT"
	Present Wanted = "PRESENT"
)

// Site is one site of a tenant.
type Site struct {
	ID       id.Site
	TenantID id.Tenant
	// Name is for people.
	Name string
	// Slug is the label under the platform domain, unique among live sites.
	Slug string
	// Status is what was confirmed.
	Status Status
	// Wanted is what the edges shall hold.
	Wanted Wanted
	// WantedRevision is the spec revision that the edges shall hold.
	WantedRevision int64
	// ConfirmedRevision is the last one that the required edges proved, 0
	// before the first.
	ConfirmedRevision int64
	// Placement names the edges that serve it, for good; empty: those of the default
	// placement.
	Placement string
	// PrimaryDomainID is empty while the site has no primary domain.
	PrimaryDomainID id.Domain
	// Version grows with every change of the row.
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// InternalName is the name under which edges prove that they answer for the
// site. It is never served to the public.
func (s Site) InternalName() string { return InternalName(s.ID) }

// InternalName is that of the site with an id.
func InternalName(siteID id.Site) string { return string(siteID) + ".site.internal" }

// Revision is one version of a site's spec. All are kept while the site lives.
type Revision struct {
	SiteID id.Site
	// Number counts from 1.
	Number int64
	Spec   Spec
	// RollbackOf is the number of the revision that it repeats, 0 for none.
	RollbackOf int64
	// Actor made it; empty in rows from before it was written down.
	Actor     string
	CreatedAt time.Time
}

// Page asks for a part of a list, newest first.
type Page struct {
	// Last is the last id of the page before, empty for the first page.
	Last id.Site
	// Limit is the largest number of rows.
	Limit int
	// OldestFirst turns the order round.
	OldestFirst bool
	// Filter limits it by status, name, slug and create_time; nil for all.
	Filter filter.Expr
	// Only limits it to these, unless it is nil.
	Only []id.Site
}

// Store keeps sites. Every method runs inside the caller's transaction; an
// unknown id, or one of another tenant, is a *lifecycle.NotFoundError.
type Store interface {
	// InsertSite writes a new site with its first history row and revision. A
	// slug of a live site is a *lifecycle.TakenError.
	InsertSite(ctx context.Context, s Site, r Revision, cause lifecycle.Cause) error
	// GetSite returns a site, tombstones included.
	GetSite(ctx context.Context, tenant id.Tenant, site id.Site) (Site, error)
	// ListSites returns a tenant's sites without tombstones.
	ListSites(ctx context.Context, tenant id.Tenant, page Page) ([]Site, error)
	// UpdateSite writes everything but id, tenant, status and creation, if the
	// version is still s.Version, and raises it; else lifecycle.ErrLostRace.
	// UpdatedAt is the store's clock.
	UpdateSite(ctx context.Context, s Site) error
	// TransitionSite sets the status, if it is still c.From, with its history
	// row and its event; else lifecycle.ErrLostRace. Only Apply calls it.
	TransitionSite(ctx context.Context, c lifecycle.Change) error
	// AddRevision writes a new revision of a site's spec, of the number after the
	// highest one, and returns it.
	AddRevision(ctx context.Context, tenant id.Tenant, r Revision) (Revision, error)
	// GetRevision returns one revision of a site's spec.
	GetRevision(ctx context.Context, tenant id.Tenant, site id.Site, number int64) (Revision, error)
	// ListRevisions returns revisions, newest first: up to limit of those whose
	// number is below before, which is 0 for all.
	ListRevisions(ctx context.Context, tenant id.Tenant, site id.Site, before int64, limit int) ([]Revision, error)
	// PurgeSite removes every row that bears the id of a site or of one of its
	// domains, but the tombstones and what is kept for itself: history, operations,
	// journals, events, the audit, answers to requests, keys.
	PurgeSite(ctx context.Context, tenant id.Tenant, site id.Site) error
}

// Apply moves a site by one event of the transition table and returns it as it
// is then. It is the only way a site's status changes.
func Apply(ctx context.Context, store Store, s Site, event Event, cause lifecycle.Cause) (Site, error) {
	to, err := Machine.Next(s.Status, event)
	if err != nil {
		return s, err
	}
	change := lifecycle.Change{
		ObjectID: string(s.ID), TenantID: string(s.TenantID),
		From: string(s.Status), Event: string(event), To: string(to), Cause: cause,
	}
	if err := store.TransitionSite(ctx, change); err != nil {
		return s, err
	}
	return store.GetSite(ctx, s.TenantID, s.ID)
}
