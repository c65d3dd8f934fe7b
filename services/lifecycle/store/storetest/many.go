package storetest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

var manyTests = []test{
	{"what is read of many objects is what is read of each", manyAreEach},
	{"of many, others and those of other tenants are left out", manyWithoutOthers},
	{"of no objects nothing is read", manyOfNone},
}

// crowd is some sites with a domain each, all of which have something to show.
type crowd struct {
	sites   []site.Site
	domains []network.Domain
}

func (f *fixture) newCrowd() (c crowd) {
	f.Helper()
	for _, slug := range []string{"one", "two", "three"} {
		s := f.newSite(slug)
		d := f.newDomain(s, slug+".example.com")
		f.putInstructions(d, fullInstructions()...)
		for _, kind := range []condition.Type{condition.Serving, condition.Owned} {
			f.putCondition(f.blankCondition(string(d.ID), kind))
		}
		f.putCondition(f.blankCondition(string(s.ID), condition.EdgeSynced))
		c.sites, c.domains = append(c.sites, f.getSite(s)), append(c.domains, d)
	}
	f.newOperation(string(c.sites[0].ID))
	f.must(f.setState(f.newOperation(string(c.sites[1].ID)), saga.Succeeded))
	f.update(func(tx store.Tx) error {
		r := site.Revision{SiteID: c.sites[1].ID, CreatedAt: f.now, Spec: site.Spec{
			Origin: &site.Origin{Targets: []site.Target{{Address: "192.0.2.7:80", Weight: 2}, {Address: "192.0.2.6:80", Weight: 1}}},
			Routes: []site.Route{{PathPrefix: "/api/", Origin: site.Origin{Targets: []site.Target{{Address: "192.0.2.8:80", Weight: 1}}}}},
		}}
		_, err := tx.AddRevision(f.ctx, f.tenant, r)
		return err
	})
	c.sites[1].WantedRevision = 2
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, c.sites[1]) })
	c.sites[1] = f.getSite(c.sites[1])
	f.update(func(tx store.Tx) error {
		m := worker.Mark{Kind: worker.Site, Key: string(c.sites[2].ID), TenantID: string(f.tenant), DueAt: f.now.Add(time.Hour)}
		if err := tx.MarkWork(f.ctx, m); err != nil {
			return err
		}
		m.DueAt = f.now.Add(time.Minute)
		return tx.MarkWork(f.ctx, m)
	})
	return c
}

// ids are those of the objects, and one that is nobody's.
func (c crowd) ids() (sites []id.Site, domains []id.Domain) {
	for i := range c.sites {
		sites, domains = append(sites, c.sites[i].ID), append(domains, c.domains[i].ID)
	}
	return append(sites, "site_1"), append(domains, "dom_1")
}

// many is everything that can be read of many objects, in an order of its own.
type many struct {
	sites        []site.Site
	revisions    []site.Revision
	domains      []network.Domain
	instructions map[id.Domain][]network.Instruction
	conditions   map[string][]condition.Condition
	operations   []saga.Operation
	due          map[string]time.Time
}

func (f *fixture) readMany(sites []id.Site, domains []id.Domain) many {
	f.Helper()
	return read(f, func(tx store.Tx) (m many, err error) {
		if m.sites, err = tx.SitesByID(f.ctx, f.tenant, sites); err != nil {
			return m, err
		}
		d, err := tx.Details(f.ctx, f.tenant, sites, domains)
		m.revisions, m.domains, m.instructions, m.operations, m.due = d.Revisions, d.Domains, d.Instructions, d.Operations, d.Due
		m.conditions = map[string][]condition.Condition{}
		for _, c := range d.Conditions {
			m.conditions[c.ObjectID] = append(m.conditions[c.ObjectID], c)
		}
		m.sort()
		return m, err
	})
}

func (m many) sort() {
	slices.SortFunc(m.sites, func(a, b site.Site) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(m.revisions, func(a, b site.Revision) int { return cmp.Compare(a.SiteID, b.SiteID) })
	slices.SortFunc(m.domains, func(a, b network.Domain) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(m.operations, func(a, b saga.Operation) int { return cmp.Compare(a.ID, b.ID) })
}

// readEach reads the same, one after the other.
func (f *fixture) readEach(c crowd) many {
	f.Helper()
	return read(f, func(tx store.Tx) (m many, err error) {
		m = many{
			sites: slices.Clone(c.sites), domains: slices.Clone(c.domains), instructions: map[id.Domain][]network.Instruction{},
			conditions: map[string][]condition.Condition{}, due: map[string]time.Time{},
		}
		for i, s := range c.sites {
			d := c.domains[i]
			r, err := tx.GetRevision(f.ctx, f.tenant, s.ID, s.WantedRevision)
			if err != nil {
				return m, err
			}
			m.revisions = append(m.revisions, r)
			if m.instructions[d.ID], err = tx.Instructions(f.ctx, d.ID); err != nil {
				return m, err
			}
			for _, object := range []string{string(s.ID), string(d.ID)} {
				if m.conditions[object], err = tx.Conditions(f.ctx, object); err != nil {
					return m, err
				}
			}
			if o, ok, err := tx.ActiveOperation(f.ctx, string(s.ID)); err != nil {
				return m, err
			} else if ok {
				m.operations = append(m.operations, o)
			}
			if at, ok, err := tx.DueAt(f.ctx, worker.Site, string(s.ID)); err != nil {
				return m, err
			} else if ok {
				m.due[string(s.ID)] = at
			}
		}
		m.sort()
		return m, nil
	})
}

func manyAreEach(f *fixture) {
	c := f.newCrowd()
	want := f.readEach(c)
	if len(want.operations) != 1 || len(want.due) != 1 || want.revisions[1].Number != 2 {
		f.Fatalf("the crowd is %+v", want)
	}
	f.sameMany(f.readMany(c.ids()), want)
	// However often it is asked for.
	sites, domains := c.ids()
	f.sameMany(f.readMany(append(sites, sites...), append(domains, domains...)), want)
}

func (f *fixture) sameMany(got, want many) {
	f.Helper()
	equal(f, got.sites, want.sites)
	equal(f, got.revisions, want.revisions)
	equal(f, got.domains, want.domains)
	equal(f, got.instructions, want.instructions)
	equal(f, got.conditions, want.conditions)
	equal(f, got.operations, want.operations)
	equal(f, got.due, want.due)
}

func manyWithoutOthers(f *fixture) {
	mine, other := f.newCrowd(), f.as("rival")
	theirs := other.newSite("theirs")
	domain := other.newDomain(theirs, "theirs.example.com")
	sites, domains := mine.ids()
	got := f.readMany(append(sites[:1:1], theirs.ID), append(domains[:1:1], domain.ID))
	equal(f, got.sites, mine.sites[:1])
	equal(f, len(got.revisions), 1)
	equal(f, got.domains, mine.domains[:1])
	equal(f, slices.Sorted(maps.Keys(got.conditions)), []string{string(domains[0]), string(sites[0])})
	if !strings.HasPrefix(got.operations[0].ObjectID, "site_") || len(got.operations) != 1 {
		f.Errorf("operations are %v", got.operations)
	}
}

func manyOfNone(f *fixture) {
	f.newCrowd()
	got := f.readMany(nil, nil)
	if n := len(got.sites) + len(got.revisions) + len(got.domains) + len(got.instructions) + len(got.conditions) + len(got.operations) + len(got.due); n > 0 {
		f.Errorf("read was %+v", got)
	}
}
