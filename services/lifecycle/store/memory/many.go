package memory

import (
	"context"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// each returns what a lookup finds for each of the keys.
func each[K ~string, R any](keys []K, find func(K) (R, bool)) (found []R) {
	for _, key := range distinct(keys) {
		if row, ok := find(key); ok {
			found = append(found, row)
		}
	}
	return found
}

// distinct returns the keys in order, each once.
func distinct[K ~string](keys []K) []K { return slices.Compact(slices.Sorted(slices.Values(keys))) }

// SitesByID returns sites, tombstones included.
func (t *tx) SitesByID(_ context.Context, tenant id.Tenant, sites []id.Site) ([]site.Site, error) {
	return each(sites, func(siteID id.Site) (site.Site, bool) {
		s, ok := t.sites.get(site.Site{ID: siteID})
		return s, ok && s.TenantID == tenant
	}), nil
}

// WantedRevisions returns the wanted revision of each site.
func (t *tx) WantedRevisions(_ context.Context, tenant id.Tenant, sites []id.Site) ([]site.Revision, error) {
	return each(sites, func(siteID id.Site) (r site.Revision, ok bool) {
		s, ok := t.sites.get(site.Site{ID: siteID})
		if !ok || s.TenantID != tenant {
			return r, false
		}
		return t.revisions.get(site.Revision{SiteID: siteID, Number: s.WantedRevision})
	}), nil
}

// DomainsByID returns domains, tombstones included.
func (t *tx) DomainsByID(_ context.Context, tenant id.Tenant, domains []id.Domain) ([]network.Domain, error) {
	return each(domains, func(domainID id.Domain) (network.Domain, bool) {
		d, ok := t.domains.get(network.Domain{ID: domainID})
		return d, ok && d.TenantID == tenant
	}), nil
}

// InstructionsOf returns the instructions of each domain that has some, in order.
func (t *tx) InstructionsOf(_ context.Context, domains []id.Domain) (map[id.Domain][]network.Instruction, error) {
	of := map[id.Domain][]network.Instruction{}
	for _, domain := range domains {
		if i, ok := t.instructions.get(instructions{domain: domain}); ok && len(i.list) > 0 {
			of[domain] = i.list
		}
	}
	return of, nil
}

// ConditionsOf returns the conditions of the objects, those of each ordered by type.
func (t *tx) ConditionsOf(ctx context.Context, objectIDs []string) (out []condition.Condition, err error) {
	for _, objectID := range distinct(objectIDs) {
		conditions, err := t.Conditions(ctx, objectID)
		if err != nil {
			return nil, err
		}
		out = append(out, conditions...)
	}
	return out, nil
}

// ActiveOperations returns the operations of the objects that are not terminal.
func (t *tx) ActiveOperations(ctx context.Context, objectIDs []string) (out []saga.Operation, err error) {
	for _, objectID := range distinct(objectIDs) {
		o, ok, err := t.ActiveOperation(ctx, objectID)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, o)
		}
	}
	return out, nil
}

// DueTimes returns when each object is due next.
func (t *tx) DueTimes(_ context.Context, keys []string) (map[string]time.Time, error) {
	of := map[string]time.Time{}
	for _, key := range keys {
		for _, kind := range []worker.Kind{worker.Site, worker.Domain, worker.Edge, worker.Tunnel} {
			if w, ok := t.workOf(kind, key); ok && w.dirty() {
				of[key] = w.dueAt
			}
		}
	}
	return of, nil
}
