package memory

import (
	"cmp"
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

var zoneSchema = &schema[network.ZoneGrant]{
	key: &index[network.ZoneGrant]{
		unique: "zone_grant.tenant_id",
		by: func(a, b *network.ZoneGrant) int {
			return cmp.Or(cmp.Compare(a.ZoneName, b.ZoneName), cmp.Compare(a.TenantID, b.TenantID))
		},
	},
	keep: func(g *network.ZoneGrant) { micro(&g.CreatedAt) },
	rules: []rule[network.ZoneGrant]{
		{"zone_grant.created_at", func(g *network.ZoneGrant) bool { return set(g.CreatedAt) }},
	},
	refers: func(t *tx, g *network.ZoneGrant) error { return t.knows(g.TenantID) },
}

// PutZoneGrant writes a grant; one that is there stays as it is.
func (t *tx) PutZoneGrant(_ context.Context, g network.ZoneGrant) error {
	if t.zoneGrants.has(g) {
		return t.zoneGrants.own(t)
	}
	return t.zoneGrants.insert(t, g)
}

// DeleteZoneGrant takes a grant away and reports whether it was there.
func (t *tx) DeleteZoneGrant(_ context.Context, zoneName string, tenant id.Tenant) (bool, error) {
	return t.zoneGrants.remove(t, network.ZoneGrant{ZoneName: zoneName, TenantID: tenant})
}

// ZoneGrants returns all grants, ordered by zone and tenant.
func (t *tx) ZoneGrants(_ context.Context) ([]network.ZoneGrant, error) {
	return t.zoneGrants.list(t.zoneGrants.all(), all, nil), nil
}

// ZoneGrantedTo reports whether a tenant has a grant for a zone.
func (t *tx) ZoneGrantedTo(_ context.Context, zoneName string, tenant id.Tenant) (bool, error) {
	return t.zoneGrants.has(network.ZoneGrant{ZoneName: zoneName, TenantID: tenant}), nil
}
