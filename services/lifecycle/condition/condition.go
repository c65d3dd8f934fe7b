// Package condition owns the conditions of sites and domains: one row per
// object and type that says how an aspect of it is, why, what was seen and who
// must act. A status says how far an object has come; conditions say how it is.
// An error makes a condition Unknown, never False.
package condition

import (
	"context"
	"slices"
	"time"
)

// Type names an aspect.
type Type string

// The types: EdgeSynced belongs to sites, the others to domains.
const (
	EdgeSynced   Type = "EdgeSynced"
	Owned        Type = "Owned"
	Resolves     Type = "Resolves"
	EdgeRouted   Type = "EdgeRouted"
	TunnelRouted Type = "TunnelRouted"
	CertReady    Type = "CertReady"
	Serving      Type = "Serving"
)

// Status is what is known of an aspect.
type Status string

// The statuses of a condition.
const (
	True          Status = "True"
	False         Status = "False"
	Unknown       Status = "Unknown"
	NotApplicable Status = "NotApplicable"
)

// Actor is who must act.
type Actor string

// The actors. The empty Actor means that nothing is to be done.
const (
	Tenant     Actor = "tenant"
	Operator   Actor = "operator"
	CA         Actor = "ca"
	Cloudflare Actor = "cloudflare"
	Nobody     Actor = "nobody"
)

// Reasons beyond the diagnosis codes; docs/conditions.md explains each.
const (
	// ReasonConfirmed says that the evidence confirms.
	ReasonConfirmed = "CONFIRMED"
	// ReasonWaiting says that our own infrastructure is at work.
	ReasonWaiting = "WAITING"
	// ReasonPlatformName says that the name is ours to give.
	ReasonPlatformName = "PLATFORM_NAME"
	// ReasonZoneGranted says that the name lies in a zone that the operator
	// granted to the tenant.
	ReasonZoneGranted = "ZONE_GRANTED"
	// ReasonReserved says that the name is reserved for the tenant, who held it
	// last.
	ReasonReserved = "NAME_RESERVED"
	// ReasonPrimaryDomain says that the primary domain has the condition.
	ReasonPrimaryDomain = "PRIMARY_DOMAIN"
	// ReasonModeDirect says that the mode has no such part.
	ReasonModeDirect = "MODE_DIRECT"
	// ReasonHTTP says that the edges speak HTTP only.
	ReasonHTTP = "EDGES_SPEAK_HTTP"
	// ReasonProbeOff says that the operator turned the probe off.
	ReasonProbeOff = "PROBE_POLICY_OFF"
	// ReasonProbeWeak says that the probe ran under a weaker policy than public.
	ReasonProbeWeak = "PROBE_POLICY_EDGE"
)

// Condition is one aspect of one object.
type Condition struct {
	ObjectID string
	Type     Type
	Status   Status
	// Reason is a diagnosis code or one of the reasons above.
	Reason string
	// Message is one sentence for a person.
	Message string
	// Evidence is what was seen, one line each.
	Evidence []string
	// Actor is who must act.
	Actor Actor
	// Fix is what to do, in order.
	Fix []string
	// Since is when status and reason became as they are.
	Since time.Time
	// TraceID is the trace it was set in.
	TraceID string
}

// Same reports whether two conditions say the same; when and in which trace
// does not count.
func (c Condition) Same(o Condition) bool {
	return c.Type == o.Type && c.Status == o.Status && c.Reason == o.Reason && c.Message == o.Message &&
		c.Actor == o.Actor && slices.Equal(c.Evidence, o.Evidence) && slices.Equal(c.Fix, o.Fix)
}

// Store keeps conditions inside the caller's transaction.
type Store interface {
	// Conditions returns an object's conditions, ordered by type.
	Conditions(ctx context.Context, objectID string) ([]Condition, error)
	// PutCondition inserts or replaces one condition.
	PutCondition(ctx context.Context, c Condition) error
}

// Set writes what changed: a condition that says the same as the stored one is
// not written again, and Since survives while status and reason stay.
func Set(ctx context.Context, store Store, conditions ...Condition) error {
	if len(conditions) == 0 {
		return nil
	}
	stored, err := store.Conditions(ctx, conditions[0].ObjectID)
	if err != nil {
		return err
	}
	for _, c := range conditions {
		i := slices.IndexFunc(stored, func(s Condition) bool { return s.Type == c.Type })
		if i >= 0 && stored[i].Same(c) {
			continue
		}
		if i >= 0 && stored[i].Status == c.Status && stored[i].Reason == c.Reason {
			c.Since = stored[i].Since
		}
		if err := store.PutCondition(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// Find returns the condition of a type; ok is false when there is none.
func Find(conditions []Condition, t Type) (c Condition, ok bool) {
	i := slices.IndexFunc(conditions, func(c Condition) bool { return c.Type == t })
	if i < 0 {
		return Condition{}, false
	}
	return conditions[i], true
}
