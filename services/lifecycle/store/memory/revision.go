package memory

import (
	"cmp"
	"context"
	"fmt"
	"math"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

var revisionSchema = &schema[site.Revision]{
	key: &index[site.Revision]{
		unique: "site_revision.number",
		by:     func(a, b *site.Revision) int { return cmp.Compare(a.SiteID, b.SiteID) },
		then:   func(a, b *site.Revision) int { return cmp.Compare(a.Number, b.Number) },
	},
	keep: func(r *site.Revision) {
		micro(&r.CreatedAt)
		r.Spec = ownSpec(r.Spec)
	},
	rules: []rule[site.Revision]{
		{"site_revision.number", func(r *site.Revision) bool { return r.Number >= 1 && r.RollbackOf >= 0 }},
		{"site_revision.created_at", func(r *site.Revision) bool { return set(r.CreatedAt) }},
	},
	refers: func(t *tx, r *site.Revision) error {
		if !t.sites.has(site.Site{ID: r.SiteID}) {
			return missingSite(r.SiteID)
		}
		return nil
	},
}

// ownSpec returns a spec that shares nothing with another.
func ownSpec(s site.Spec) site.Spec {
	if s.Origin != nil {
		s.Origin = &site.Origin{Targets: own(s.Origin.Targets)}
	}
	if s.Redirect != nil {
		s.Redirect = new(*s.Redirect)
	}
	s.Routes = own(s.Routes)
	for i := range s.Routes {
		s.Routes[i].Origin.Targets = own(s.Routes[i].Origin.Targets)
	}
	s.Options.ResponseHeaders = own(s.Options.ResponseHeaders)
	s.Options.RequestHeaders = own(s.Options.RequestHeaders)
	return s
}

// AddRevision writes a new revision of a site's spec, of the number after the
// highest one.
func (t *tx) AddRevision(_ context.Context, tenant id.Tenant, r site.Revision) (site.Revision, error) {
	if err := t.hasSite(tenant, r.SiteID); err != nil {
		return r, err
	}
	r.Number = 1
	for highest := range t.revisions.back(t.revisions.key, site.Revision{SiteID: r.SiteID, Number: math.MaxInt64}) {
		r.Number = highest.Number + 1
		break
	}
	return r, t.revisions.insert(t, r)
}

// GetRevision returns one revision of a site's spec.
func (t *tx) GetRevision(_ context.Context, tenant id.Tenant, siteID id.Site, number int64) (site.Revision, error) {
	r, ok := t.revisions.get(site.Revision{SiteID: siteID, Number: number})
	if !ok || t.hasSite(tenant, siteID) != nil {
		return site.Revision{}, &lifecycle.NotFoundError{Kind: "revision", ID: fmt.Sprintf("%d of %s", number, siteID)}
	}
	return r, nil
}

// ListRevisions returns revisions, newest first.
func (t *tx) ListRevisions(_ context.Context, tenant id.Tenant, siteID id.Site, before int64, limit int) ([]site.Revision, error) {
	if err := t.hasSite(tenant, siteID); err != nil {
		return nil, err
	}
	from := site.Revision{SiteID: siteID, Number: cmp.Or(before, math.MaxInt64) - 1}
	return t.revisions.list(t.revisions.back(t.revisions.key, from), limit, nil), nil
}
