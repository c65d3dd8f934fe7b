// Package auth owns who may call: tenants, API keys, and the two questions that
// every call answers first. It knows no wire format.
package auth

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// Role is what a key may do within its tenant.
type Role string

// The roles, each holding what the one before may.
const (
	// Viewer reads.
	Viewer Role = "viewer"
	// Operator changes sites and domains.
	Operator Role = "operator"
	// Admin does everything within the tenant.
	Admin Role = "admin"
	// PlatformAdmin does everything, in its own tenant and for the
	// installation.
	PlatformAdmin Role = "platform_admin"
)

// rank orders the roles.
var rank = map[Role]int{Viewer: 1, Operator: 2, Admin: 3, PlatformAdmin: 4}

// Includes reports whether a role may do what another may.
func (r Role) Includes(other Role) bool { return rank[r] > 0 && rank[r] >= rank[other] }

// Principal is an authenticated caller.
type Principal struct {
	TenantID id.Tenant
	// Subject names the caller in history rows, for instance "key:key_01h...".
	Subject string
	Role    Role
}

// Provider answers who calls, and whether they may.
type Provider interface {
	// Authenticate returns the caller behind a bearer credential. A missing,
	// malformed, unknown or revoked one is *CredentialError, the same for all.
	Authenticate(ctx context.Context, bearer string) (Principal, error)
	// Authorize returns *DeniedError unless the caller has the role that an
	// action demands.
	Authorize(ctx context.Context, p Principal, demands Role) error
}

// CredentialError says that a credential is not valid. It never says why.
type CredentialError struct{}

func (*CredentialError) Error() string { return "the credential is missing or not valid" }

// DeniedError says that a caller lacks a role.
type DeniedError struct {
	// Has is the caller's role, Demands the one it needs.
	Has, Demands Role
}

func (e *DeniedError) Error() string {
	return "the key has the role " + string(e.Has) + ", the call demands " + string(e.Demands)
}

// Tenant owns sites.
type Tenant struct {
	ID        id.Tenant
	Name      string
	CreatedAt time.Time
}

// Key is a stored API key. The secret itself is nowhere.
type Key struct {
	ID       id.Key
	TenantID id.Tenant
	Name     string
	Role     Role
	// Hash is SHA-256 of the secret.
	Hash      [32]byte
	CreatedAt time.Time
	// RevokedAt is zero while the key is valid.
	RevokedAt time.Time
}

// Store keeps tenants and keys inside the caller's transaction.
type Store interface {
	// InsertTenant writes a tenant. A name in use is *lifecycle.TakenError.
	InsertTenant(ctx context.Context, t Tenant) error
	// TenantByName returns a tenant.
	TenantByName(ctx context.Context, name string) (Tenant, error)
	// GetTenant returns a tenant.
	GetTenant(ctx context.Context, tenant id.Tenant) (Tenant, error)
	// ListTenants returns all tenants, ordered by name.
	ListTenants(ctx context.Context) ([]Tenant, error)
	// InsertKey writes a key.
	InsertKey(ctx context.Context, k Key) error
	// GetKey returns a key, revoked or not.
	GetKey(ctx context.Context, key id.Key) (Key, error)
	// RevokeKey ends a key at a time.
	RevokeKey(ctx context.Context, key id.Key, at time.Time) error
}
