package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

const siteColumns = `id, tenant_id, name, slug, status, wanted, wanted_revision, confirmed_revision,
	coalesce(primary_domain_id, ''), version, created_at, updated_at, coalesce(placement, '')`

func scanSite(r Row) (s site.Site, err error) {
	err = r.Scan(&s.ID, &s.TenantID, &s.Name, &s.Slug, &s.Status, &s.Wanted, &s.WantedRevision, &s.ConfirmedRevision,
		&s.PrimaryDomainID, &s.Version, moment{&s.CreatedAt}, moment{&s.UpdatedAt}, &s.Placement)
	return s, err
}

// InsertSite writes a new site with its first history row and revision.
func (t *Tx) InsertSite(ctx context.Context, s site.Site, r site.Revision, cause lifecycle.Cause) error {
	err := t.later(ctx, "insert the site", `
		INSERT INTO site (id, tenant_id, name, slug, status, wanted, wanted_revision, confirmed_revision,
			primary_domain_id, version, created_at, updated_at, placement)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.ID, s.TenantID, s.Name, s.Slug, s.Status, s.Wanted, s.WantedRevision, s.ConfirmedRevision,
		optional(s.PrimaryDomainID), s.Version, stamp(s.CreatedAt), stamp(s.UpdatedAt), optional(s.Placement))
	switch {
	case breaks(err, "site.slug"):
		return &lifecycle.TakenError{Kind: "slug", Name: s.Slug}
	case breaks(err, ForeignKey) && s.Placement != "":
		if _, err := t.GetPlacement(ctx, s.Placement); err != nil {
			return err
		}
		return missingTenant(s.TenantID)
	case breaks(err, ForeignKey):
		return missingTenant(s.TenantID)
	case err != nil:
		return err
	}
	if err := t.insertRevision(ctx, s.TenantID, r); err != nil {
		return err
	}
	return t.record(ctx, event.SiteCreated, lifecycle.Change{
		ObjectID: string(s.ID), TenantID: string(s.TenantID), Event: createEvent, To: string(s.Status), Cause: cause,
	})
}

// GetSite returns a site, tombstones included.
func (t *Tx) GetSite(ctx context.Context, tenant id.Tenant, siteID id.Site) (site.Site, error) {
	s, ok, err := one(ctx, t, "read the site", scanSite,
		`SELECT `+siteColumns+` FROM site WHERE tenant_id = ? AND id = ?`, tenant, siteID)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "site", ID: string(siteID)}
	}
	return s, err
}

// ListSites returns a page of a tenant's sites without tombstones.
func (t *Tx) ListSites(ctx context.Context, tenant id.Tenant, page site.Page) ([]site.Site, error) {
	q := where(`SELECT `+siteColumns+` FROM site WHERE tenant_id = ? AND status <> 'DELETED'`, tenant)
	if page.Only != nil {
		q.and(`id IN (?texts)`, texts(page.Only))
	}
	if err := q.filter(t.conn, siteFields, page.Filter); err != nil {
		return nil, err
	}
	return all(ctx, t, "list the sites", scanSite, q.page(string(page.Last), page.OldestFirst, page.Limit), q.args...)
}

// UpdateSite writes what may change beside the status, if nobody else wrote in
// between.
func (t *Tx) UpdateSite(ctx context.Context, s site.Site) error {
	n, err := t.exec(ctx, "update the site", `
		UPDATE site SET name = ?, slug = ?, wanted = ?, wanted_revision = ?, confirmed_revision = ?,
			primary_domain_id = ?, version = version + 1, updated_at = ?
		WHERE tenant_id = ? AND id = ? AND version = ?`,
		s.Name, s.Slug, s.Wanted, s.WantedRevision, s.ConfirmedRevision,
		optional(s.PrimaryDomainID), stamp(t.clock()),
		s.TenantID, s.ID, s.Version)
	switch {
	case breaks(err, "site.slug"):
		return &lifecycle.TakenError{Kind: "slug", Name: s.Slug}
	case err == nil && n == 0:
		return t.lostSite(ctx, s.TenantID, s.ID)
	}
	return err
}

// TransitionSite sets the status, if it is still the change's From.
func (t *Tx) TransitionSite(ctx context.Context, c lifecycle.Change) error {
	n, err := t.exec(ctx, "set the status of the site", `
		UPDATE site SET status = ?, version = version + 1, updated_at = ?
		WHERE tenant_id = ? AND id = ? AND status = ?`,
		c.To, stamp(c.At), c.TenantID, c.ObjectID, c.From)
	if err != nil {
		return err
	}
	if n == 0 {
		return t.lostSite(ctx, id.Tenant(c.TenantID), id.Site(c.ObjectID))
	}
	return t.record(ctx, event.SiteStatusChanged, c)
}

// lostSite says why an update of a site changed no row.
func (t *Tx) lostSite(ctx context.Context, tenant id.Tenant, siteID id.Site) error {
	if _, err := t.GetSite(ctx, tenant, siteID); err != nil {
		return err
	}
	return lifecycle.ErrLostRace
}
