package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// PutZoneGrant writes a grant; one that is there stays as it is.
func (t *Tx) PutZoneGrant(ctx context.Context, g network.ZoneGrant) error {
	err := t.later(ctx, "put the zone grant", `
		INSERT INTO zone_grant (zone_name, tenant_id, created_at) VALUES (?, ?, ?)
		ON CONFLICT (zone_name, tenant_id) DO NOTHING`,
		g.ZoneName, g.TenantID, stamp(g.CreatedAt))
	if breaks(err, ForeignKey) {
		return missingTenant(g.TenantID)
	}
	return err
}

// DeleteZoneGrant takes a grant away and reports whether it was there.
func (t *Tx) DeleteZoneGrant(ctx context.Context, zoneName string, tenant id.Tenant) (bool, error) {
	n, err := t.exec(ctx, "delete the zone grant",
		`DELETE FROM zone_grant WHERE zone_name = ? AND tenant_id = ?`, zoneName, tenant)
	return n > 0, err
}

// ZoneGrants returns all grants, ordered by zone and tenant.
func (t *Tx) ZoneGrants(ctx context.Context) ([]network.ZoneGrant, error) {
	return all(ctx, t, "read the zone grants", scanZoneGrant,
		`SELECT zone_name, tenant_id, created_at FROM zone_grant ORDER BY zone_name, tenant_id`)
}

func scanZoneGrant(r Row) (g network.ZoneGrant, err error) {
	err = r.Scan(&g.ZoneName, &g.TenantID, moment{&g.CreatedAt})
	return g, err
}

// ZoneGrantedTo reports whether a tenant has a grant for a zone.
func (t *Tx) ZoneGrantedTo(ctx context.Context, zoneName string, tenant id.Tenant) (bool, error) {
	_, ok, err := one(ctx, t, "read the zone grant", scanInt,
		`SELECT 1 FROM zone_grant WHERE zone_name = ? AND tenant_id = ?`, zoneName, tenant)
	return ok, err
}
