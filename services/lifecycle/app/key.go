package app

import (
	"context"
	"errors"
	"time"

	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// KeyAsked is an API key to be.
type KeyAsked struct {
	// TenantID is empty for the caller's own; another is for platform admins.
	TenantID id.Tenant
	Name     string
	Role     auth.Role
	// Sites are the only ones that it shall know, empty for all.
	Sites []id.Site
	// ExpiresAt is zero for never.
	ExpiresAt time.Time
}

// NewKey is an API key and its text.
type NewKey struct {
	Key auth.Key
	// Text is empty when the request was repeated: it is shown once.
	Text secret.Secret `json:"-"`
}

// auditKey is what the audit keeps of a key.
type auditKey struct {
	Name      string     `json:"name"`
	Role      auth.Role  `json:"role"`
	Sites     []id.Site  `json:"site_ids,omitempty"`
	ExpiresAt *time.Time `json:"expire_time,omitempty"`
	Revoked   bool       `json:"revoked,omitempty"`
}

func auditedKey(k auth.Key) auditKey {
	kept := auditKey{Name: k.Name, Role: k.Role, Sites: k.Sites, Revoked: !k.RevokedAt.IsZero()}
	if !k.ExpiresAt.IsZero() {
		kept.ExpiresAt = &k.ExpiresAt
	}
	return kept
}

// CreateKey makes a key that may do at most what its maker may. Its text is returned
// once and stored nowhere. Errors: *auth.DeniedError, *lifecycle.InvalidError,
// *lifecycle.NotFoundError for a tenant or site that the caller does not know.
func (c *ControlPlane) CreateKey(ctx context.Context, by auth.Principal, in KeyAsked, request RequestID) (NewKey, error) {
	if in.TenantID == "" {
		in.TenantID = by.TenantID
	}
	return mutate(ctx, c, ask{by: by, action: "CreateKey", request: request, body: in}, func(tx store.Tx, r *record) (NewKey, error) {
		if err := c.checkKey(by, in); err != nil {
			return NewKey{}, err
		}
		if _, err := liveTenant(ctx, tx, in.TenantID); err != nil {
			return NewKey{}, err
		}
		for _, s := range in.Sites {
			if _, err := tx.GetSite(ctx, in.TenantID, s); err != nil {
				return NewKey{}, err
			}
		}
		key, text := auth.NewAPIKey(in.TenantID, in.Name, in.Role, c.clock())
		key.ExpiresAt = in.ExpiresAt
		if len(in.Sites) > 0 {
			key.Sites = in.Sites
		}
		kept := auditedKey(key)
		*r = record{tenant: in.TenantID, object: string(key.ID), after: kept, event: event.KeyCreated, data: kept}
		return NewKey{Key: key, Text: text}, tx.InsertKey(ctx, key)
	})
}

// checkKey checks what was asked for. Of a request that is repeated it is not asked
// again: by then the key may have expired.
func (c *ControlPlane) checkKey(by auth.Principal, in KeyAsked) error {
	if err := errors.Join(wholeTenant(by), knowsTenant(by, in.TenantID)); err != nil {
		return err
	}
	if !by.Role.Includes(in.Role) {
		return &auth.DeniedError{Has: by.Role, Demands: in.Role}
	}
	var problems lifecycle.Violations
	if len(in.Sites) > 0 && in.Role.Includes(auth.Admin) {
		problems.Add("role", "a key for single sites may only view or operate")
	}
	if !in.ExpiresAt.IsZero() && !in.ExpiresAt.After(c.clock()) {
		problems.Add("expire_time", "lies in the past")
	}
	return problems.Err()
}

// knowsTenant hides other tenants from all but platform admins.
func knowsTenant(by auth.Principal, tenant id.Tenant) error {
	if tenant == by.TenantID || by.Role.Includes(auth.PlatformAdmin) {
		return nil
	}
	return &lifecycle.NotFoundError{Kind: "tenant", ID: string(tenant)}
}

// Caller returns the key of the caller, and its tenant.
func (c *ControlPlane) Caller(ctx context.Context, by auth.Principal) (key auth.Key, tenant TenantView, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		if key, err = tx.GetKey(ctx, by.KeyID); err != nil {
			return err
		}
		t, err := tx.GetTenant(ctx, by.TenantID)
		if err != nil {
			return err
		}
		tenant, err = c.viewTenant(ctx, tx, t)
		return err
	})
	return key, tenant, err
}

