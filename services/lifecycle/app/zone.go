package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/siteplane/siteplane/internal/platform/hostname"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// GrantZone lets a tenant claim any name in one of our own zones, and has those
// that it claims already looked at. Granting again changes nothing. Errors:
// *lifecycle.InvalidError where no zone of ours has that name,
// *lifecycle.NotFoundError without such a tenant, *lifecycle.UnavailableError and
// *lifecycle.PreconditionError from the provider.
func (c *ControlPlane) GrantZone(ctx context.Context, by auth.Principal, zoneName string, tenant id.Tenant, request RequestID) (network.ZoneGrant, error) {
	a := ask{
		by: by, action: "GrantZone", request: request, body: auditGrant{ZoneName: zoneName, TenantID: tenant},
		prepare: func(ctx context.Context) error { return c.checkZone(ctx, zoneName) },
	}
	return mutate(ctx, c, a, func(tx store.Tx, r *record) (network.ZoneGrant, error) {
		if _, err := liveTenant(ctx, tx, tenant); err != nil {
			return network.ZoneGrant{}, err
		}
		had, err := tx.ZoneGrantedTo(ctx, zoneName, tenant)
		if err != nil {
			return network.ZoneGrant{}, err
		}
		grant, err := putGrant(ctx, tx, zoneName, tenant, c.clock())
		if err != nil {
			return grant, err
		}
		kept := auditGrant{ZoneName: zoneName, TenantID: tenant}
		*r = record{tenant: tenant, object: zoneName, after: kept}
		if !had {
			r.event, r.data = event.ZoneGranted, kept
		}
		return grant, c.markUndecided(ctx, tx, grant)
	})
}

// auditGrant is what the audit keeps of a grant.
type auditGrant struct {
	ZoneName string    `json:"zone_name"`
	TenantID id.Tenant `json:"tenant_id"`
}

// RevokeZone takes a grant back. Domains whose mode is fixed keep it. Revoking again
// changes nothing. Without such a tenant: *lifecycle.NotFoundError.
func (c *ControlPlane) RevokeZone(ctx context.Context, by auth.Principal, zoneName string, tenant id.Tenant, request RequestID) error {
	kept := auditGrant{ZoneName: zoneName, TenantID: tenant}
	_, err := mutate(ctx, c, ask{by: by, action: "RevokeZone", request: request, body: kept}, func(tx store.Tx, r *record) (none, error) {
		if _, err := tx.GetTenant(ctx, tenant); err != nil {
			return none{}, err
		}
		had, err := tx.DeleteZoneGrant(ctx, zoneName, tenant)
		*r = record{tenant: tenant, object: zoneName}
		if had {
			r.before, r.event, r.data = kept, event.ZoneRevoked, kept
		}
		return none{}, err
	})
	return err
}

// checkZone asks whether a zone of ours has exactly this name.
func (c *ControlPlane) checkZone(ctx context.Context, zoneName string) error {
	var problems lifecycle.Violations
	if err := hostname.Check(zoneName); err != nil {
		problems.Add("zone_name", "%v", err)
		return problems.Err()
	}
	zone, err := c.tunnel.LookupZone(ctx, zoneName)
	if err != nil {
		return providerError(err)
	}
	if !zone.Found || zone.ZoneName != zoneName {
		problems.Add("zone_name", "no zone of ours has that name")
	}
	return problems.Err()
}

// providerError turns an error of the tunnel service into one for callers.
func providerError(err error) error {
	var (
		silent  *infra.UnavailableError
		refused *infra.RefusedError
	)
	switch {
	case errors.As(err, &silent):
		return &lifecycle.UnavailableError{What: "tunnel service", RetryAfter: silent.RetryAfter, Err: err}
	case errors.As(err, &refused):
		return &lifecycle.PreconditionError{Message: refused.Error()}
	}
	return err
}

// putGrant writes a grant, unless it is there, and returns the one that is there
// then.
func putGrant(ctx context.Context, tx store.Tx, zoneName string, tenant id.Tenant, at time.Time) (network.ZoneGrant, error) {
	grant := network.ZoneGrant{ZoneName: zoneName, TenantID: tenant, CreatedAt: at}
	if err := tx.PutZoneGrant(ctx, grant); err != nil {
		return grant, err
	}
	grants, err := tx.ZoneGrants(ctx)
	i := slices.IndexFunc(grants, func(g network.ZoneGrant) bool { return g.ZoneName == zoneName && g.TenantID == tenant })
	if i >= 0 {
		grant = grants[i]
	}
	return grant, err
}

// markUndecided makes the tenant's live domains in the zone due whose mode is
// not fixed yet: the grant may be what they wait for.
func (c *ControlPlane) markUndecided(ctx context.Context, tx store.Tx, grant network.ZoneGrant) error {
	page := network.Page{Limit: 500}
	for {
		domains, err := tx.ListDomains(ctx, grant.TenantID, page)
		if err != nil {
			return err
		}
		for _, d := range domains {
			if !d.Status.Live() || d.Mode != network.ModeUnknown || !within(d.Hostname, grant.ZoneName) {
				continue
			}
			if err := c.markDomain(ctx, tx, d); err != nil {
				return err
			}
		}
		if len(domains) < page.Limit {
			return nil
		}
		page.Last = domains[len(domains)-1].ID
	}
}

// ListZoneGrants returns all grants, ordered by zone and tenant.
func (c *ControlPlane) ListZoneGrants(ctx context.Context) (grants []network.ZoneGrant, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		grants, err = tx.ZoneGrants(ctx)
		return err
	})
	return grants, err
}
