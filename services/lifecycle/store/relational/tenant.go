package relational

import (
	"context"
	"strings"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

const tenantColumns = `id, name, created_at, limit_sites, limit_domains, limit_pending_claims,
	limit_requests_per_second, suspended_at, suspend_reason, deleted_at`

// tombstone lies between the old name of a deleted tenant and its id. No name has
// one.
const tombstone = "~"

func scanTenant(r Row) (t admin.Tenant, err error) {
	err = r.Scan(&t.ID, &t.Name, moment{&t.CreatedAt}, &t.Limits.Sites, &t.Limits.Domains, &t.Limits.PendingClaims,
		&t.Limits.RequestsPerSecond, moment{&t.SuspendedAt}, &t.SuspendReason, moment{&t.DeletedAt})
	if t.Deleted() {
		t.Name = strings.TrimSuffix(t.Name, tombstone+string(t.ID))
	}
	return t, err
}

// InsertTenant writes a tenant.
func (t *Tx) InsertTenant(ctx context.Context, tenant admin.Tenant) error {
	err := t.later(ctx, "insert the tenant", `
		INSERT INTO tenant (`+tenantColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		tenant.ID, tenant.Name, stamp(tenant.CreatedAt),
		tenant.Limits.Sites, tenant.Limits.Domains, tenant.Limits.PendingClaims, tenant.Limits.RequestsPerSecond,
		stamp(tenant.SuspendedAt), tenant.SuspendReason, stamp(tenant.DeletedAt))
	if breaks(err, "tenant.name") {
		return &lifecycle.TakenError{Kind: "tenant", Name: tenant.Name}
	}
	return err
}

// TenantByName returns the tenant of a name, never a tombstone.
func (t *Tx) TenantByName(ctx context.Context, name string) (admin.Tenant, error) {
	tenant, ok, err := one(ctx, t, "read the tenant", scanTenant,
		`SELECT `+tenantColumns+` FROM tenant WHERE name = ? AND deleted_at IS NULL`, name)
	if err == nil && !ok {
		err = missingTenant(name)
	}
	return tenant, err
}

// GetTenant returns a tenant, tombstones included.
func (t *Tx) GetTenant(ctx context.Context, tenantID id.Tenant) (admin.Tenant, error) {
	tenant, ok, err := one(ctx, t, "read the tenant", scanTenant,
		`SELECT `+tenantColumns+` FROM tenant WHERE id = ?`, tenantID)
	if err == nil && !ok {
		err = missingTenant(tenantID)
	}
	return tenant, err
}

func missingTenant[T ~string](name T) error {
	return &lifecycle.NotFoundError{Kind: "tenant", ID: string(name)}
}

// ListTenants returns a page of the tenants that are not deleted, ordered by name.
func (t *Tx) ListTenants(ctx context.Context, page admin.Page) ([]admin.Tenant, error) {
	return all(ctx, t, "list the tenants", scanTenant, `
		SELECT `+tenantColumns+` FROM tenant
		WHERE name > ? AND deleted_at IS NULL ORDER BY name LIMIT ?`, page.After, page.Limit)
}

// UpdateTenant writes limits, suspension and deletion. A deletion stays as it is, and
// moves the name out of the way of another tenant.
func (t *Tx) UpdateTenant(ctx context.Context, tenant admin.Tenant) error {
	n, err := t.exec(ctx, "update the tenant", `
		UPDATE tenant SET limit_sites = ?, limit_domains = ?, limit_pending_claims = ?, limit_requests_per_second = ?,
			suspended_at = ?, suspend_reason = ?, deleted_at = coalesce(deleted_at, ?),
			name = CASE WHEN deleted_at IS NULL AND ? THEN name || ? || id ELSE name END
		WHERE id = ?`,
		tenant.Limits.Sites, tenant.Limits.Domains, tenant.Limits.PendingClaims, tenant.Limits.RequestsPerSecond,
		stamp(tenant.SuspendedAt), tenant.SuspendReason, stamp(tenant.DeletedAt),
		tenant.Deleted(), tombstone, tenant.ID)
	if err == nil && n == 0 {
		return missingTenant(tenant.ID)
	}
	return err
}

// Usage counts what a tenant has. A name that was proved once and lost since is no
// pending claim: its proof is kept.
func (t *Tx) Usage(ctx context.Context, tenantID id.Tenant) (admin.Usage, error) {
	usage, ok, err := one(ctx, t, "count what the tenant has", scanUsage, `
		SELECT
			(SELECT count(*) FROM site WHERE tenant_id = tenant.id AND status <> 'DELETED'),
			(SELECT count(*) FROM domain WHERE tenant_id = tenant.id AND status <> 'RELEASED'),
			(SELECT count(*) FROM domain WHERE tenant_id = tenant.id
				AND kind = 'CUSTOM' AND status = 'PENDING_DNS' AND lost IS FALSE)
		FROM tenant WHERE id = ?`, tenantID)
	if err == nil && !ok {
		err = missingTenant(tenantID)
	}
	return usage, err
}

func scanUsage(r Row) (u admin.Usage, err error) {
	err = r.Scan(&u.Sites, &u.Domains, &u.PendingClaims)
	return u, err
}