// ListKeys returns a page of a tenant's keys; another tenant's are for platform
// admins, and not found for others.
func (c *ControlPlane) ListKeys(ctx context.Context, by auth.Principal, tenant id.Tenant, page auth.Page) (keys []auth.Key, err error) {
	if tenant == "" {
		tenant = by.TenantID
	}
	if err := knowsTenant(by, tenant); err != nil {
		return nil, err
	}
	page.At = c.clock()
	err = c.store.View(ctx, func(tx store.Tx) error {
		if _, err := tx.GetTenant(ctx, tenant); err != nil {
			return err
		}
		keys, err = tx.ListKeys(ctx, tenant, page)
		return err
	})
	return keys, err
}

// RevokeKey ends a key. Revoking again changes nothing. A tenant's last key of an
// admin is a *lifecycle.PreconditionError, but for platform admins: nobody of the
// tenant could make another.
func (c *ControlPlane) RevokeKey(ctx context.Context, by auth.Principal, keyID id.Key, request RequestID) (auth.Key, error) {
	if err := wholeTenant(by); err != nil {
		return auth.Key{}, err
	}
	defer c.forgetCallers()
	return mutate(ctx, c, ask{by: by, action: "RevokeKey", request: request, body: keyID}, func(tx store.Tx, r *record) (auth.Key, error) {
		key, err := tx.GetKey(ctx, keyID)
		if err != nil {
			return key, err
		}
		if knowsTenant(by, key.TenantID) != nil {
			return auth.Key{}, &lifecycle.NotFoundError{Kind: "key", ID: string(keyID)}
		}
		before := auditedKey(key)
		*r = record{tenant: key.TenantID, object: string(keyID), before: before, after: before}
		if !key.RevokedAt.IsZero() {
			return key, nil
		}
		if err := c.notTheLast(ctx, tx, by, key); err != nil {
			return auth.Key{}, err
		}
		key.RevokedAt = c.clock()
		after := auditedKey(key)
		r.after, r.event, r.data = after, event.KeyRevoked, after
		return key, tx.RevokeKey(ctx, keyID, key.RevokedAt)
	})
}

func (c *ControlPlane) notTheLast(ctx context.Context, tx store.Tx, by auth.Principal, key auth.Key) error {
	if key.TenantID != by.TenantID && by.Role.Includes(auth.PlatformAdmin) || !key.Role.Includes(auth.Admin) {
		return nil
	}
	keys, err := validKeys(ctx, tx, key.TenantID, c.clock())
	if err != nil {
		return err
	}
	for _, other := range keys {
		if other.ID != key.ID && other.Role.Includes(key.Role) && other.ExpiresAt.IsZero() {
			return nil
		}
	}
	return &lifecycle.PreconditionError{Message: "this is the tenant's last " + string(key.Role) + " key that does not expire; make another first"}
}

// validKeys returns all keys of a tenant that open something.
func validKeys(ctx context.Context, tx store.Tx, tenant id.Tenant, at time.Time) (keys []auth.Key, err error) {
	page := auth.Page{At: at, Limit: 500}
	for {
		more, err := tx.ListKeys(ctx, tenant, page)
		if err != nil {
			return nil, err
		}
		keys = append(keys, more...)
		if len(more) < page.Limit {
			return keys, nil
		}
		page.Before = more[len(more)-1].ID
	}
}
