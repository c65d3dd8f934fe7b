package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var pinTests = []test{
	{"a pin is kept as it was written", pinIsKept},
	{"a site's pin on an edge is replaced by the next", pinIsReplaced},
	{"a site's pins are ordered by edge, an edge's by site", pinsAreOrdered},
	{"a lifted pin is gone, and lifting none does nothing", pinIsLifted},
	{"a pin of an unknown edge or site, or another tenant's, is refused", pinOfUnknown},
	{"where the wanted revision is pinned the confirmed one is desired", pinServesConfirmed},
	{"where the first revision is pinned the site counts as absent", pinServesNothing},
	{"where the confirmed revision is pinned and none was kept the site counts as absent", pinOfConfirmed},
	{"where the confirmed revision is pinned the kept one is desired", pinServesKept},
	{"a pin of a revision that is not wanted any more does nothing", pinOfUnwanted},
	{"a pin does nothing on another edge", pinElsewhere},
	{"a pin does not bring back a site that is not wanted", pinOfAbsent},
	{"a pin leaves the routed domains alone", pinLeavesRoutes},
}

func blankPin(e edge.Edge, s site.Site, revision int64) edge.Pin {
	return edge.Pin{
		EdgeID: e.ID, SiteID: s.ID, TenantID: s.TenantID, Revision: revision,
		RendererVersion: "v7", NginxVersion: "1.29.3", Message: "invalid header", CreatedAt: s.CreatedAt,
	}
}

// pin pins a revision and returns the pin.
func (f *fixture) pin(e edge.Edge, s site.Site, revision int64) edge.Pin {
	f.Helper()
	p := blankPin(e, s, revision)
	f.update(func(tx store.Tx) error { return tx.PutPin(f.ctx, p) })
	return p
}

func (f *fixture) unpin(e id.Edge, s id.Site) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.DeletePin(f.ctx, e, s) })
}

func (f *fixture) pinsOfSite(s site.Site) []edge.Pin {
	f.Helper()
	return read(f, func(tx store.Tx) ([]edge.Pin, error) { return tx.PinsOfSite(f.ctx, s.ID) })
}

func (f *fixture) pinsOfEdge(e edge.Edge) []edge.Pin {
	f.Helper()
	return read(f, func(tx store.Tx) ([]edge.Pin, error) { return tx.PinsOfEdge(f.ctx, e.ID) })
}

func pinIsKept(f *fixture) {
	e, s := f.newEdge("one"), f.newSite("shop")
	equal(f, f.pinsOfSite(s), nil)
	equal(f, f.pinsOfEdge(e), nil)
	p := blankPin(e, s, 1<<40)
	p.KeptRevision = 1 << 41
	f.update(func(tx store.Tx) error { return tx.PutPin(f.ctx, p) })
	equal(f, f.pinsOfSite(s), []edge.Pin{p})
	equal(f, f.pinsOfEdge(e), []edge.Pin{p})
}

func pinIsReplaced(f *fixture) {
	e, s := f.newEdge("one"), f.newSite("shop")
	p := f.pin(e, s, 1)
	p.Revision, p.KeptRevision, p.RendererVersion, p.NginxVersion = 2, 1, "v8", "1.29.4"
	p.Message, p.CreatedAt = "another", f.now.Add(time.Hour)
	f.update(func(tx store.Tx) error { return tx.PutPin(f.ctx, p) })
	equal(f, f.pinsOfSite(s), []edge.Pin{p})
}

func pinsAreOrdered(f *fixture) {
	one, two, s, other := f.newEdge("one"), f.newEdge("two"), f.newSite("shop"), f.newSite("other")
	last, late := f.pin(two, other, 1), f.pin(two, s, 1)
	second, first := f.pin(one, other, 1), f.pin(one, s, 1)
	equal(f, f.pinsOfSite(s), []edge.Pin{first, late})
	equal(f, f.pinsOfSite(other), []edge.Pin{second, last})
	equal(f, f.pinsOfEdge(one), []edge.Pin{first, second})
	equal(f, f.pinsOfEdge(two), []edge.Pin{late, last})
}

func pinIsLifted(f *fixture) {
	one, two, s, other := f.newEdge("one"), f.newEdge("two"), f.newSite("shop"), f.newSite("other")
	f.pin(one, s, 1)
	elsewhere, others := f.pin(two, s, 1), f.pin(one, other, 1)
	f.unpin(one.ID, s.ID)
	f.unpin(one.ID, s.ID)
	f.unpin("edge_1", "site_1")
	equal(f, f.pinsOfSite(s), []edge.Pin{elsewhere})
	equal(f, f.pinsOfEdge(one), []edge.Pin{others})
}

func pinOfUnknown(f *fixture) {
	e, s := f.newEdge("one"), f.newSite("shop")
	put := func(change func(p *edge.Pin)) error {
		p := blankPin(e, s, 1)
		change(&p)
		return f.try(func(tx store.Tx) error { return tx.PutPin(f.ctx, p) })
	}
	f.notFound(put(func(p *edge.Pin) { p.EdgeID = "edge_1" }), "edge", "edge_1")
	f.notFound(put(func(p *edge.Pin) { p.SiteID = "site_1" }), "site", "site_1")
	stranger := f.newTenant("stranger")
	f.notFound(put(func(p *edge.Pin) { p.TenantID = stranger }), "site", string(s.ID))
	equal(f, f.pinsOfSite(s), nil)
}

