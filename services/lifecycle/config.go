package lifecycle

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/siteplane/siteplane/internal/platform/hostname"
)

// Config is what an operator sets for the lifecycle service. The zero value is
// not valid; begin with Defaults.
type Config struct {
	// PlatformDomain is the domain below which sites get a name by their slug,
	// empty for none.
	PlatformDomain string
	// AllowReservedTLDs takes tenants' names below top-level domains that no
	// registry hands out, such as .test; for development.
	AllowReservedTLDs bool
	// OriginAllowNetworks are networks that origins may lie in besides the
	// public Internet.
	OriginAllowNetworks []netip.Prefix
	// OwnListeners are the installation's own addresses, refused as origins.
	OwnListeners []netip.AddrPort
	// ProbePolicy is "public", "edge" or "off".
	ProbePolicy string
	// EdgeWindow is how long ago an edge may have been seen to be required.
	EdgeWindow time.Duration
	// ObserveEvery is how often each edge is asked what it runs.
	ObserveEvery time.Duration
	// ReserveFor is how long a released name is kept for its last owner.
	ReserveFor time.Duration
	// TransferAfter is how long the holder of a hostname has to prove it again
	// after another tenant has proved it.
	TransferAfter time.Duration
	// ReconcileEvery is how often each tunnel is compared with what it shall hold.
	ReconcileEvery time.Duration
	// RecheckEvery is how often an ACTIVE domain is looked at.
	RecheckEvery time.Duration
	// Grace is how long evidence may be contradicted before a domain is lost.
	Grace time.Duration
	// CompensateWithin is how long an operation may take to undo what it did; then
	// an operator must look.
	CompensateWithin time.Duration
	// TenantLimits hold for a tenant that has none of its own.
	TenantLimits TenantLimits
	// KeepRequests is how long the answer to a request that may be repeated is kept.
	KeepRequests time.Duration
	// KeepEvents is how long events can be read.
	KeepEvents time.Duration
	// Lease is how long a claim on an object holds.
	Lease time.Duration
	// Concurrency bounds the objects that are worked on at once.
	Concurrency int
}

// TenantLimits bounds what one tenant may have and do.
type TenantLimits struct {
	// Sites are those that are not deleted.
	Sites int64
	// Domains are those that are not released, platform names included.
	Domains int64
	// PendingClaims are a tenant's own names that are claimed and not yet proved.
	PendingClaims int64
	// RequestsPerSecond are calls, in bursts of up to twice as many.
	RequestsPerSecond int64
}

// Defaults returns the configuration that most installations keep.
func Defaults() Config {
	return Config{
		ProbePolicy:      "public",
		EdgeWindow:       time.Minute,
		ObserveEvery:     10 * time.Second,
		ReserveFor:       30 * 24 * time.Hour,
		TransferAfter:    72 * time.Hour,
		ReconcileEvery:   time.Minute,
		RecheckEvery:     15 * time.Minute,
		Grace:            7 * 24 * time.Hour,
		CompensateWithin: time.Hour,
		TenantLimits:     TenantLimits{Sites: 1000, Domains: 5000, PendingClaims: 200, RequestsPerSecond: 100},
		KeepRequests:     24 * time.Hour,
		KeepEvents:       30 * 24 * time.Hour,
		Lease:            time.Minute,
		Concurrency:      16,
	}
}

// Validate reports every problem at once.
func (c Config) Validate() error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.PlatformDomain != "" {
		if err := hostname.Check(c.PlatformDomain); err != nil {
			problem("platform domain %q %w", c.PlatformDomain, err)
		}
	}
	switch c.ProbePolicy {
	case "public", "edge", "off":
	default:
		problem("probe policy %q: must be public, edge or off", c.ProbePolicy)
	}
	for name, d := range map[string]time.Duration{
		"edge window": c.EdgeWindow, "observe interval": c.ObserveEvery, "lease": c.Lease,
		"transfer time": c.TransferAfter, "reconcile interval": c.ReconcileEvery, "recheck interval": c.RecheckEvery, "grace": c.Grace,
		"compensation time": c.CompensateWithin, "time to keep requests": c.KeepRequests, "time to keep events": c.KeepEvents,
	} {
		if d < time.Second {
			problem("%s %s: must be at least 1s", name, d)
		}
	}
	if c.ReserveFor < 0 {
		problem("reservation %s: must not be negative", c.ReserveFor)
	}
	for name, limit := range map[string]int64{
		"sites": c.TenantLimits.Sites, "domains": c.TenantLimits.Domains, "pending claims": c.TenantLimits.PendingClaims,
	} {
		if limit < 0 {
			problem("limit of %s %d: must not be negative", name, limit)
		}
	}
	if c.TenantLimits.RequestsPerSecond < 1 {
		problem("limit of requests per second %d: must be at least 1", c.TenantLimits.RequestsPerSecond)
	}
	if c.Concurrency < 1 {
		problem("concurrency %d: must be at least 1", c.Concurrency)
	}
	return errors.Join(problems...)
}
