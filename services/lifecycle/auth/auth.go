// Package auth owns who may call: API keys, their roles and scopes, and the two
// questions that every call answers first. It knows no wire format.
package auth

import (
	"context"
	"slices"
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

// Includes reports whether a role may do what another may. What is no role includes
// nothing and is included in none.
func (r Role) Includes(other Role) bool { return rank[other] > 0 && rank[r] >= rank[other] }

// Principal is an authenticated caller.
type Principal struct {
	TenantID id.Tenant
	// Subject names the caller in history rows, for instance "key:key_01h...".
	Subject string
	// KeyID is the key of the call, empty for a caller without one.
	KeyID id.Key
	Role  Role
	// Sites are the only ones that the caller knows; nil for all of the tenant.
	Sites []id.Site
	// Address is the network address that the call came from, empty when unknown.
	Address string
}

// Sees reports whether the caller knows a site of its tenant.
func (p Principal) Sees(site id.Site) bool { return p.Sites == nil || slices.Contains(p.Sites, site) }

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

// ScopeError says that a key for single sites asked for what concerns the whole
// tenant.
type ScopeError struct{}

func (*ScopeError) Error() string {
	return "the key is for single sites; this needs one for the whole tenant"
}

// Key is a stored API key. The secret itself is nowhere.
type Key struct {
	ID       id.Key
	TenantID id.Tenant
	Name     string
	Role     Role
	// Hash is SHA-256 of the secret.
	Hash [32]byte
	// Sites are the only ones that the key knows; nil for all of the tenant.
	Sites     []id.Site
	CreatedAt time.Time
	// ExpiresAt is zero for a key that does not end by itself.
	ExpiresAt time.Time
	// RevokedAt is zero unless it was revoked.
	RevokedAt time.Time
	// UsedAt is when it was last used, to the minute; zero for never.
	UsedAt time.Time
}

// Valid reports whether the key still opens anything at a time.
func (k Key) Valid(at time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || at.Before(k.ExpiresAt))
}

// Page asks for a part of a tenant's keys, newest first.
type Page struct {
	// All includes those that are not valid at the time any more.
	All bool
	At  time.Time
	// Before is the last id of the page before, empty for the first page.
	Before id.Key
	// Limit is the largest number of rows.
	Limit int
}

// Store keeps keys inside the caller's transaction. An unknown key is a
// *lifecycle.NotFoundError.
type Store interface {
	// InsertKey writes a key.
	InsertKey(ctx context.Context, k Key) error
	// GetKey returns a key, revoked or not.
	GetKey(ctx context.Context, key id.Key) (Key, error)
	// ListKeys returns a page of a tenant's keys.
	ListKeys(ctx context.Context, tenant id.Tenant, page Page) ([]Key, error)
	// RevokeKey ends a key at a time; a key that has ended stays as it is.
	RevokeKey(ctx context.Context, key id.Key, at time.Time) error
	// UseKey writes down when a key was last used.
	UseKey(ctx context.Context, key id.Key, at time.Time) error
}
