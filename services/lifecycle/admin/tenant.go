// Package admin owns tenants as the installation sees them: who they are, what they
// may have, whether they may act, and the record of what callers changed. It knows no
// wire format and no credential; package auth does.
package admin

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// Tenant owns sites, domains and keys.
type Tenant struct {
	ID   id.Tenant
	Name string
	// Limits are its own; what is nil is the installation's default.
	Limits    Limits
	CreatedAt time.Time
	// SuspendedAt is zero unless the tenant is suspended, and Reason says why.
	SuspendedAt   time.Time
	SuspendReason string
	// DeletedAt is zero unless the tenant is deleted. Only a tombstone has it.
	DeletedAt time.Time
}

// Suspended says that the tenant may read and do nothing else.
func (t Tenant) Suspended() bool { return !t.SuspendedAt.IsZero() }

// Deleted says that the tenant is a tombstone.
func (t Tenant) Deleted() bool { return !t.DeletedAt.IsZero() }

// Page asks for a part of a list of tenants, ordered by name.
type Page struct {
	// After is the last name of the page before, empty for the first page.
	After string
	// Limit is the largest number of rows.
	Limit int
}

// SuspendedError says that a tenant may read and do nothing else.
type SuspendedError struct {
	// Reason is the operator's, for the tenant to read.
	Reason string
}

func (e *SuspendedError) Error() string {
	return "the tenant is suspended (" + e.Reason + "); it may read and do nothing else"
}

// Store keeps tenants and the audit inside the caller's transaction. An unknown
// tenant is a *lifecycle.NotFoundError.
type Store interface {
	// InsertTenant writes a tenant. A name in use is a *lifecycle.TakenError.
	InsertTenant(ctx context.Context, t Tenant) error
	// TenantByName returns the tenant of a name, never a tombstone.
	TenantByName(ctx context.Context, name string) (Tenant, error)
	// GetTenant returns a tenant, tombstones included.
	GetTenant(ctx context.Context, tenant id.Tenant) (Tenant, error)
	// ListTenants returns a page of the tenants that are not deleted.
	ListTenants(ctx context.Context, page Page) ([]Tenant, error)
	// UpdateTenant writes limits, suspension and deletion. The name of a tombstone is
	// free for another tenant, and the tombstone is still read with it.
	UpdateTenant(ctx context.Context, t Tenant) error
	// Usage counts what a tenant has.
	Usage(ctx context.Context, tenant id.Tenant) (Usage, error)
	// AppendAudit writes an entry and numbers it.
	AppendAudit(ctx context.Context, e Entry) error
	// ListAudit returns entries, newest first.
	ListAudit(ctx context.Context, page AuditPage) ([]Entry, error)
}
