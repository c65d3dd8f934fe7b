package storetest

import (
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var desiredTests = []test{
	{"all rows are those of the sites wanted present", desiredIsPresent},
	{"a site not wanted appears only when it is asked for", absentIsAskedFor},
	{"a row holds the wanted revision with all its targets", desiredRevision},
	{"a row holds the hostnames wanted on the edge or further", desiredHostnames},
	{"no status counts", desiredIgnoresStatus},
	{"no ids give no rows, unknown ids neither", desiredOfNobody},
	{"many ids may be asked for at once", desiredOfMany},
	{"a purged site is a row without a spec", desiredOfPurged},
	{"a confirmed row holds the confirmed revision, and the site counts as absent where that is none", confirmedRevision},
	{"a confirmed row of a site that is not wanted says so", confirmedOfAbsent},
	{"a confirmed row of a revision that the edge refuses holds the kept one", confirmedOfPinned},
	{"no ids give no confirmed rows", confirmedOfNobody},
	{"the routed domains are those wanted routed by a tunnel, ordered by hostname", routedAreListed},
	{"no status keeps a domain from being routed", routedIgnoresStatus},
}

func (f *fixture) desired(sites []id.Site) []desired.Row {
	f.Helper()
	return read(f, func(tx store.Tx) ([]desired.Row, error) { return tx.DesiredRows(f.ctx, "edge_1", sites) })
}

// present makes a site wanted.
func (f *fixture) present(s site.Site) site.Site {
	f.Helper()
	s.Wanted = site.Present
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
	return f.getSite(s)
}

// publish makes a domain wanted as far as a level.
func (f *fixture) publish(d network.Domain, level network.Wanted) {
	f.Helper()
	d.Wanted = level
	f.update(func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, d) })
}

func rowOf(s site.Site, r site.Revision) desired.Row {
	return desired.Row{SiteID: s.ID, TenantID: s.TenantID, Wanted: s.Wanted, Revision: s.WantedRevision, Spec: r.Spec}
}

func desiredIsPresent(f *fixture) {
	f.newSite("absent")
	one, other := f.present(f.newSite("one")), f.present(f.newSite("other"))
	_, r := f.blankSite("any")
	equal(f, f.desired(nil), []desired.Row{rowOf(one, r), rowOf(other, r)})
}

func absentIsAskedFor(f *fixture) {
	s := f.newSite("absent")
	_, r := f.blankSite("any")
	equal(f, f.desired(nil), nil)
	equal(f, f.desired([]id.Site{s.ID}), []desired.Row{rowOf(s, r)})
}

func desiredRevision(f *fixture) {
	s, r := f.blankSite("shop")
	s.Wanted, s.WantedRevision = site.Present, 4
	r.Number, r.Spec = 4, fullSpec()
	f.update(func(tx store.Tx) error { return tx.InsertSite(f.ctx, s, r, f.cause("asked for")) })
	other := f.present(f.newSite("other"))
	_, plain := f.blankSite("any")
	equal(f, f.desired(nil), []desired.Row{rowOf(s, r), rowOf(other, plain)})
	equal(f, f.desired([]id.Site{s.ID}), []desired.Row{rowOf(s, r)})
}

func desiredHostnames(f *fixture) {
	s := f.present(f.newSite("shop"))
	f.publish(f.newDomain(s, "b.example.com"), network.Public)
	f.publish(f.newDomain(s, "a.example.com"), network.OnEdge)
	f.newDomain(s, "hidden.example.com")
	f.publish(f.newDomain(f.newSite("other"), "c.example.com"), network.Public)
	for _, sites := range [][]id.Site{nil, {s.ID}} {
		rows := f.desired(sites)
		equal(f, len(rows), 1)
		equal(f, rows[0].Hostnames, []string{"a.example.com", "b.example.com"})
	}
}

func desiredIgnoresStatus(f *fixture) {
	s := f.present(f.newSite("shop"))
	before := f.desired(nil)
	f.moveSite(s, site.Provisioning, site.Error, site.Deleting)
	equal(f, f.desired(nil), before)
}

func desiredOfNobody(f *fixture) {
	f.present(f.newSite("shop"))
	equal(f, f.desired([]id.Site{}), nil)
	equal(f, f.desired([]id.Site{"site_1"}), nil)
}

func desiredOfMany(f *fixture) {
	ids := make([]id.Site, 0, 3000)
	f.update(func(tx store.Tx) error {
		for i := range 30 {
			s, r := f.blankSite(fmt.Sprintf("s%d", i))
			s.Wanted = site.Present
			f.must(tx.InsertSite(f.ctx, s, r, f.cause("asked for")))
			ids = append(ids, s.ID)
		}
		return nil
	})
	for i := len(ids); i < cap(ids); i++ {
		ids = append(ids, id.Site(fmt.Sprintf("site_%d", i)))
	}
	equal(f, f.desired(ids), f.desired(nil))
	equal(f, len(f.desired(nil)), 30)
}

