package site

import "github.com/siteplane/siteplane/services/lifecycle/machine"

// Status is how far a site has come. Only Machine decides what may follow.
type Status string

// The statuses of a site.
const (
	Created          Status = "CREATED"
	Provisioning     Status = "PROVISIONING"
	DomainPendingDNS Status = "DOMAIN_PENDING_DNS"
	DomainValidated  Status = "DOMAIN_VALIDATED"
	DomainRouted     Status = "DOMAIN_ROUTED"
	Active           Status = "ACTIVE"
	Error            Status = "ERROR"
	Deleting         Status = "DELETING"
	Deleted          Status = "DELETED"
)

// Event is what moves a site.
type Event string

// The events of a site.
const (
	Provision      Event = "provision"
	EdgeReady      Event = "edge_ready"
	DNSValidated   Event = "dns_validated"
	Routed         Event = "routed"
	Serving        Event = "serving"
	DNSLost        Event = "dns_lost"
	Fail           Event = "fail"
	PrimaryChanged Event = "primary_changed"
	Retry          Event = "retry"
	Delete         Event = "delete"
	Finish         Event = "deleted"
)

// Machine is the transition table of a site. From DOMAIN_PENDING_DNS to ACTIVE
// the status is the projection of the primary domain.
var Machine = machine.Machine[Status, Event]{
	Name:    "site",
	Initial: Created,
	Table: []machine.Transition[Status, Event]{
		{From: []Status{Created}, Event: Provision, To: Provisioning,
			When: "spec valid, limits and name free (row and operation committed together)"},
		{From: []Status{Provisioning}, Event: EdgeReady, To: DomainPendingDNS,
			When: "the required edges proved a generation that answers for this site under its internal name"},
		{From: []Status{DomainPendingDNS}, Event: DNSValidated, To: DomainValidated,
			When: "what the primary domain's mode demands"},
		{From: []Status{DomainValidated}, Event: Routed, To: DomainRouted,
			When: "hostname on the edges; rule and record, where the mode has them, read back"},
		{From: []Status{DomainRouted}, Event: Serving, To: Active,
			When: "a signed nonce fetched through the hostname came from our edge"},
		{From: []Status{DomainValidated, DomainRouted, Active}, Event: DNSLost, To: DomainPendingDNS,
			When: "contradicted beyond grace; errors never count"},
		{From: []Status{Created, Provisioning, DomainValidated, DomainRouted}, Event: Fail, To: Error,
			When: "permanent failure or attempts spent, compensation done"},
		{From: []Status{DomainValidated, DomainRouted}, Event: PrimaryChanged, To: DomainPendingDNS,
			When: "another primary was named"},
		{From: []Status{Error}, Event: Retry, To: Provisioning,
			When: "the primary is retried with it"},
		{From: []Status{Created, Provisioning, DomainPendingDNS, DomainValidated, DomainRouted, Active, Error}, Event: Delete, To: Deleting,
			When: "pre-empts a running operation"},
		{From: []Status{Deleting}, Event: Finish, To: Deleted,
			When: "unpublished on every edge not evicted, on the tunnel and in DNS, read back"},
	},
}

// PastProvisioning reports whether a status shows that the required edges have
// answered for the site, so that its domains may go forward.
func (s Status) PastProvisioning() bool {
	switch s {
	case DomainPendingDNS, DomainValidated, DomainRouted, Active:
		return true
	}
	return false
}

// Live reports whether the site still holds its slug.
func (s Status) Live() bool { return s != Deleted }
