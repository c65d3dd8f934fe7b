package app

import (
	"context"
	"reflect"

	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// TenantView is a tenant as a caller sees it.
type TenantView struct {
	Tenant admin.Tenant
	// Limits are those that hold.
	Limits lifecycle.TenantLimits
	Usage  admin.Usage
}

// NewTenant is a tenant and the key of its admin.
type NewTenant struct {
	TenantView
	// Key is the text, empty when the request was repeated: it is shown once.
	Key secret.Secret `json:"-"`
}

// auditTenant is what the audit keeps of a tenant.
type auditTenant struct {
	Name      string       `json:"name"`
	Limits    admin.Limits `json:"limits"`
	Suspended string       `json:"suspended,omitempty"`
	Deleted   bool         `json:"deleted,omitempty"`
}

func auditedTenant(t admin.Tenant) auditTenant {
	return auditTenant{Name: t.Name, Limits: t.Limits, Suspended: t.SuspendReason, Deleted: t.Deleted()}
}

// CreateTenant makes a tenant and a key of its admin, in one transaction. The
// key's text is returned once and stored nowhere. A name in use is a
// *lifecycle.TakenError.
func (c *ControlPlane) CreateTenant(ctx context.Context, by auth.Principal, name string, limits admin.Limits, request RequestID) (NewTenant, error) {
	body := struct {
		Name   string
		Limits admin.Limits
	}{name, limits}
	return mutate(ctx, c, ask{by: by, action: "CreateTenant", request: request, body: body}, func(tx store.Tx, r *record) (NewTenant, error) {
		t := admin.Tenant{ID: id.NewTenant(), Name: name, Limits: limits, CreatedAt: c.clock()}
		if err := tx.InsertTenant(ctx, t); err != nil {
			return NewTenant{}, err
		}
		key, text := auth.NewAPIKey(t.ID, "first", auth.Admin, t.CreatedAt)
		if err := tx.InsertKey(ctx, key); err != nil {
			return NewTenant{}, err
		}
		kept := auditedTenant(t)
		*r = record{tenant: t.ID, object: string(t.ID), after: kept, event: event.TenantCreated, data: kept}
		view, err := c.viewTenant(ctx, tx, t)
		return NewTenant{TenantView: view, Key: text}, err
	})
}

// GetTenant returns a tenant: the caller's own, and for a platform admin any,
// tombstones included. Others are not found.
func (c *ControlPlane) GetTenant(ctx context.Context, by auth.Principal, tenant id.Tenant) (view TenantView, err error) {
	if tenant != by.TenantID && !by.Role.Includes(auth.PlatformAdmin) {
		return view, &lifecycle.NotFoundError{Kind: "tenant", ID: string(tenant)}
	}
	err = c.store.View(ctx, func(tx store.Tx) error {
		t, err := tx.GetTenant(ctx, tenant)
		if err != nil {
			return err
		}
		view, err = c.viewTenant(ctx, tx, t)
		return err
	})
	return view, err
}

// ListTenants returns a page of the tenants that are not deleted.
func (c *ControlPlane) ListTenants(ctx context.Context, page admin.Page) (views []TenantView, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		views = nil
		tenants, err := tx.ListTenants(ctx, page)
		if err != nil {
			return err
		}
		for _, t := range tenants {
			view, err := c.viewTenant(ctx, tx, t)
			if err != nil {
				return err
			}
			views = append(views, view)
		}
		return nil
	})
	return views, err
}

// SetTenantLimits replaces a tenant's own limits.
func (c *ControlPlane) SetTenantLimits(ctx context.Context, by auth.Principal, tenant id.Tenant, limits admin.Limits, request RequestID) (TenantView, error) {
	body := struct {
		TenantID id.Tenant
		Limits   admin.Limits
	}{tenant, limits}
	return c.changeTenant(ctx, ask{by: by, action: "SetTenantLimits", request: request, body: body}, tenant, event.TenantLimitsSet,
		func(_ store.Tx, t *admin.Tenant) error {
			t.Limits = limits
			return nil
		})
}

