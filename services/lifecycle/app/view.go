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

// readAbout reads it for some of them.
func readAbout(ctx context.Context, tx store.Tx, objects []string) (a about, err error) {
	a = about{conditions: map[string][]condition.Condition{}, operations: map[string]*saga.Operation{}}
	conditions, err := tx.ConditionsOf(ctx, objects)
	if err != nil {
		return a, err
	}
	for _, c := range conditions {
		a.conditions[c.ObjectID] = append(a.conditions[c.ObjectID], c)
	}
	operations, err := tx.ActiveOperations(ctx, objects)
	if err != nil {
		return a, err
	}
	for i, op := range operations {
		a.operations[op.ObjectID] = &operations[i]
	}
	a.due, err = tx.DueTimes(ctx, objects)
	return a, err
}

// viewSites adds to sites of a tenant what a caller sees of them besides.
func viewSites(ctx context.Context, tx store.Tx, tenant id.Tenant, sites []site.Site) ([]SiteView, error) {
	if len(sites) == 0 {
		return nil, nil
	}
	var ids []string
	var primaries []id.Domain
	for _, s := range sites {
		ids = append(ids, string(s.ID))
		if s.PrimaryDomainID != "" {
			primaries = append(primaries, s.PrimaryDomainID)
		}
	}
	specs, err := wantedSpecs(ctx, tx, tenant, sites)
	if err != nil {
		return nil, err
	}
	domains, err := primaryDomains(ctx, tx, tenant, primaries)
	if err != nil {
		return nil, err
	}
	a, err := readAbout(ctx, tx, append(ids, idsOf(domains)...))
	if err != nil {
		return nil, err
	}
	shown, err := showDomains(ctx, tx, domains, a, func(network.Domain) bool { return true })
	if err != nil {
		return nil, err
	}
	byID := map[id.Domain]*DomainView{}
	for i := range shown {
		byID[shown[i].Domain.ID] = &shown[i]
	}
	views := make([]SiteView, len(sites))
	for i, s := range sites {
		views[i] = a.site(s, specs[s.ID], byID[s.PrimaryDomainID])
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
func wantedSpecs(ctx context.Context, tx store.Tx, tenant id.Tenant, sites []site.Site) (map[id.Site]site.Spec, error) {
	var live []id.Site
	for _, s := range sites {
		if s.Status != site.Deleted {
			live = append(live, s.ID)
		}
	}
	specs := make(map[id.Site]site.Spec, len(live))
	if len(live) == 0 {
		return specs, nil
	}
	revisions, err := tx.WantedRevisions(ctx, tenant, live)
	if err != nil {
		return nil, err
	}
	for _, r := range revisions {
		specs[r.SiteID] = r.Spec
	}
	for _, siteID := range live {
		if _, ok := specs[siteID]; !ok {
			return nil, fmt.Errorf("read the wanted revision: %w", &lifecycle.NotFoundError{Kind: "revision", ID: string(siteID)})
		}
	}
	return specs, nil
}

func primaryDomains(ctx context.Context, tx store.Tx, tenant id.Tenant, ids []id.Domain) ([]network.Domain, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return tx.DomainsByID(ctx, tenant, ids)
}

// viewDomains adds to domains of a tenant what a caller sees of them besides.
func viewDomains(ctx context.Context, tx store.Tx, tenant id.Tenant, domains []network.Domain) ([]DomainView, error) {
	if len(domains) == 0 {
		return nil, nil
	}
	var sites []id.Site
	for _, d := range domains {
		sites = append(sites, d.SiteID)
	}
	owners, err := tx.SitesByID(ctx, tenant, sites)
	if err != nil {
		return nil, err
	}
	primary := map[id.Domain]bool{}
	for _, s := range owners {
		primary[s.PrimaryDomainID] = true
	}
	a, err := readAbout(ctx, tx, idsOf(domains))
	if err != nil {
		return nil, err
	}
	return showDomains(ctx, tx, domains, a, func(d network.Domain) bool { return primary[d.ID] })
}

// showDomains shows domains of which all else is read.
func showDomains(ctx context.Context, tx store.Tx, domains []network.Domain, a about, primary func(network.Domain) bool) ([]DomainView, error) {
	if len(domains) == 0 {
		return nil, nil
	}
	var ids []id.Domain
	for _, d := range domains {
		ids = append(ids, d.ID)
	}
	instructions, err := tx.InstructionsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	views := make([]DomainView, len(domains))
	for i, d := range domains {
		views[i] = DomainView{
			Domain: d, Primary: primary(d), Conditions: a.conditions[string(d.ID)], Instructions: instructions[d.ID],
			NextAttemptAt: a.due[string(d.ID)], Operation: a.operations[string(d.ID)],
		}
	}
	return views, nil
}

func idsOf(domains []network.Domain) (ids []string) {
	for _, d := range domains {
		ids = append(ids, string(d.ID))
	}
	return ids
}
