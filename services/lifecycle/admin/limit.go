package admin

import (
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
)

// Limits are those that a tenant has of its own; nil is the installation's default.
type Limits struct {
	Sites             *int64 `json:"sites,omitempty"`
	Domains           *int64 `json:"domains,omitempty"`
	PendingClaims     *int64 `json:"pending_claims,omitempty"`
	RequestsPerSecond *int64 `json:"requests_per_second,omitempty"`
}

// Over returns the limits that hold: these, and the defaults for the rest.
func (l Limits) Over(defaults lifecycle.TenantLimits) lifecycle.TenantLimits {
	for _, each := range []struct {
		own  *int64
		here *int64
	}{
		{l.Sites, &defaults.Sites},
		{l.Domains, &defaults.Domains},
		{l.PendingClaims, &defaults.PendingClaims},
		{l.RequestsPerSecond, &defaults.RequestsPerSecond},
	} {
		if each.own != nil {
			*each.here = *each.own
		}
	}
	return defaults
}

// Usage counts what a tenant has.
type Usage struct {
	// Sites are those that are not deleted.
	Sites int64
	// Domains are those that are not released, platform names included.
	Domains int64
	// PendingClaims are the tenant's own names that are claimed and not yet proved.
	PendingClaims int64
}

// The names of the limits.
const (
	LimitSites         = "sites"
	LimitDomains       = "domains"
	LimitPendingClaims = "pending_claims"
	LimitRequests      = "requests_per_second"
	LimitStreams       = "event_streams"
)

// LimitError says that a limit is reached.
type LimitError struct {
	// Limit is its name.
	Limit string
	// Allowed is the limit, Used what there is already.
	Allowed, Used int64
	// RetryAfter is when it is worth another try, 0 when waiting is of no use.
	RetryAfter time.Duration
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the tenant's limit %s is reached: %d of %d in use", e.Limit, e.Used, e.Allowed)
}

// Check returns a *LimitError when the limits have no room for so many more.
func (u Usage) Check(limits lifecycle.TenantLimits, more Usage) error {
	for _, each := range []struct {
		name                string
		allowed, used, more int64
	}{
		{LimitSites, limits.Sites, u.Sites, more.Sites},
		{LimitDomains, limits.Domains, u.Domains, more.Domains},
		{LimitPendingClaims, limits.PendingClaims, u.PendingClaims, more.PendingClaims},
	} {
		if each.more > 0 && each.used+each.more > each.allowed {
			return &LimitError{Limit: each.name, Allowed: each.allowed, Used: each.used}
		}
	}
	return nil
}
