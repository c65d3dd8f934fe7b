package memory

import (
	"cmp"
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// tenantNamed has no tombstones: their names are free.
var tenantNamed = &index[admin.Tenant]{
	unique: "tenant.name",
	of:     func(t *admin.Tenant) bool { return !t.Deleted() },
	then:   func(a, b *admin.Tenant) int { return cmp.Compare(a.Name, b.Name) },
}

var tenantSchema = &schema[admin.Tenant]{
	key: &index[admin.Tenant]{
		unique: "tenant.id",
		by:     func(a, b *admin.Tenant) int { return cmp.Compare(a.ID, b.ID) },
	},
	others: []*index[admin.Tenant]{tenantNamed},
	keep: func(t *admin.Tenant) {
		micro(&t.CreatedAt, &t.SuspendedAt, &t.DeletedAt)
		for _, limit := range []**int64{&t.Limits.Sites, &t.Limits.Domains, &t.Limits.PendingClaims, &t.Limits.RequestsPerSecond} {
			*limit = ownNumber(*limit)
		}
	},
	rules: []rule[admin.Tenant]{
		{"tenant.created_at", func(t *admin.Tenant) bool { return set(t.CreatedAt) }},
		{"tenant.limit_sites", func(t *admin.Tenant) bool { return atLeast(0, t.Limits.Sites) }},
		{"tenant.limit_domains", func(t *admin.Tenant) bool { return atLeast(0, t.Limits.Domains) }},
		{"tenant.limit_pending_claims", func(t *admin.Tenant) bool { return atLeast(0, t.Limits.PendingClaims) }},
		{"tenant.limit_requests_per_second", func(t *admin.Tenant) bool { return atLeast(1, t.Limits.RequestsPerSecond) }},
	},
}

func atLeast(n int64, limit *int64) bool { return limit == nil || *limit >= n }

// InsertTenant writes a tenant.
func (t *tx) InsertTenant(_ context.Context, tenant admin.Tenant) error {
	err := t.tenants.insert(t, tenant)
	if breaks(err, tenantNamed.unique) {
		return &lifecycle.TakenError{Kind: "tenant", Name: tenant.Name}
	}
	return err
}

// TenantByName returns the tenant of a name, never a tombstone.
func (t *tx) TenantByName(_ context.Context, name string) (admin.Tenant, error) {
	tenant, ok := t.tenants.find(tenantNamed, admin.Tenant{Name: name})
	if !ok {
		return tenant, missingTenant(name)
	}
	return tenant, nil
}

// GetTenant returns a tenant, tombstones included.
func (t *tx) GetTenant(_ context.Context, tenantID id.Tenant) (admin.Tenant, error) {
	tenant, ok := t.tenants.get(admin.Tenant{ID: tenantID})
	if !ok {
		return tenant, missingTenant(tenantID)
	}
	return tenant, nil
}

// knows returns the error for a tenant that there is not.
func (t *tx) knows(tenantID id.Tenant) error {
	if !t.tenants.has(admin.Tenant{ID: tenantID}) {
		return missingTenant(tenantID)
	}
	return nil
}

func missingTenant[T ~string](name T) error {
	return &lifecycle.NotFoundError{Kind: "tenant", ID: string(name)}
}

// ListTenants returns a page of the tenants that are not deleted, ordered by name.
func (t *tx) ListTenants(_ context.Context, page admin.Page) ([]admin.Tenant, error) {
	rows := t.tenants.in(tenantNamed, admin.Tenant{Name: page.After})
	return t.tenants.list(rows, page.Limit, func(row *admin.Tenant) bool { return row.Name > page.After }), nil
}

// UpdateTenant writes limits, suspension and deletion. A deletion stays as it is.
func (t *tx) UpdateTenant(ctx context.Context, tenant admin.Tenant) error {
	now, err := t.GetTenant(ctx, tenant.ID)
	if err != nil {
		return err
	}
	tenant.Name, tenant.CreatedAt = now.Name, now.CreatedAt
	if now.Deleted() {
		tenant.DeletedAt = now.DeletedAt
	}
	return t.tenants.put(t, tenant)
}

// Usage counts what a tenant has. A name that was proved once and lost since is no
// pending claim: its proof is kept.
func (t *tx) Usage(_ context.Context, tenantID id.Tenant) (u admin.Usage, err error) {
	if err := t.knows(tenantID); err != nil {
		return u, err
	}
	for range t.sites.in(siteListed, site.Site{TenantID: tenantID}) {
		u.Sites++
	}
	for d := range t.domains.in(domainListed, network.Domain{TenantID: tenantID}) {
		u.Domains++
		if d.Kind == network.Custom && d.Status == network.PendingDNS && !d.Lost {
			u.PendingClaims++
		}
	}
	return u, nil
}
