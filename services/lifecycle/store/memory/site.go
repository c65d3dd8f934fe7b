package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// siteSlug keeps slugs apart among live sites.
var siteSlug = &index[site.Site]{
	unique: "site.slug",
	of:     siteLives,
	by:     func(a, b *site.Site) int { return cmp.Compare(a.Slug, b.Slug) },
}

// siteListed is what a tenant's lists are made of.
var siteListed = &index[site.Site]{
	of: siteLives,
	by: func(a, b *site.Site) int { return cmp.Compare(a.TenantID, b.TenantID) },
}

var sitePresent = &index[site.Site]{
	of: func(s *site.Site) bool { return s.Wanted == site.Present },
}

var siteSchema = &schema[site.Site]{
	key: &index[site.Site]{
		unique: "site.id",
		by:     func(a, b *site.Site) int { return cmp.Compare(a.ID, b.ID) },
	},
	others: []*index[site.Site]{siteSlug, siteListed, sitePresent, sitePlaced},
	keep:   func(s *site.Site) { micro(&s.CreatedAt, &s.UpdatedAt) },
	rules: []rule[site.Site]{
		{"site.status", func(s *site.Site) bool { return oneOf(s.Status, siteStatuses...) }},
		{"site.wanted", func(s *site.Site) bool { return oneOf(s.Wanted, site.Absent, site.Present) }},
		{"site.created_at", func(s *site.Site) bool { return set(s.CreatedAt, s.UpdatedAt) }},
	},
	refers: func(t *tx, s *site.Site) error {
		if _, err := t.GetPlacement(context.Background(), s.Placement); err != nil {
			return err
		}
		return t.knows(s.TenantID)
	},
}

var siteStatuses = site.Machine.States()

func siteLives(s *site.Site) bool { return s.Status != site.Deleted }

// siteFields are what a list of sites may be limited by.
var siteFields = map[string]field[site.Site]{
	"status":      textField(func(s *site.Site) string { return string(s.Status) }, exactly),
	"name":        textField(func(s *site.Site) string { return s.Name }, inAnyCase),
	"slug":        textField(func(s *site.Site) string { return s.Slug }, exactly),
	"create_time": timeField(func(s *site.Site) time.Time { return s.CreatedAt }),
}

// InsertSite writes a new site with its first history row and revision.
func (t *tx) InsertSite(ctx context.Context, s site.Site, r site.Revision, cause lifecycle.Cause) error {
	err := t.sites.insert(t, s)
	switch {
	case breaks(err, siteSlug.unique):
		return &lifecycle.TakenError{Kind: "slug", Name: s.Slug}
	case err != nil:
		return err
	}
	t.primaries = append(t.primaries, s.ID)
	if err := t.revisions.insert(t, r); err != nil {
		return err
	}
	return t.record(ctx, event.SiteCreated, lifecycle.Change{
		ObjectID: string(s.ID), TenantID: string(s.TenantID), Event: createEvent, To: string(s.Status), Cause: cause,
	})
}

// GetSite returns a site, tombstones included.
func (t *tx) GetSite(_ context.Context, tenant id.Tenant, siteID id.Site) (site.Site, error) {
	s, ok := t.sites.get(site.Site{ID: siteID})
	if !ok || s.TenantID != tenant {
		return site.Site{}, missingSite(siteID)
	}
	return s, nil
}

func missingSite(siteID id.Site) error {
	return &lifecycle.NotFoundError{Kind: "site", ID: string(siteID)}
}

// hasSite returns the error for a site that the tenant does not have.
func (t *tx) hasSite(tenant id.Tenant, siteID id.Site) error {
	_, err := t.GetSite(context.Background(), tenant, siteID)
	return err
}

// ListSites returns a page of a tenant's sites without tombstones.
func (t *tx) ListSites(_ context.Context, tenant id.Tenant, page site.Page) ([]site.Site, error) {
	passes, err := compile(siteFields, page.Filter)
	if err != nil {
		return nil, err
	}
	rows := t.sites.page(siteListed, site.Site{TenantID: tenant, ID: first(page.Last, page.OldestFirst)}, page.OldestFirst)
	return t.sites.list(rows, page.Limit, func(s *site.Site) bool {
		return s.ID != page.Last && (page.Only == nil || slices.Contains(page.Only, s.ID)) && passes(s)
	}), nil
}

// UpdateSite writes what may change beside the status, if nobody else wrote in
// between.
func (t *tx) UpdateSite(ctx context.Context, s site.Site) error {
	now, err := t.GetSite(ctx, s.TenantID, s.ID)
	switch {
	case err != nil:
		return err
	case now.Version != s.Version:
		return lifecycle.ErrLostRace
	}
	s.Status, s.CreatedAt, s.Placement = now.Status, now.CreatedAt, now.Placement
	s.Version, s.UpdatedAt = now.Version+1, t.clock()
	err = t.sites.put(t, s)
	if breaks(err, siteSlug.unique) {
		return &lifecycle.TakenError{Kind: "slug", Name: s.Slug}
	}
	t.primaries = append(t.primaries, s.ID)
	return err
}

// TransitionSite sets the status, if it is still the change's From.
func (t *tx) TransitionSite(ctx context.Context, c lifecycle.Change) error {
	s, err := t.GetSite(ctx, id.Tenant(c.TenantID), id.Site(c.ObjectID))
	switch {
	case err != nil:
		return err
	case string(s.Status) != c.From:
		return lifecycle.ErrLostRace
	}
	s.Status, s.Version, s.UpdatedAt = site.Status(c.To), s.Version+1, c.At
	if err := t.sites.put(t, s); err != nil {
		return err
	}
	return t.record(ctx, event.SiteStatusChanged, c)
}

// checkPrimary returns the error for a primary that is no domain of its site; both may
// be written in one transaction.
func (t *tx) checkPrimary(siteID id.Site) error {
	s, ok := t.sites.get(site.Site{ID: siteID})
	if !ok || s.PrimaryDomainID == "" {
		return nil
	}
	d, ok := t.domains.get(network.Domain{ID: s.PrimaryDomainID})
	if !ok || d.SiteID != s.ID || d.TenantID != s.TenantID {
		return &brokenError{rule: "site.primary_domain_id"}
	}
	return nil
}
