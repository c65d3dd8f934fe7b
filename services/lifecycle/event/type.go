package event

// Type is what happened, kind of object first.
type Type string

// Every type there is. What their data holds is in docs/api.md.
const (
	SiteCreated         Type = "site.created"
	SiteUpdated         Type = "site.updated"
	SiteStatusChanged   Type = "site.status_changed"
	DomainCreated       Type = "domain.created"
	DomainStatusChanged Type = "domain.status_changed"
	OperationCancelled  Type = "operation.cancelled"

	TenantCreated   Type = "tenant.created"
	TenantLimitsSet Type = "tenant.limits_set"
	TenantSuspended Type = "tenant.suspended"
	TenantResumed   Type = "tenant.resumed"
	TenantDeleted   Type = "tenant.deleted"
	KeyCreated      Type = "key.created"
	KeyRevoked      Type = "key.revoked"
	ZoneGranted     Type = "zone.granted"
	ZoneRevoked     Type = "zone.revoked"

	EdgeJoined       Type = "edge.joined"
	EdgeUpdated      Type = "edge.updated"
	EdgeEvicted      Type = "edge.evicted"
	JoinTokenCreated Type = "join_token.created"
	JoinTokenDeleted Type = "join_token.deleted"
	PlacementPut     Type = "placement.put"
	PlacementDeleted Type = "placement.deleted"

	DriftFound     Type = "drift.found"
	DriftClosed    Type = "drift.closed"
	DriftPolicySet Type = "drift.policy_set"
	HoldBegun      Type = "hold.begun"
	HoldConfirmed  Type = "hold.confirmed"
	HoldEnded      Type = "hold.ended"
)

// Types returns every type, in the order of the constants.
func Types() []Type {
	return []Type{
		SiteCreated, SiteUpdated, SiteStatusChanged, DomainCreated, DomainStatusChanged, OperationCancelled,
		TenantCreated, TenantLimitsSet, TenantSuspended, TenantResumed, TenantDeleted,
		KeyCreated, KeyRevoked, ZoneGranted, ZoneRevoked,
		EdgeJoined, EdgeUpdated, EdgeEvicted, JoinTokenCreated, JoinTokenDeleted, PlacementPut, PlacementDeleted,
		DriftFound, DriftClosed, DriftPolicySet, HoldBegun, HoldConfirmed, HoldEnded,
	}
}
