// Package network owns domains: who claims a hostname, how traffic gets from it
// to the edges, how far it has come, and what was seen. It also keeps the rule
// that a site's status after PROVISIONING is the projection of its primary
// domain. It knows no DNS, no nginx and no Cloudflare.
//
// Where things go: name.go says what a hostname is, claim.go whose it is,
// instruction.go what to write into DNS for it, apply.go and primary.go what
// moves the site.
package network

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/filter"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// Kind says whose name a domain is.
type Kind string

// The kinds of domains.
const (
	// Platform is a name below the platform domain, got by slug.
	Platform Kind = "PLATFORM"
	// Custom is a name that the tenant brought.
	Custom Kind = "CUSTOM"
)

// Mode says how traffic gets from a name to the edges. It is chosen in the
// domain's first attempt and fixed from then on.
type Mode string

// The modes.
const (
	// ModeUnknown says that the zone was not looked up yet.
	ModeUnknown Mode = ""
	// Managed names are in a zone of ours.
	Managed Mode = "managed"
	// CustomHostname names go through Cloudflare for SaaS.
	CustomHostname Mode = "custom_hostname"
	// Direct names have records that lead to the edges.
	Direct Mode = "direct"
)

// Wanted is how far a domain shall be published. It moves one level at a time.
type Wanted string

// The wanted levels, Hidden < OnEdge < Public.
const (
	Hidden Wanted = "HIDDEN"
	OnEdge Wanted = "EDGE"
	Public Wanted = "ROUTED"
)

// Domain is one hostname of a site.
type Domain struct {
	ID       id.Domain
	TenantID id.Tenant
	SiteID   id.Site
	// Hostname is lower-case A-labels without a trailing dot.
	Hostname string
	Kind     Kind
	Mode     Mode
	// PreferDirect says that the tenant asked for the direct mode.
	PreferDirect bool
	// ZoneID and ZoneName are the zone of ours that holds the hostname; fixed
	// with the mode, empty in the others than managed.
	ZoneID, ZoneName string
	// Target is the name that the hostname must lead to by CNAME; fixed with the
	// mode, empty in the others than custom_hostname.
	Target string
	// Status is what was confirmed.
	Status Status
	// Wanted is how far the domain shall be published.
	Wanted Wanted
	// Lost says that the domain left its status by dns_lost: from then on it must
	// resolve to be VALIDATED again, in every mode.
	Lost bool
	// Attempts counts the attempts since the domain last went forward; the
	// time to the next one grows with it.
	Attempts int
	// ReservedUntil bars other tenants from a released name; zero before.
	ReservedUntil time.Time
	// Version grows with every change of the row.
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Page asks for a part of a tenant's domains.
type Page struct {
	// SiteID restricts it to one site; empty for all.
	SiteID id.Site
	// Last is the last domain of the page before, empty for the first page.
	Last id.Domain
	// Limit is the most domains to return.
	Limit int
	// OldestFirst turns the order round.
	OldestFirst bool
	// Filter limits it by status, mode, hostname, primary and create_time; nil for
	// all.
	Filter filter.Expr
	// Only limits it to those of these sites, unless it is nil.
	Only []id.Site
}

// EvidenceKind says what a piece of evidence is about.
type EvidenceKind string

// The kinds of evidence.
const (
	// EvidenceOwnership is about the TXT record that shows whose the hostname is.
	EvidenceOwnership EvidenceKind = "ownership"
	// EvidenceResolves is about where the hostname leads.
	EvidenceResolves EvidenceKind = "resolves"
	// EvidenceNonce is about a signed nonce fetched through the hostname.
	EvidenceNonce EvidenceKind = "nonce"
)

// Evidence is what was last seen for a domain: positive at a time, contradicted
// at a time or not. Errors are no evidence and leave it as it is.
type Evidence struct {
	DomainID id.Domain
	TenantID id.Tenant
	Kind     EvidenceKind
	// PositiveAt is when it last confirmed; zero if never.
	PositiveAt time.Time
	// ContradictedAt is since when it contradicts; zero while it does not.
	ContradictedAt time.Time
	// Detail is what was seen, as JSON.
	Detail string
	// TraceID is the trace it was taken in.
	TraceID string
}

// Store keeps domains and evidence. Every method runs inside the caller's
// transaction; an unknown id, or one of another tenant, is a
// *lifecycle.NotFoundError.
type Store interface {
	ClaimStore
	ZoneStore

	// InsertDomain writes a new domain with its first history row. A hostname that
	// the tenant claims already is a *lifecycle.TakenError.
	InsertDomain(ctx context.Context, d Domain, cause lifecycle.Cause) error
	// ListDomains returns a page of a tenant's domains, newest first, without
	// released ones.
	ListDomains(ctx context.Context, tenant id.Tenant, page Page) ([]Domain, error)
	// GetDomain returns a domain, tombstones included.
	GetDomain(ctx context.Context, tenant id.Tenant, domain id.Domain) (Domain, error)
	// DomainsOfSite returns a site's domains, oldest first, tombstones included.
	DomainsOfSite(ctx context.Context, tenant id.Tenant, site id.Site) ([]Domain, error)
	// UpdateDomain writes everything but ids, hostname, status and creation, if
	// the version is still d.Version, and raises it; else lifecycle.ErrLostRace.
	// A second domain of a hostname that is not wanted HIDDEN is ErrLostRace, too.
	// UpdatedAt is the store's clock.
	UpdateDomain(ctx context.Context, d Domain) error
	// TransitionDomain sets the status, if it is still c.From, with its history
	// row and its event; else lifecycle.ErrLostRace. Only Apply calls it. A
	// second live VALIDATED domain of one hostname is a *lifecycle.TakenError.
	TransitionDomain(ctx context.Context, c lifecycle.Change) error
	// Instructions returns the records that a domain needs from outside, in order.
	Instructions(ctx context.Context, domain id.Domain) ([]Instruction, error)
	// PutInstructions replaces them.
	PutInstructions(ctx context.Context, domain Domain, instructions []Instruction) error
	// ReservedFor returns the tenant that a released hostname is reserved for
	// at a time; ok is false when it is free.
	ReservedFor(ctx context.Context, hostname string, at time.Time) (tenant id.Tenant, ok bool, err error)
	// EndReservations frees a hostname from every reservation.
	EndReservations(ctx context.Context, hostname string) error
	// PutEvidence inserts or replaces one piece of evidence.
	PutEvidence(ctx context.Context, e Evidence) error
	// GetEvidence returns the evidence of a kind, the zero value when there is
	// none.
	GetEvidence(ctx context.Context, domain id.Domain, kind EvidenceKind) (Evidence, error)
	// Losses says how many of the tenants' own names are being lost in all: those
	// contradicted since before a time, and those that were lost after another.
	Losses(ctx context.Context, contradictedBefore, lostAfter time.Time) (Losses, error)
}

// Losses are the tenants' own names that DNS contradicts for too long, over the
// whole installation.
type Losses struct {
	// Contradicted are the hostnames of ACTIVE domains, sorted.
	Contradicted []string
	// Lost counts the domains that took dns_lost lately, and Active those that are
	// ACTIVE.
	Lost, Active int
}
