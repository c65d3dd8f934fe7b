package app

import (
	"context"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// What a caller sees of sites and domains is read here, for a page of them with as many
// queries as for one.

// about is what sites and domains have in common.
type about struct {
	conditions map[string][]condition.Condition
	operations map[string]*saga.Operation
	due        map[string]time.Time
}

func aboutOf(d store.Details) about {
	a := about{conditions: map[string][]condition.Condition{}, operations: map[string]*saga.Operation{}, due: d.Due}
	for _, c := range d.Conditions {
		a.conditions[c.ObjectID] = append(a.conditions[c.ObjectID], c)
	}
	for i, op := range d.Operations {
		a.operations[op.ObjectID] = &d.Operations[i]
	}
	return a
}

// viewSites adds to sites of a tenant what a caller sees of them besides.
func viewSites(ctx context.Context, tx store.Tx, tenant id.Tenant, sites []site.Site) ([]SiteView, error) {
	if len(sites) == 0 {
		return nil, nil
	}
	var ids []id.Site
	var primaries []id.Domain
	for _, s := range sites {
		ids = append(ids, s.ID)
		if s.PrimaryDomainID != "" {
			primaries = append(primaries, s.PrimaryDomainID)
		}
	}
	details, err := tx.Details(ctx, tenant, ids, primaries)
	if err != nil {
		return nil, err
	}
	specs, err := wantedSpecs(sites, details.Revisions)
	if err != nil {
		return nil, err
	}
	a := aboutOf(details)
	shown := map[id.Domain]*DomainView{}
	for _, d := range details.Domains {
		view := a.domain(d, true, details.Instructions)
		shown[d.ID] = &view
	}
	views := make([]SiteView, len(sites))
	for i, s := range sites {
		views[i] = a.site(s, specs[s.ID], shown[s.PrimaryDomainID])
	}
	return views, nil
}

// site shows a site; primary is nil for none.
func (a about) site(s site.Site, spec site.Spec, primary *DomainView) SiteView {
	view := SiteView{
		Site: s, Spec: spec, Conditions: a.conditions[string(s.ID)], NextAttemptAt: a.due[string(s.ID)],
		Primary: primary, Operation: a.operations[string(s.ID)],
	}
	if view.Operation == nil && primary != nil {
		view.Operation = primary.Operation
	}
	return view
}

// wantedSpecs returns the wanted specs of those sites that have one: a tombstone has none.
func wantedSpecs(sites []site.Site, revisions []site.Revision) (map[id.Site]site.Spec, error) {
	specs := make(map[id.Site]site.Spec, len(revisions))
	for _, r := range revisions {
		specs[r.SiteID] = r.Spec
	}
	for _, s := range sites {
		if s.Status == site.Deleted {
			delete(specs, s.ID)
		} else if _, ok := specs[s.ID]; !ok {
			return nil, fmt.Errorf("read the wanted revision: %w", &lifecycle.NotFoundError{Kind: "revision", ID: string(s.ID)})
		}
	}
	return specs, nil
}

// viewDomains adds to domains of a tenant what a caller sees of them besides.
func viewDomains(ctx context.Context, tx store.Tx, tenant id.Tenant, domains []network.Domain) ([]DomainView, error) {
	if len(domains) == 0 {
		return nil, nil
	}
	var sites []id.Site
	var ids []id.Domain
	for _, d := range domains {
		sites, ids = append(sites, d.SiteID), append(ids, d.ID)
	}
	owners, err := tx.SitesByID(ctx, tenant, sites)
	if err != nil {
		return nil, err
	}
	primary := map[id.Domain]bool{}
	for _, s := range owners {
		primary[s.PrimaryDomainID] = true
	}
	details, err := tx.Details(ctx, tenant, nil, ids)
	if err != nil {
		return nil, err
	}
	a := aboutOf(details)
	views := make([]DomainView, len(domains))
	for i, d := range domains {
		views[i] = a.domain(d, primary[d.ID], details.Instructions)
	}
	return views, nil
}

func (a about) domain(d network.Domain, primary bool, instructions map[id.Domain][]network.Instruction) DomainView {
	return DomainView{
		Domain: d, Primary: primary, Conditions: a.conditions[string(d.ID)], Instructions: instructions[d.ID],
		NextAttemptAt: a.due[string(d.ID)], Operation: a.operations[string(d.ID)],
	}
}
