package postgres

import (
	"context"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// A closure decides by what it read, and snapshots alone do not keep two closures that
// write different rows from deciding by what the other is about to change. So whoever
// reads a tenant, a site or one of its domains in order to write also writes the guard
// of that tenant or site. Of two that do so at the same time the second waits for the
// first and is then run again, on what the first has left.
//
// Guards are written with the statement that they precede, and once.
const (
	guardTenant = `INSERT INTO guard (key) SELECT id FROM tenant WHERE id = ?` + turn
	guardSite   = `INSERT INTO guard (key) SELECT id FROM site WHERE id = ?` + turn
	guardDomain = `INSERT INTO guard (key) SELECT site_id FROM domain WHERE id = ?` + turn
	turn        = ` ON CONFLICT (key) DO UPDATE SET turn = guard.turn + 1`
)

// guard writes a guard in a transaction that writes.
func (t *tx) guard(ctx context.Context, text, key string) error {
	if t.conn.reading || t.guarded[key] {
		return nil
	}
	if t.guarded == nil {
		t.guarded = map[string]bool{}
	}
	t.guarded[key] = true
	if err := t.conn.Later(ctx, text, []any{key}); err != nil {
		return fmt.Errorf("guard %s: %w", key, err)
	}
	return nil
}

// HoldWork guards the site that the work is of.
func (t *tx) HoldWork(ctx context.Context, w worker.Work) error {
	text := ""
	switch w.Kind {
	case worker.Site:
		text = guardSite
	case worker.Domain:
		text = guardDomain
	}
	if text != "" {
		if err := t.guard(ctx, text, w.Key); err != nil {
			return err
		}
	}
	return t.Tx.HoldWork(ctx, w)
}

// GetTenant guards the tenant: what it has is counted against its limits.
func (t *tx) GetTenant(ctx context.Context, tenant id.Tenant) (admin.Tenant, error) {
	if err := t.guard(ctx, guardTenant, string(tenant)); err != nil {
		return admin.Tenant{}, err
	}
	return t.Tx.GetTenant(ctx, tenant)
}

// GetSite guards the site.
func (t *tx) GetSite(ctx context.Context, tenant id.Tenant, siteID id.Site) (site.Site, error) {
	if err := t.guard(ctx, guardSite, string(siteID)); err != nil {
		return site.Site{}, err
	}
	return t.Tx.GetSite(ctx, tenant, siteID)
}

// GetDomain guards the site of the domain.
func (t *tx) GetDomain(ctx context.Context, tenant id.Tenant, domain id.Domain) (network.Domain, error) {
	if err := t.guard(ctx, guardDomain, string(domain)); err != nil {
		return network.Domain{}, err
	}
	return t.Tx.GetDomain(ctx, tenant, domain)
}

// DomainsOfSite guards the site.
func (t *tx) DomainsOfSite(ctx context.Context, tenant id.Tenant, siteID id.Site) ([]network.Domain, error) {
	if err := t.guard(ctx, guardSite, string(siteID)); err != nil {
		return nil, err
	}
	return t.Tx.DomainsOfSite(ctx, tenant, siteID)
}
