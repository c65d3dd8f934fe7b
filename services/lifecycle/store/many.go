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

// ManyStore reads for many objects at once what lists show of each: however many there
// are, a method takes two queries at most. What is not there, or is another tenant's, is
// left out.
type ManyStore interface {
	// SitesByID returns sites, tombstones included, in no order.
	SitesByID(ctx context.Context, tenant id.Tenant, sites []id.Site) ([]site.Site, error)
	// WantedRevisions returns the wanted revision of each site, in no order.
	WantedRevisions(ctx context.Context, tenant id.Tenant, sites []id.Site) ([]site.Revision, error)
	// DomainsByID returns domains, tombstones included, in no order.
	DomainsByID(ctx context.Context, tenant id.Tenant, domains []id.Domain) ([]network.Domain, error)
	// InstructionsOf returns the instructions of each domain that has some, in order.
	InstructionsOf(ctx context.Context, domains []id.Domain) (map[id.Domain][]network.Instruction, error)
	// ConditionsOf returns the conditions of the objects, those of each ordered by type.
	ConditionsOf(ctx context.Context, objectIDs []string) ([]condition.Condition, error)
	// ActiveOperations returns the operations of the objects that are not terminal, in
	// no order.
	ActiveOperations(ctx context.Context, objectIDs []string) ([]saga.Operation, error)
	// DueTimes returns when each object is due next, whatever its kind; clean ones are
	// left out.
	DueTimes(ctx context.Context, keys []string) (map[string]time.Time, error)
}
