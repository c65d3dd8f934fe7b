package network

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// ZoneGrant lets a tenant claim any name in one of our own zones.
type ZoneGrant struct {
	// ZoneName is lower-case A-labels without a trailing dot.
	ZoneName  string
	TenantID  id.Tenant
	CreatedAt time.Time
}

// ZoneStore keeps grants inside the caller's transaction.
type ZoneStore interface {
	// PutZoneGrant writes a grant; one that is there stays as it is.
	PutZoneGrant(ctx context.Context, g ZoneGrant) error
	// DeleteZoneGrant takes a grant away and reports whether it was there.
	DeleteZoneGrant(ctx context.Context, zoneName string, tenant id.Tenant) (bool, error)
	// ZoneGrants returns all grants, ordered by zone and tenant.
	ZoneGrants(ctx context.Context) ([]ZoneGrant, error)
	// ZoneGrantedTo reports whether a tenant has a grant for a zone.
	ZoneGrantedTo(ctx context.Context, zoneName string, tenant id.Tenant) (bool, error)
}
