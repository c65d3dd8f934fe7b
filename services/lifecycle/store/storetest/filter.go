package storetest

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/siteplane/siteplane/services/lifecycle/filter"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var filterTests = []test{
	{"sites are found by any expression over their fields", sitesAreFiltered},
	{"domains are found by any expression over their fields", domainsAreFiltered},
	{"a pattern takes every letter but * for itself", patternsAreLiteral},
	{"a page is of what the filter leaves", filterPages},
	{"an expression that the list cannot take is an error", filterIsRefused},
}

// manySites inserts a site of every text, and what no list shows.
func (f *fixture) manySites() (sites []site.Site) {
	f.Helper()
	statuses := []site.Status{site.Created, site.Provisioning, site.DomainPendingDNS, site.Active, site.Error, site.Deleting}
	other := f.as("stranger")
	for i, text := range texts {
		for _, g := range []*fixture{f, other} {
			s, r := g.blankSite(fmt.Sprintf("%s%s%d", text, g.tenant, i))
			s.Name, s.Status, s.CreatedAt = text, statuses[i%len(statuses)], f.now.Add(time.Duration(i%4)*time.Microsecond)
			g.update(func(tx store.Tx) error { return tx.InsertSite(g.ctx, s, r, g.cause("asked for")) })
			if g == f {
				sites = append(sites, s)
			}
		}
		f.moveSite(f.newSite(text), site.Deleting, site.Deleted)
	}
	return sites
}

func siteFieldsOf(s site.Site) fields {
	return fields{"status": string(s.Status), "name": s.Name, "slug": s.Slug, "create_time": s.CreatedAt}
}

func sitesAreFiltered(f *fixture) {
	sites := f.manySites()
	rapid.Check(f.T, func(t *rapid.T) {
		e := drawExpr(t, siteFieldsOf(rapid.SampledFrom(sites).Draw(t, "like")), f.now, 3)
		var want []id.Site
		for _, s := range sites {
			if siteFieldsOf(s).holds(e) {
				want = append(want, s.ID)
			}
		}
		if got := f.listSites(site.Page{OldestFirst: true, Limit: 100, Filter: e}); !slices.Equal(got, want) {
			t.Fatalf("%#v finds %v, means %v", e, got, want)
		}
	})
}

// manyDomains inserts two domains of every text, one of them a primary now and then,
// and what no list shows.
func (f *fixture) manyDomains() (domains []network.Domain, primary map[id.Domain]bool) {
	f.Helper()
	statuses := []network.Status{network.PendingDNS, network.Routed, network.Active, network.Error, network.Releasing}
	modes := []network.Mode{network.ModeUnknown, network.Managed, network.CustomHostname, network.Direct}
	primary = map[id.Domain]bool{}
	for i, text := range texts {
		s := f.newSite(fmt.Sprintf("shop%d", i))
		f.moveDomain(f.newDomain(s, text), network.Releasing, network.Released)
		for _, suffix := range []string{".example.com", ".EXAMPLE.net"} {
			d := f.blankDomain(s, fmt.Sprint(text, i, suffix))
			d.Status, d.Mode = statuses[i%len(statuses)], modes[i%len(modes)]
			d.CreatedAt = f.now.Add(time.Duration(i%4) * time.Microsecond)
			f.update(func(tx store.Tx) error { return tx.InsertDomain(f.ctx, d, f.cause("asked for")) })
			domains = append(domains, d)
		}
		if d := domains[len(domains)-1-i%2]; i%3 == 0 {
			s.PrimaryDomainID, primary[d.ID] = d.ID, true
			f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
		}
	}
	return domains, primary
}

func domainsAreFiltered(f *fixture) {
	domains, primary := f.manyDomains()
	of := func(d network.Domain) fields {
		return fields{
			"status": string(d.Status), "mode": string(d.Mode), "hostname": d.Hostname,
			"primary": primary[d.ID], "create_time": d.CreatedAt,
		}
	}
	rapid.Check(f.T, func(t *rapid.T) {
		e := drawExpr(t, of(rapid.SampledFrom(domains).Draw(t, "like")), f.now, 3)
		var want []network.Domain
		for _, d := range domains {
			if of(d).holds(e) {
				want = append(want, d)
			}
		}
		equal(f, f.listDomains(network.Page{OldestFirst: true, Limit: 100, Filter: e}), want)
	})
}

