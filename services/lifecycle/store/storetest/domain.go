package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var domainTests = []test{
	{"a domain is kept as it was written", domainIsKept},
	{"an unknown domain is not found by any method", unknownDomain},
	{"a domain of another tenant is not found by any method", foreignDomain},
	{"a site's domains are listed oldest first with tombstones", domainsAreListed},
	{"a tenant's domains are listed newest first without released ones", domainPages},
	{"a page of domains may be of one site", domainPagesOfSite},
	{"a page of domains may be oldest first", domainPagesBackwards},
	{"a page of domains may be of some sites only, or of none", domainPagesOfSome},
	{"the domains of an unknown site, or another tenant's, are not found", domainPagesOfStranger},
	{"an update writes all that may change and raises the version", domainUpdates},
	{"an update of an older version loses", domainUpdateLoses},
	{"of two updates of one version exactly one wins", domainUpdatesRace},
	{"a transition sets the status and raises the version", domainMoves},
	{"a transition from another status loses and leaves nothing", domainMoveLoses},
	{"of two transitions from one status exactly one wins", domainMovesRace},
	{"a site follows its primary domain", siteFollowsPrimary},
}

// fullDomain is a domain with every field set.
func (f *fixture) fullDomain(s site.Site, hostname string) network.Domain {
	d := f.blankDomain(s, hostname)
	d.Kind, d.Mode, d.PreferDirect, d.Target = network.Custom, network.CustomHostname, true, "target.example.net"
	d.ZoneID, d.ZoneName, d.Wanted, d.Lost = "z1", "example.com", network.Public, true
	d.Attempts, d.ReservedUntil = 3, f.now.Add(time.Hour)
	return d
}

func domainIsKept(f *fixture) {
	s := f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	equal(f, f.getDomain(d), d)
	full := f.fullDomain(s, "full.example.com")
	f.update(func(tx store.Tx) error { return tx.InsertDomain(f.ctx, full, f.cause("asked for")) })
	equal(f, f.getDomain(full), full)
}

func unknownDomain(f *fixture) {
	f.domainIsMissing(f.blankDomain(f.newSite("shop"), "shop.example.com"))
}

func foreignDomain(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	foreign := d
	foreign.TenantID = f.newTenant("stranger")
	f.domainIsMissing(foreign)
	equal(f, f.getDomain(d), d)
}

// domainIsMissing checks that no method finds a domain under its tenant.
func (f *fixture) domainIsMissing(d network.Domain) {
	f.Helper()
	calls := []func(tx store.Tx) error{
		func(tx store.Tx) error { _, err := tx.GetDomain(f.ctx, d.TenantID, d.ID); return err },
		func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, d) },
		func(tx store.Tx) error { return tx.TransitionDomain(f.ctx, f.domainChange(d, network.Validated)) },
	}
	for _, call := range calls {
		f.notFound(f.try(call), "domain", string(d.ID))
	}
}

func domainsAreListed(f *fixture) {
	s := f.newSite("shop")
	first := f.moveDomain(f.newDomain(s, "a.example.com"), network.Releasing, network.Released)
	f.now = f.now.Add(time.Minute)
	second := f.newDomain(s, "b.example.com")
	f.newDomain(f.newSite("other"), "c.example.com")
	list := func(s site.Site) []network.Domain {
		return read(f, func(tx store.Tx) ([]network.Domain, error) { return tx.DomainsOfSite(f.ctx, s.TenantID, s.ID) })
	}
	equal(f, list(s), []network.Domain{first, second})
	oldest := f.blankDomain(s, "d.example.com")
	oldest.CreatedAt = f.now.Add(-time.Hour) // by another clock
	f.update(func(tx store.Tx) error { return tx.InsertDomain(f.ctx, oldest, f.cause("asked for")) })
	equal(f, list(s), []network.Domain{oldest, first, second})
	equal(f, list(f.newSite("bare")), nil)
}

func (f *fixture) listDomains(page network.Page) []network.Domain {
	f.Helper()
	return read(f, func(tx store.Tx) ([]network.Domain, error) { return tx.ListDomains(f.ctx, f.tenant, page) })
}

func domainPages(f *fixture) {
	one, other := f.newSite("one"), f.newSite("other")
	first := f.newDomain(one, "a.example.com")
	second := f.moveDomain(f.newDomain(other, "b.example.com"), network.Releasing)
	f.moveDomain(f.newDomain(one, "c.example.com"), network.Releasing, network.Released)
	f.rival("stranger", "d.example.com")
	third := f.newDomain(one, "e.example.com")
	equal(f, f.listDomains(network.Page{Limit: 2}), []network.Domain{third, second})
	equal(f, f.listDomains(network.Page{Limit: 2, Last: second.ID}), []network.Domain{first})
	equal(f, f.listDomains(network.Page{Limit: 2, Last: first.ID}), nil)
}

