package network

import "github.com/siteplane/siteplane/services/lifecycle/machine"

// Status is how far a domain has come. Only Machine decides what may follow.
type Status string

// The statuses of a domain.
const (
	PendingDNS Status = "PENDING_DNS"
	Validated  Status = "VALIDATED"
	Routed     Status = "ROUTED"
	Active     Status = "ACTIVE"
	Error      Status = "ERROR"
	Releasing  Status = "RELEASING"
	Released   Status = "RELEASED"
)

// Event is what moves a domain.
type Event string

// The events of a domain.
const (
	Validate Event = "validated"
	Route    Event = "routed"
	Serve    Event = "serving"
	DNSLost  Event = "dns_lost"
	Fail     Event = "fail"
	Retry    Event = "retry"
	Release  Event = "release"
	Finish   Event = "released"
)

// Machine is the transition table of a domain.
var Machine = machine.Machine[Status, Event]{
	Name:    "domain",
	Initial: PendingDNS,
	Table: []machine.Transition[Status, Event]{
		{From: []Status{PendingDNS}, Event: Validate, To: Validated,
			When: "DNS shows what the mode demands"},
		{From: []Status{Validated}, Event: Route, To: Routed,
			When: "hostname on the edges; rule and record, where the mode has them, read back"},
		{From: []Status{Routed}, Event: Serve, To: Active,
			When: "a signed nonce fetched through the hostname came from our edge"},
		{From: []Status{Validated, Routed, Active}, Event: DNSLost, To: PendingDNS,
			When: "contradicted beyond grace; errors never count; never for a platform name"},
		{From: []Status{Validated, Routed}, Event: Fail, To: Error,
			When: "permanent failure or attempts spent, compensation done"},
		{From: []Status{Error}, Event: Retry, To: PendingDNS,
			When: "asked for"},
		{From: []Status{PendingDNS, Validated, Routed, Active, Error}, Event: Release, To: Releasing,
			When: "removed, transferred, or its site goes"},
		{From: []Status{Releasing}, Event: Finish, To: Released,
			When: "hidden everywhere, read back; the name is reserved until a date"},
	},
}

// Live reports whether the domain still claims its hostname.
func (s Status) Live() bool { return s != Releasing && s != Released }

// Verified reports whether the domain has shown that its hostname is the
// tenant's, and holds it.
func (s Status) Verified() bool { return s == Validated || s == Routed || s == Active }