func desiredOfPurged(f *fixture) {
	s := f.newSite("shop")
	f.update(func(tx store.Tx) error { return tx.PurgeSite(f.ctx, f.tenant, s.ID) })
	equal(f, f.desired([]id.Site{s.ID}), []desired.Row{{SiteID: s.ID, TenantID: s.TenantID, Wanted: site.Absent, Revision: 1}})
}

func (f *fixture) confirmedOn(e edge.Edge, sites ...id.Site) []desired.Row {
	f.Helper()
	return read(f, func(tx store.Tx) ([]desired.Row, error) { return tx.ConfirmedRows(f.ctx, e.ID, sites) })
}

// revisedRow is the row of a site that f.revised made, in a revision.
func revisedRow(s site.Site, r site.Revision) desired.Row {
	row := rowOf(s, r)
	row.Revision, row.Hostnames = r.Number, []string{s.Slug + ".example.com"}
	return row
}

func confirmedRevision(f *fixture) {
	e := f.newEdge("one")
	none, _ := f.revised("none", 0)
	first, revisions := f.revised("first", 1)
	second, others := f.revised("second", 2)
	absent := desired.Row{SiteID: none.ID, TenantID: none.TenantID, Wanted: site.Absent, Hostnames: []string{"none.example.com"}}
	want := []desired.Row{absent, revisedRow(first, revisions[0]), revisedRow(second, others[1])}
	equal(f, f.confirmedOn(e, none.ID, first.ID, second.ID), want)
}

func confirmedOfAbsent(f *fixture) {
	s, revisions := f.revised("shop", 1)
	s.Wanted = site.Absent
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
	equal(f, f.confirmedOn(f.newEdge("one"), s.ID), []desired.Row{revisedRow(s, revisions[0])})
}

func confirmedOfPinned(f *fixture) {
	e, other := f.newEdge("one"), f.newEdge("other")
	s, revisions := f.revised("shop", 2)
	p := blankPin(e, s, 2)
	p.KeptRevision = 1
	f.update(func(tx store.Tx) error { return tx.PutPin(f.ctx, p) })
	equal(f, f.confirmedOn(e, s.ID), []desired.Row{revisedRow(s, revisions[0])})
	equal(f, f.confirmedOn(other, s.ID), []desired.Row{revisedRow(s, revisions[1])})
	unwanted, others := f.revised("unwanted", 2)
	f.pin(e, unwanted, 1)
	equal(f, f.confirmedOn(e, unwanted.ID), []desired.Row{revisedRow(unwanted, others[1])})
}

func confirmedOfNobody(f *fixture) {
	e := f.newEdge("one")
	f.revised("shop", 1)
	equal(f, f.confirmedOn(e), nil)
	equal(f, f.confirmedOn(e, "site_1"), nil)
}

// areRouted checks which domains are wanted ROUTED through a tunnel.
func (f *fixture) areRouted(domains ...network.Domain) {
	f.Helper()
	var want []desired.Routed
	for _, d := range domains {
		want = append(want, desired.Routed{
			DomainID: d.ID, TenantID: d.TenantID, Hostname: d.Hostname, Mode: d.Mode, ZoneID: d.ZoneID, Waits: d.Status == network.Validated,
		})
	}
	equal(f, f.routed(), want)
}

func (f *fixture) routed() []desired.Routed {
	f.Helper()
	return read(f, func(tx store.Tx) ([]desired.Routed, error) { return tx.RoutedDomains(f.ctx, "tun_1") })
}

// inMode inserts a domain in a mode, wanted as far as a level.
func (f *fixture) inMode(s site.Site, hostname string, mode network.Mode, level network.Wanted) network.Domain {
	f.Helper()
	d := f.newDomain(s, hostname)
	d.Mode = mode
	f.publish(d, level)
	return f.getDomain(d)
}

func routedAreListed(f *fixture) {
	f.areRouted()
	s, other := f.newSite("shop"), f.as("stranger")
	last := f.inMode(s, "z.example.com", network.Managed, network.Public)
	first := f.inMode(s, "a.example.com", network.CustomHostname, network.Public)
	between := other.inMode(other.newSite("other"), "m.example.com", network.Managed, network.Public)
	f.inMode(s, "direct.example.com", network.Direct, network.Public)
	f.inMode(s, "unknown.example.com", network.ModeUnknown, network.Public)
	f.inMode(s, "edge.example.com", network.Managed, network.OnEdge)
	f.inMode(s, "hidden.example.com", network.CustomHostname, network.Hidden)
	f.areRouted(first, between, last)
}

func routedIgnoresStatus(f *fixture) {
	d := f.inMode(f.newSite("shop"), "shop.example.com", network.Managed, network.Public)
	for _, status := range []network.Status{network.Validated, network.Error, network.Releasing, network.Released} {
		d = f.moveDomain(d, status)
		f.areRouted(d)
	}
}