// SuspendTenant lets a tenant read and do nothing else. Its sites go on serving. The
// caller's own tenant is a *lifecycle.PreconditionError: nobody could take it back.
func (c *ControlPlane) SuspendTenant(ctx context.Context, by auth.Principal, tenant id.Tenant, reason string, request RequestID) (TenantView, error) {
	body := struct {
		TenantID id.Tenant
		Reason   string
	}{tenant, reason}
	return c.changeTenant(ctx, ask{by: by, action: "SuspendTenant", request: request, body: body}, tenant, event.TenantSuspended,
		func(_ store.Tx, t *admin.Tenant) error {
			if t.ID == by.TenantID {
				return &lifecycle.PreconditionError{Message: "this is your own tenant; suspended, it could not be resumed by you"}
			}
			if !t.Suspended() {
				t.SuspendedAt = c.clock()
			}
			t.SuspendReason = reason
			return nil
		})
}

// ResumeTenant ends a suspension.
func (c *ControlPlane) ResumeTenant(ctx context.Context, by auth.Principal, tenant id.Tenant, request RequestID) (TenantView, error) {
	return c.changeTenant(ctx, ask{by: by, action: "ResumeTenant", request: request, body: tenant}, tenant, event.TenantResumed,
		func(_ store.Tx, t *admin.Tenant) error {
			*t = admin.Tenant{ID: t.ID, Name: t.Name, Limits: t.Limits, CreatedAt: t.CreatedAt}
			return nil
		})
}

// DeleteTenant makes a tombstone of a tenant without sites: its keys are revoked, its
// grants are taken back, its name is free. Refusals are *lifecycle.PreconditionError.
func (c *ControlPlane) DeleteTenant(ctx context.Context, by auth.Principal, tenant id.Tenant, request RequestID) (TenantView, error) {
	return c.changeTenant(ctx, ask{by: by, action: "DeleteTenant", request: request, body: tenant}, tenant, event.TenantDeleted,
		func(tx store.Tx, t *admin.Tenant) error {
			if t.ID == by.TenantID {
				return &lifecycle.PreconditionError{Message: "this is your own tenant; you would revoke the key that you use"}
			}
			sites, err := tx.ListSites(ctx, t.ID, site.Page{Limit: 1})
			if err != nil {
				return err
			}
			if len(sites) > 0 {
				return &lifecycle.PreconditionError{Message: "the tenant has sites; delete them first"}
			}
			t.DeletedAt = c.clock()
			return c.strip(ctx, tx, t.ID)
		})
}

// strip takes every key and every grant from a tenant.
func (c *ControlPlane) strip(ctx context.Context, tx store.Tx, tenant id.Tenant) error {
	keys, err := validKeys(ctx, tx, tenant, c.clock())
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := tx.RevokeKey(ctx, k.ID, c.clock()); err != nil {
			return err
		}
	}
	grants, err := tx.ZoneGrants(ctx)
	if err != nil {
		return err
	}
	for _, g := range grants {
		if g.TenantID != tenant {
			continue
		}
		if _, err := tx.DeleteZoneGrant(ctx, g.ZoneName, tenant); err != nil {
			return err
		}
	}
	return nil
}

// changeTenant makes a change of a tenant that is not deleted. An event is written
// where something is different then.
func (c *ControlPlane) changeTenant(ctx context.Context, a ask, tenant id.Tenant, what event.Type, do func(tx store.Tx, t *admin.Tenant) error) (TenantView, error) {
	defer c.forgetCallers()
	return mutate(ctx, c, a, func(tx store.Tx, r *record) (TenantView, error) {
		before, err := liveTenant(ctx, tx, tenant)
		if err != nil {
			return TenantView{}, err
		}
		t := before
		if err := do(tx, &t); err != nil {
			return TenantView{}, err
		}
		if err := tx.UpdateTenant(ctx, t); err != nil {
			return TenantView{}, err
		}
		was, is := auditedTenant(before), auditedTenant(t)
		*r = record{tenant: tenant, object: string(tenant), before: was, after: is}
		if !reflect.DeepEqual(was, is) {
			r.event, r.data = what, is
		}
		return c.viewTenant(ctx, tx, t)
	})
}

// liveTenant reads a tenant that is not deleted.
func liveTenant(ctx context.Context, tx store.Tx, tenant id.Tenant) (admin.Tenant, error) {
	t, err := tx.GetTenant(ctx, tenant)
	if err == nil && t.Deleted() {
		err = &lifecycle.NotFoundError{Kind: "tenant", ID: string(tenant)}
	}
	return t, err
}

func (c *ControlPlane) viewTenant(ctx context.Context, tx store.Tx, t admin.Tenant) (TenantView, error) {
	used, err := tx.Usage(ctx, t.ID)
	return TenantView{Tenant: t, Limits: t.Limits.Over(c.cfg.TenantLimits), Usage: used}, err
}