// revised is a site wanted in its second revision, of which the given one is
// confirmed; the first has the full spec and the site a hostname.
func (f *fixture) revised(slug string, confirmed int64) (site.Site, []site.Revision) {
	f.Helper()
	s, first := f.blankSite(slug)
	s.Wanted, s.ConfirmedRevision = site.Present, confirmed
	second := first
	first.Spec = fullSpec()
	f.update(func(tx store.Tx) error {
		f.must(tx.InsertSite(f.ctx, s, first, f.cause("asked for")))
		var err error
		second, err = tx.AddRevision(f.ctx, s.TenantID, second)
		return err
	})
	f.publish(f.newDomain(s, slug+".example.com"), network.Public)
	s.WantedRevision = second.Number
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
	return f.getSite(s), []site.Revision{first, second}
}

func (f *fixture) desiredOn(e edge.Edge, sites []id.Site) []desired.Row {
	f.Helper()
	return read(f, func(tx store.Tx) ([]desired.Row, error) { return tx.DesiredRows(f.ctx, e.ID, sites) })
}

// serves checks that an edge shall hold a site in a revision, whether all sites are
// asked for or that one.
func (f *fixture) serves(e edge.Edge, s site.Site, r site.Revision) {
	f.Helper()
	want := rowOf(s, r)
	want.Revision, want.Hostnames = r.Number, []string{s.Slug + ".example.com"}
	equal(f, f.desiredOn(e, []id.Site{s.ID}), []desired.Row{want})
	for _, row := range f.desiredOn(e, nil) {
		if row.SiteID == s.ID {
			equal(f, row, want)
			return
		}
	}
	f.Fatalf("%s is not among all", s.Slug)
}

// servesNothing checks that a site counts as absent on an edge.
func (f *fixture) servesNothing(e edge.Edge, s site.Site) {
	f.Helper()
	rows := f.desiredOn(e, []id.Site{s.ID})
	equal(f, len(rows), 1)
	equal(f, rows[0].SiteID, s.ID)
	equal(f, rows[0].Wanted, site.Absent)
	for _, row := range f.desiredOn(e, nil) {
		if row.SiteID == s.ID {
			f.Fatalf("%s is among all", s.Slug)
		}
	}
}

func pinServesConfirmed(f *fixture) {
	e := f.newEdge("one")
	s, revisions := f.revised("shop", 1)
	other, others := f.revised("other", 1)
	f.pin(e, s, 2)
	f.serves(e, s, revisions[0])
	f.serves(e, other, others[1])
	f.unpin(e.ID, s.ID)
	f.serves(e, s, revisions[1])
}

func pinServesNothing(f *fixture) {
	e := f.newEdge("one")
	s, _ := f.revised("shop", 0)
	other, others := f.revised("other", 0)
	f.pin(e, s, 2)
	f.servesNothing(e, s)
	f.serves(e, other, others[1])
}

func pinOfConfirmed(f *fixture) {
	e := f.newEdge("one")
	s, _ := f.revised("shop", 2)
	f.pin(e, s, 2)
	f.servesNothing(e, s)
}

func pinServesKept(f *fixture) {
	e := f.newEdge("one")
	s, revisions := f.revised("shop", 2)
	p := blankPin(e, s, 2)
	p.KeptRevision = 1
	f.update(func(tx store.Tx) error { return tx.PutPin(f.ctx, p) })
	f.serves(e, s, revisions[0])
	other, others := f.revised("other", 1)
	p = blankPin(e, other, 2)
	p.KeptRevision = 2 + 1 // what was confirmed goes before what is kept
	f.update(func(tx store.Tx) error { return tx.PutPin(f.ctx, p) })
	f.serves(e, other, others[0])
}

func pinOfUnwanted(f *fixture) {
	e := f.newEdge("one")
	for slug, confirmed := range map[string]int64{"none": 0, "first": 1, "second": 2} {
		s, revisions := f.revised(slug, confirmed)
		f.pin(e, s, 1)
		f.serves(e, s, revisions[1])
		f.pin(e, s, 3)
		f.serves(e, s, revisions[1])
	}
}

func pinElsewhere(f *fixture) {
	one, other := f.newEdge("one"), f.newEdge("other")
	s, revisions := f.revised("shop", 1)
	f.pin(one, s, 2)
	f.serves(one, s, revisions[0])
	f.serves(other, s, revisions[1])
}

func pinOfAbsent(f *fixture) {
	e := f.newEdge("one")
	s, _ := f.revised("shop", 1)
	f.pin(e, s, 2)
	s.Wanted = site.Absent
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
	f.servesNothing(e, s)
}

func pinLeavesRoutes(f *fixture) {
	s, _ := f.revised("shop", 0)
	d := f.inMode(s, "www.example.com", network.Managed, network.Public)
	f.pin(f.newEdge("one"), s, 2)
	f.areRouted(d)
}
