package relational

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// ownPool is the pool of a site's own origin; the others are indexes of routes.
const ownPool = -1

// endpoint is one target of one origin of a revision.
type endpoint struct {
	siteID id.Site
	pool   int
	site.Target
}

func scanEndpoint(r Row) (e endpoint, err error) {
	var siteID string
	err = r.Scan(&siteID, &e.pool, &e.Address, &e.Weight)
	e.siteID = id.Site(siteID)
	return e, err
}

// AddRevision writes a new revision of a site's spec, of the number after the
// highest one.
func (t *Tx) AddRevision(ctx context.Context, tenant id.Tenant, r site.Revision) (site.Revision, error) {
	highest, _, err := one(ctx, t, "read the highest revision", scanInt,
		`SELECT coalesce(max(number), 0) FROM site_revision WHERE site_id = ?`, r.SiteID)
	if err != nil {
		return r, err
	}
	r.Number = highest + 1
	err = t.insertRevision(ctx, tenant, r)
	if breaks(err, ForeignKey) {
		err = &lifecycle.NotFoundError{Kind: "site", ID: string(r.SiteID)}
	}
	return r, err
}

func (t *Tx) insertRevision(ctx context.Context, tenant id.Tenant, r site.Revision) error {
	spec, err := json.Marshal(withoutTargets(r.Spec))
	if err != nil {
		return fmt.Errorf("encode the spec: %w", err)
	}
	if err := t.later(ctx, "insert the revision", `
		INSERT INTO site_revision (site_id, number, tenant_id, spec, rollback_of, actor, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`,
		r.SiteID, r.Number, tenant, string(spec), r.RollbackOf, r.Actor, stamp(r.CreatedAt)); err != nil {
		return err
	}
	if r.Spec.Origin != nil {
		if err := t.insertPool(ctx, tenant, r, ownPool, r.Spec.Origin.Targets); err != nil {
			return err
		}
	}
	for i, route := range r.Spec.Routes {
		if err := t.insertPool(ctx, tenant, r, i, route.Origin.Targets); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) insertPool(ctx context.Context, tenant id.Tenant, r site.Revision, pool int, targets []site.Target) error {
	for ordinal, target := range targets {
		if err := t.later(ctx, "insert the endpoint", `
			INSERT INTO endpoint (site_id, revision, pool, ordinal, tenant_id, address, weight)
			VALUES (?, ?, ?, ?, ?, ?, ?)`,
			r.SiteID, r.Number, pool, ordinal, tenant, target.Address, target.Weight); err != nil {
			return err
		}
	}
	return nil
}

const revisionColumns = `site_id, number, spec, rollback_of, actor, created_at`

func scanRevision(r Row) (v site.Revision, err error) {
	err = r.Scan(&v.SiteID, &v.Number, specColumn{&v.Spec}, &v.RollbackOf, &v.Actor, moment{&v.CreatedAt})
	return v, err
}

// GetRevision returns one revision of a site's spec.
func (t *Tx) GetRevision(ctx context.Context, tenant id.Tenant, siteID id.Site, number int64) (site.Revision, error) {
	r, ok, err := one(ctx, t, "read the revision", scanRevision, `
		SELECT `+revisionColumns+` FROM site_revision
		WHERE tenant_id = ? AND site_id = ? AND number = ?`, tenant, siteID, number)
	if err != nil {
		return r, err
	}
	if !ok {
		return r, &lifecycle.NotFoundError{Kind: "revision", ID: fmt.Sprintf("%d of %s", number, siteID)}
	}
	whole := []site.Revision{r}
	err = t.putTargets(ctx, siteID, whole)
	return whole[0], err
}

// ListRevisions returns revisions, newest first. However many there are, it takes two
// queries.
func (t *Tx) ListRevisions(ctx context.Context, tenant id.Tenant, siteID id.Site, before int64, limit int) ([]site.Revision, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	revisions, err := all(ctx, t, "list the revisions", scanRevision, `
		SELECT `+revisionColumns+` FROM site_revision
		WHERE tenant_id = ? AND site_id = ? AND number < ? ORDER BY number DESC LIMIT ?`, tenant, siteID, before, limit)
	if err != nil {
		return nil, err
	}
	if len(revisions) == 0 {
		_, err := t.GetSite(ctx, tenant, siteID)
		return nil, err
	}
	return revisions, t.putTargets(ctx, siteID, revisions)
}

// numbered is an endpoint of one of several revisions.
type numbered struct {
	number int64
	endpoint
}

func scanNumbered(r Row) (e numbered, err error) {
	err = r.Scan(&e.number, &e.siteID, &e.pool, &e.Address, &e.Weight)
	return e, err
}

// putTargets gives the specs of a site's revisions their targets back.
func (t *Tx) putTargets(ctx context.Context, siteID id.Site, revisions []site.Revision) error {
	place := make(map[int64]*site.Spec, len(revisions))
	numbers := make([]int64, len(revisions))
	for i := range revisions {
		numbers[i] = revisions[i].Number
		place[numbers[i]] = &revisions[i].Spec
	}
	endpoints, err := all(ctx, t, "read the endpoints", scanNumbered, `
		SELECT revision, site_id, pool, address, weight FROM endpoint
		WHERE site_id = ? AND revision IN (?numbers) ORDER BY pool, ordinal`, siteID, Numbers(numbers))
	if err != nil {
		return err
	}
	for _, e := range endpoints {
		if err := putTarget(place[e.number], e.endpoint); err != nil {
			return err
		}
	}
	return nil
}

// specColumn scans a spec without targets; NULL is the zero spec.
type specColumn struct{ to *site.Spec }

func (c specColumn) Scan(stored any) error {
	switch v := stored.(type) {
	case nil:
		return nil
	case string:
		return decode("spec", v, c.to)
	}
	return fmt.Errorf("a spec is stored as %T", stored)
}

// decode reads stored JSON. The error is a *lifecycle.UndecodableError.
func decode(what, text string, to any) error {
	if err := json.Unmarshal([]byte(text), to); err != nil {
		return &lifecycle.UndecodableError{What: what, Err: err}
	}
	return nil
}

// withoutTargets returns a copy of the spec whose origins are empty.
func withoutTargets(s site.Spec) site.Spec {
	if s.Origin != nil {
		s.Origin = &site.Origin{}
	}
	s.Routes = slices.Clone(s.Routes)
	for i := range s.Routes {
		s.Routes[i].Origin = site.Origin{}
	}
	return s
}

// putTarget gives a spec one of its targets back; they come in their order.
func putTarget(s *site.Spec, e endpoint) error {
	switch {
	case e.pool == ownPool && s.Origin != nil:
		s.Origin.Targets = append(s.Origin.Targets, e.Target)
	case e.pool >= 0 && e.pool < len(s.Routes):
		origin := &s.Routes[e.pool].Origin
		origin.Targets = append(origin.Targets, e.Target)
	default:
		return fmt.Errorf("read the endpoints: the spec of %s has no origin %d", e.siteID, e.pool)
	}
	return nil
}
