package store

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/id"
)

type (
	tenantKey struct{}
	acrossKey struct{}
)

// ForTenant says whose call a context belongs to. Transactions of such a context see and
// write the rows of that tenant alone; a database that can see to it by itself does.
// What has no tenant in its context is the installation's own work, and sees everything.
func ForTenant(ctx context.Context, tenant id.Tenant) context.Context {
	return context.WithValue(ctx, tenantKey{}, tenant)
}

// TenantOf returns whose call a context belongs to; ok is false where it is nobody's.
func TenantOf(ctx context.Context) (tenant id.Tenant, ok bool) {
	tenant, ok = ctx.Value(tenantKey{}).(id.Tenant)
	return tenant, ok
}

// AcrossTenants lets a call of a tenant see and write the rows of all: the whole call
// when its transaction is begun with the context, one statement when that alone is given
// it. Every use is a question that has to be asked of all tenants, and says why.
func AcrossTenants(ctx context.Context) context.Context {
	return context.WithValue(ctx, acrossKey{}, true)
}

// IsAcrossTenants reports whether a context was made by AcrossTenants.
func IsAcrossTenants(ctx context.Context) bool { return ctx.Value(acrossKey{}) != nil }
