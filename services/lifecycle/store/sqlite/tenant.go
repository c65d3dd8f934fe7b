package sqlite

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// InsertTenant writes a tenant.
func (t *tx) InsertTenant(ctx context.Context, tenant auth.Tenant) error {
	_, err := t.exec(ctx, "insert the tenant", `INSERT INTO tenant (id, name, created_at) VALUES (?, ?, ?)`,
		tenant.ID, tenant.Name, micros(tenant.CreatedAt))
	if breaks(err, "tenant.name") {
		return &lifecycle.TakenError{Kind: "tenant", Name: tenant.Name}
	}
	return err
}

// TenantByName returns a tenant.
func (t *tx) TenantByName(ctx context.Context, name string) (auth.Tenant, error) {
	tenant, ok, err := one(ctx, t, "read the tenant", scanTenant,
		`SELECT id, name, created_at FROM tenant WHERE name = ?`, name)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "tenant", ID: name}
	}
	return tenant, err
}

// GetTenant returns a tenant.
func (t *tx) GetTenant(ctx context.Context, tenantID id.Tenant) (auth.Tenant, error) {
	tenant, ok, err := one(ctx, t, "read the tenant", scanTenant,
		`SELECT id, name, created_at FROM tenant WHERE id = ?`, tenantID)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "tenant", ID: string(tenantID)}
	}
	return tenant, err
}

// ListTenants returns all tenants, ordered by name.
func (t *tx) ListTenants(ctx context.Context) ([]auth.Tenant, error) {
	return all(ctx, t, "list the tenants", scanTenant, `SELECT id, name, created_at FROM tenant ORDER BY name`)
}

func scanTenant(r row) (t auth.Tenant, err error) {
	err = r.Scan(&t.ID, &t.Name, moment{&t.CreatedAt})
	return t, err
}

// InsertKey writes a key.
func (t *tx) InsertKey(ctx context.Context, k auth.Key) error {
	_, err := t.exec(ctx, "insert the key", `
		INSERT INTO api_key (id, tenant_id, name, role, hash, created_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		k.ID, k.TenantID, k.Name, k.Role, k.Hash[:], micros(k.CreatedAt), micros(k.RevokedAt))
	if breaks(err, foreignKey) {
		return &lifecycle.NotFoundError{Kind: "tenant", ID: string(k.TenantID)}
	}
	return err
}

// GetKey returns a key, revoked or not.
func (t *tx) GetKey(ctx context.Context, key id.Key) (auth.Key, error) {
	k, ok, err := one(ctx, t, "read the key", scanKey,
		`SELECT id, tenant_id, name, role, hash, created_at, revoked_at FROM api_key WHERE id = ?`, key)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "key", ID: string(key)}
	}
	return k, err
}

func scanKey(r row) (k auth.Key, err error) {
	var hash []byte
	err = r.Scan(&k.ID, &k.TenantID, &k.Name, &k.Role, &hash, moment{&k.CreatedAt}, moment{&k.RevokedAt})
	copy(k.Hash[:], hash)
	return k, err
}

// RevokeKey ends a key at a time; a key that has ended stays as it is.
func (t *tx) RevokeKey(ctx context.Context, key id.Key, at time.Time) error {
	n, err := t.exec(ctx, "revoke the key",
		`UPDATE api_key SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?`, micros(at), key)
	if err == nil && n == 0 {
		return &lifecycle.NotFoundError{Kind: "key", ID: string(key)}
	}
	return err
}