func domainPagesOfSite(f *fixture) {
	s, other := f.newSite("shop"), f.newSite("other")
	first := f.newDomain(s, "a.example.com")
	f.newDomain(other, "b.example.com")
	f.moveDomain(f.newDomain(s, "c.example.com"), network.Releasing, network.Released)
	second := f.newDomain(s, "d.example.com")
	equal(f, f.listDomains(network.Page{SiteID: s.ID, Limit: 10}), []network.Domain{second, first})
	equal(f, f.listDomains(network.Page{SiteID: s.ID, Limit: 1}), []network.Domain{second})
	equal(f, f.listDomains(network.Page{SiteID: s.ID, Limit: 10, Last: second.ID}), []network.Domain{first})
	equal(f, f.listDomains(network.Page{SiteID: s.ID, Limit: 10, Last: first.ID}), nil)
	equal(f, f.listDomains(network.Page{SiteID: f.newSite("bare").ID, Limit: 10}), nil)
}

func domainPagesBackwards(f *fixture) {
	s := f.newSite("shop")
	first, second, third := f.newDomain(s, "a.example.com"), f.newDomain(s, "b.example.com"), f.newDomain(s, "c.example.com")
	equal(f, f.listDomains(network.Page{OldestFirst: true, Limit: 2}), []network.Domain{first, second})
	equal(f, f.listDomains(network.Page{OldestFirst: true, Limit: 2, Last: second.ID}), []network.Domain{third})
	equal(f, f.listDomains(network.Page{OldestFirst: true, SiteID: s.ID, Limit: 1}), []network.Domain{first})
}

func domainPagesOfSome(f *fixture) {
	one, other, third := f.newSite("one"), f.newSite("other"), f.newSite("third")
	first := f.newDomain(one, "a.example.com")
	f.newDomain(other, "b.example.com")
	last := f.newDomain(third, "c.example.com")
	theirs := f.rival("stranger", "d.example.com").SiteID
	only := []id.Site{third.ID, theirs, one.ID, "site_1"}
	equal(f, f.listDomains(network.Page{Only: only, Limit: 10}), []network.Domain{last, first})
	equal(f, f.listDomains(network.Page{Only: only, Limit: 10, Last: last.ID}), []network.Domain{first})
	equal(f, f.listDomains(network.Page{Only: only, SiteID: one.ID, Limit: 10}), []network.Domain{first})
	equal(f, f.listDomains(network.Page{Only: only, SiteID: other.ID, Limit: 10}), nil)
	equal(f, f.listDomains(network.Page{Only: []id.Site{}, Limit: 10}), nil)
}

func domainPagesOfStranger(f *fixture) {
	theirs := f.rival("stranger", "shop.example.com").SiteID
	for _, siteID := range []id.Site{theirs, "site_1"} {
		f.notFound(f.try(func(tx store.Tx) error {
			_, err := tx.ListDomains(f.ctx, f.tenant, network.Page{SiteID: siteID, Limit: 10})
			return err
		}), "site", string(siteID))
	}
}

func domainUpdates(f *fixture) {
	s := f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	want := f.fullDomain(s, "shop.example.com")
	want.ID, want.Kind, want.Version = d.ID, network.Platform, d.Version
	given := want
	given.Status, given.Hostname, given.CreatedAt = network.Active, "other.example.com", f.now.Add(time.Hour)
	f.update(func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, given) })
	got := f.getDomain(d)
	want.Version, want.UpdatedAt = d.Version+1, got.UpdatedAt
	equal(f, got, want)
}

func domainUpdateLoses(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	f.update(func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, d) })
	want := f.getDomain(d)
	d.Attempts = 9
	f.is(f.try(func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, d) }), lifecycle.ErrLostRace)
	equal(f, f.getDomain(d), want)
}

func domainUpdatesRace(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	f.oneWins(func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, d) })
	equal(f, f.getDomain(d).Version, d.Version+1)
}

func domainMoves(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	c := f.domainChange(d, network.Validated)
	c.At = f.now.Add(time.Minute)
	f.update(func(tx store.Tx) error { return tx.TransitionDomain(f.ctx, c) })
	d.Status, d.Version, d.UpdatedAt = network.Validated, d.Version+1, c.At
	equal(f, f.getDomain(d), d)
}

func domainMoveLoses(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	stale := d
	stale.Status = network.Routed
	c := f.domainChange(stale, network.Active)
	f.is(f.try(func(tx store.Tx) error { return tx.TransitionDomain(f.ctx, c) }), lifecycle.ErrLostRace)
	equal(f, f.getDomain(d), d)
	equal(f, len(f.historyOf(string(d.ID))), 1)
}

func domainMovesRace(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	c := f.domainChange(d, network.Validated)
	f.oneWins(func(tx store.Tx) error { return tx.TransitionDomain(f.ctx, c) })
	equal(f, len(f.historyOf(string(d.ID))), 2)
}

func siteFollowsPrimary(f *fixture) {
	s := f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	s.PrimaryDomainID = d.ID
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
	f.moveSite(f.getSite(s), site.Provisioning, site.DomainPendingDNS)
	f.update(func(tx store.Tx) error {
		for _, event := range []network.Event{network.Validate, network.Route, network.Serve} {
			var err error
			if d, err = network.Apply(f.ctx, tx, d, event, f.cause(string(event))); err != nil {
				return err
			}
		}
		return nil
	})
	equal(f, f.getSite(s).Status, site.Active)
	equal(f, f.getDomain(d).Status, network.Active)
}
