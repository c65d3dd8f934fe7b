package app

import (
	"context"

	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// CreateTenant makes a tenant and a key of its admin, in one transaction. The
// key's text is returned once and stored nowhere. A name in use is a
// *lifecycle.TakenError.
func (c *ControlPlane) CreateTenant(ctx context.Context, name string) (auth.Tenant, secret.Secret, error) {
	t := auth.Tenant{ID: id.NewTenant(), Name: name, CreatedAt: c.clock()}
	key, text := auth.NewAPIKey(t.ID, "first", auth.Admin, t.CreatedAt)
	err := c.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.InsertTenant(ctx, t); err != nil {
			return err
		}
		return tx.InsertKey(ctx, key)
	})
	if err != nil {
		return auth.Tenant{}, "", err
	}
	return t, text, nil
}

// ListTenants returns all tenants, ordered by name.
func (c *ControlPlane) ListTenants(ctx context.Context) (tenants []auth.Tenant, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		tenants, err = tx.ListTenants(ctx)
		return err
	})
	return tenants, err
}
