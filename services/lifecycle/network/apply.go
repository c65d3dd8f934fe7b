package network

import (
	"context"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// SiteAndDomainStore is what a change of a domain's status needs.
type SiteAndDomainStore interface {
	Store
	site.Store
}

// Apply moves a domain by one event of the transition table, and its site with
// it when the domain is the primary. It is the only way a domain's status
// changes. The site is read first: site before domain is the lock order.
func Apply(ctx context.Context, store SiteAndDomainStore, d Domain, event Event, cause lifecycle.Cause) (Domain, error) {
	s, err := store.GetSite(ctx, d.TenantID, d.SiteID)
	if err != nil {
		return d, err
	}
	to, err := Machine.Next(d.Status, event)
	if err != nil {
		return d, err
	}
	change := lifecycle.Change{
		ObjectID: string(d.ID), TenantID: string(d.TenantID),
		From: string(d.Status), Event: string(event), To: string(to), Cause: cause,
	}
	if err := store.TransitionDomain(ctx, change); err != nil {
		return d, err
	}
	if d, err = store.GetDomain(ctx, d.TenantID, d.ID); err != nil {
		return d, err
	}
	if s.PrimaryDomainID == d.ID {
		_, err = Project(ctx, store, s, &d, cause)
	}
	return d, err
}

// Project makes a site's status show its primary domain, nil for none, walking
// the site's table one allowed row at a time. A site that has not passed
// PROVISIONING, or is in ERROR or on its way out, keeps its status.
func Project(ctx context.Context, store site.Store, s site.Site, primary *Domain, cause lifecycle.Cause) (site.Site, error) {
	want := projection(primary)
	for s.Status.PastProvisioning() && s.Status != want {
		event := towards(s.Status, want)
		next, err := site.Apply(ctx, store, s, event, cause)
		if err != nil {
			return s, fmt.Errorf("project the primary domain: %w", err)
		}
		s = next
	}
	return s, nil
}

// projection is the status of a site past PROVISIONING with this primary.
func projection(primary *Domain) site.Status {
	if primary == nil {
		return site.DomainPendingDNS
	}
	switch primary.Status {
	case Validated:
		return site.DomainValidated
	case Routed:
		return site.DomainRouted
	case Active:
		return site.Active
	case Error:
		return site.Error
	}
	return site.DomainPendingDNS
}

// rank orders the statuses that a projection can walk through.
var rank = map[site.Status]int{
	site.DomainPendingDNS: 0, site.DomainValidated: 1, site.DomainRouted: 2, site.Active: 3,
}

// towards returns the event of the one row that leads nearer to want.
func towards(from, want site.Status) site.Event {
	switch {
	case want == site.Error:
		return site.Fail
	case rank[want] < rank[from]:
		return site.DNSLost
	case from == site.DomainPendingDNS:
		return site.DNSValidated
	case from == site.DomainValidated:
		return site.Routed
	}
	return site.Serving
}