// patternsAreLiteral gives each name as a pattern that it alone has.
func patternsAreLiteral(f *fixture) {
	sites := map[string]id.Site{}
	for _, text := range []string{"50%", "50x", "a_b", "axb", "[ab]", "?", `back\slash`, "]", "[^x]", "-"} {
		s, r := f.blankSite(text)
		s.Name, sites[text] = "name "+text, s.ID
		f.update(func(tx store.Tx) error { return tx.InsertSite(f.ctx, s, r, f.cause("asked for")) })
	}
	for text, siteID := range sites {
		for field, value := range map[string]string{"slug": text, "name": "NAME " + text} {
			like := filter.Is{Field: field, Op: filter.Like, Value: value}
			if got := f.listSites(site.Page{Limit: 10, Filter: like}); !slices.Equal(got, []id.Site{siteID}) {
				f.Errorf("%s like %q finds %v", field, value, got)
			}
		}
	}
	for value, want := range map[string]int{"NAME*": 10, "name 50*": 2, "*SLASH": 1, "name *b*": 4, "name": 0} {
		equal(f, len(f.listSites(site.Page{Limit: 20, Filter: filter.Is{Field: "name", Op: filter.Like, Value: value}})), want)
	}
	for value, want := range map[string]int{"*": 10, "50*": 2, "*SLASH": 0, "a?b": 0, "[a]*": 0} {
		equal(f, len(f.listSites(site.Page{Limit: 20, Filter: filter.Is{Field: "slug", Op: filter.Like, Value: value}})), want)
	}
}

func filterPages(f *fixture) {
	first, _, third := f.newSite("shop-1"), f.newSite("blog"), f.newSite("shop-2")
	page := site.Page{Limit: 1, Filter: filter.Is{Field: "slug", Op: filter.Like, Value: "shop*"}}
	equal(f, f.listSites(page), []id.Site{third.ID})
	page.Last = third.ID
	equal(f, f.listSites(page), []id.Site{first.ID})
	page.Only = []id.Site{third.ID}
	equal(f, f.listSites(page), nil)
}

func filterIsRefused(f *fixture) {
	f.newDomain(f.newSite("shop"), "shop.example.com")
	for _, e := range []filter.Expr{
		filter.Is{Field: "version", Op: filter.Equal, Value: "1"},
		filter.Is{Field: "status = 'ACTIVE' OR 1", Op: filter.Equal, Value: "1"},
		filter.Is{Field: "", Op: filter.Equal, Value: "1"},
		filter.Is{Field: "status", Op: "= 'ACTIVE' OR 1 =", Value: "1"},
		filter.Is{Field: "status", Op: filter.Less, Value: "1"},
		filter.Is{Field: "status", Op: filter.Equal, Value: 1},
		filter.Is{Field: "create_time", Op: "= 1 OR 1 =", Value: f.now},
		filter.Is{Field: "create_time", Op: filter.Like, Value: f.now},
		filter.Is{Field: "create_time", Op: filter.Less, Value: "2026-01-01"},
		filter.Not{},
		filter.And{filter.Is{Field: "status", Op: filter.Equal, Value: "ACTIVE"}, nil},
		filter.Or{filter.And{}, filter.Not{Inner: filter.Is{Field: "status", Op: filter.Equal}}},
	} {
		f.refused(func(tx store.Tx) error {
			_, err := tx.ListSites(f.ctx, f.tenant, site.Page{Limit: 10, Filter: e})
			return err
		})
		f.refused(func(tx store.Tx) error {
			_, err := tx.ListDomains(f.ctx, f.tenant, network.Page{Limit: 10, Filter: e})
			return err
		})
	}
	for _, e := range []filter.Is{
		{Field: "primary", Op: filter.Less, Value: true}, {Field: "primary", Op: filter.Equal, Value: "true"}, {Field: "slug", Op: filter.Equal, Value: "shop"},
	} {
		f.refused(func(tx store.Tx) error {
			_, err := tx.ListDomains(f.ctx, f.tenant, network.Page{Limit: 10, Filter: e})
			return err
		})
	}
}
