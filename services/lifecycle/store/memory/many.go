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
	"github.com/siteplane/siteplane/services/lifecycle/store"
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

// Details returns what is shown of a tenant's sites and domains.
func (t *tx) Details(ctx context.Context, tenant id.Tenant, sites []id.Site, domains []id.Domain) (d store.Details, err error) {
	var objects []string
	for _, s := range sites {
		objects = append(objects, string(s))
	}
	for _, domain := range domains {
		objects = append(objects, string(domain))
	}
	d = store.Details{
		Revisions: t.wantedRevisions(tenant, sites), Domains: t.domainsByID(tenant, domains),
		Instructions: t.instructionsOf(domains), Due: t.dueTimes(objects),
	}
	if d.Conditions, err = t.conditionsOf(ctx, objects); err == nil {
		d.Operations, err = t.activeOperations(ctx, objects)
	}
	return d, err
}

func (t *tx) wantedRevisions(tenant id.Tenant, sites []id.Site) []site.Revision {
	return each(sites, func(siteID id.Site) (r site.Revision, ok bool) {
		s, ok := t.sites.get(site.Site{ID: siteID})
		if !ok || s.TenantID != tenant {
			return r, false
		}
		return t.revisions.get(site.Revision{SiteID: siteID, Number: s.WantedRevision})
	})
}

func (t *tx) domainsByID(tenant id.Tenant, domains []id.Domain) []network.Domain {
	return each(domains, func(domainID id.Domain) (network.Domain, bool) {
		d, ok := t.domains.get(network.Domain{ID: domainID})
		return d, ok && d.TenantID == tenant
	})
}

func (t *tx) instructionsOf(domains []id.Domain) map[id.Domain][]network.Instruction {
	of := map[id.Domain][]network.Instruction{}
	for _, domain := range domains {
		if i, ok := t.instructions.get(instructions{domain: domain}); ok && len(i.list) > 0 {
			of[domain] = i.list
		}
	}
	return of
}

func (t *tx) conditionsOf(ctx context.Context, objectIDs []string) (out []condition.Condition, err error) {
	for _, objectID := range distinct(objectIDs) {
		conditions, err := t.Conditions(ctx, objectID)
		if err != nil {
			return nil, err
		}
		out = append(out, conditions...)
	}
	return out, nil
}

func (t *tx) activeOperations(ctx context.Context, objectIDs []string) (out []saga.Operation, err error) {
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

func (t *tx) dueTimes(keys []string) map[string]time.Time {
	of := map[string]time.Time{}
	for _, key := range keys {
		for _, kind := range []worker.Kind{worker.Site, worker.Domain, worker.Edge, worker.Tunnel} {
			if w, ok := t.workOf(kind, key); ok && w.dirty() {
				of[key] = w.dueAt
			}
		}
	}
	return of
}
