package store

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// ManyStore reads for many objects at once what is shown of each: however many there
// are, a method takes one round trip. What is not there, or is another tenant's, is left
// out.
type ManyStore interface {
	// SitesByID returns sites, tombstones included, in no order.
	SitesByID(ctx context.Context, tenant id.Tenant, sites []id.Site) ([]site.Site, error)
	// Details returns what is shown of a tenant's sites and domains. The caller knows the
	// sites; the domains are among the details.
	Details(ctx context.Context, tenant id.Tenant, sites []id.Site, domains []id.Domain) (Details, error)
}

// Details are what is shown of some sites and domains.
type Details struct {
	// Revisions are those that are wanted of the sites, in no order; a tombstone has none.
	Revisions []site.Revision
	// Domains are in no order, tombstones included.
	Domains []network.Domain
	// Instructions are those of each domain that has some, in order.
	Instructions map[id.Domain][]network.Instruction
	// Conditions are those of all objects, for each ordered by type.
	Conditions []condition.Condition
	// Operations are those of all objects that are not terminal, in no order.
	Operations []saga.Operation
	// Due says when each object is due next, by its id; clean ones are left out.
	Due map[string]time.Time
}
