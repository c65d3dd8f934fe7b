package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var siteTests = []test{
	{"a site is kept as it was written", siteIsKept},
	{"a site may be written with its primary domain", siteWithPrimary},
	{"a site of an unknown tenant is refused", siteOfUnknownTenant},
	{"an unknown site is not found by any method", unknownSite},
	{"a site of another tenant is not found by any method", foreignSite},
	{"a slug is taken while its site lives, whoever asks", slugIsTaken},
	{"a slug cannot be taken by a change either", slugIsTakenByUpdate},
	{"a slug is free again once its site is deleted", slugIsFreed},
	{"an update writes all that may change and raises the version", siteUpdates},
	{"an update of an older version loses", siteUpdateLoses},
	{"of two updates of one version exactly one wins", siteUpdatesRace},
	{"a transition sets the status and raises the version", siteMoves},
	{"a transition from another status loses and leaves nothing", siteMoveLoses},
	{"of two transitions from one status exactly one wins", siteMovesRace},
	{"the list is newest first, in pages, without tombstones and strangers", sitesAreListed},
	{"the list may be oldest first", sitesAreListedBackwards},
	{"the list may be of some sites only, or of none", someSitesAreListed},
}

func siteIsKept(f *fixture) {
	s := f.newSite("shop")
	equal(f, f.getSite(s), s)
}

func siteWithPrimary(f *fixture) {
	s, r := f.blankSite("shop")
	d := f.blankDomain(s, "shop.example.com")
	s.PrimaryDomainID = d.ID
	f.update(func(tx store.Tx) error {
		f.must(tx.InsertSite(f.ctx, s, r, f.cause("asked for")))
		return tx.InsertDomain(f.ctx, d, f.cause("asked for"))
	})
	equal(f, f.getSite(s).PrimaryDomainID, d.ID)
}

func siteOfUnknownTenant(f *fixture) {
	s, r := f.blankSite("shop")
	s.TenantID = "ten_1"
	err := f.try(func(tx store.Tx) error { return tx.InsertSite(f.ctx, s, r, f.cause("asked for")) })
	f.notFound(err, "tenant", "ten_1")
}

func unknownSite(f *fixture) {
	s, _ := f.blankSite("shop")
	f.siteIsMissing(s)
}

func foreignSite(f *fixture) {
	s := f.newSite("shop")
	want := f.getSite(s)
	s.TenantID = f.newTenant("stranger")
	f.siteIsMissing(s)
	equal(f, f.getSite(want), want)
}

// siteIsMissing checks that no method finds a site under its tenant.
func (f *fixture) siteIsMissing(s site.Site) {
	f.Helper()
	calls := []func(tx store.Tx) error{
		func(tx store.Tx) error { _, err := tx.GetSite(f.ctx, s.TenantID, s.ID); return err },
		func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) },
		func(tx store.Tx) error { return tx.TransitionSite(f.ctx, f.siteChange(s, site.Provisioning)) },
		func(tx store.Tx) error { return tx.PurgeSite(f.ctx, s.TenantID, s.ID) },
		func(tx store.Tx) error { _, err := tx.DomainsOfSite(f.ctx, s.TenantID, s.ID); return err },
		func(tx store.Tx) error {
			return tx.InsertDomain(f.ctx, f.blankDomain(s, "a.example.com"), f.cause("asked for"))
		},
	}
	for _, call := range calls {
		f.notFound(f.try(call), "site", string(s.ID))
	}
	f.notFound(f.try(func(tx store.Tx) error {
		_, err := tx.GetRevision(f.ctx, s.TenantID, s.ID, 1)
		return err
	}), "revision", "1 of "+string(s.ID))
}

// fullSpec uses every field of a spec with an origin.
func fullSpec() site.Spec {
	return site.Spec{
		Origin: &site.Origin{Targets: []site.Target{{Address: "192.0.2.1:80", Weight: 3}, {Address: "[2001:db8::1]:8080", Weight: 1}}},
		Routes: []site.Route{
			{PathPrefix: "/api/v1/", StripPrefix: true, Origin: site.Origin{Targets: []site.Target{{Address: "192.0.2.2:81", Weight: 1}}}},
			{PathPrefix: "/docs/", Origin: site.Origin{Targets: []site.Target{{Address: "192.0.2.9:82", Weight: 2}, {Address: "192.0.2.3:82", Weight: 5}}}},
		},
		Options: site.Options{
			MaxBodyBytes: 1 << 40, ConnectTimeout: 1500 * time.Millisecond, ReadTimeout: time.Minute, Websocket: true,
			ResponseHeaders: []site.Header{{Name: "X-Frame-Options", Value: `DENY "<>&`}},
			RequestHeaders:  []site.Header{{Name: "X-One", Value: "1"}, {Name: "X-Two", Value: ""}},
			Maintenance:     true,
			Compress:        true,

			RequestsPerSecond: 50,
		},
	}
}

func slugIsTaken(f *fixture) {
	f.newSite("shop")
	for _, tenant := range []id.Tenant{f.tenant, f.newTenant("stranger")} {
		s, r := f.blankSite("shop")
		s.TenantID = tenant
		err := f.try(func(tx store.Tx) error { return tx.InsertSite(f.ctx, s, r, f.cause("asked for")) })
		f.taken(err, "slug", "shop")
	}
}

func slugIsTakenByUpdate(f *fixture) {
	f.newSite("shop")
	s := f.newSite("other")
	s.Slug = "shop"
	f.taken(f.try(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) }), "slug", "shop")
}

func slugIsFreed(f *fixture) {
	f.moveSite(f.newSite("shop"), site.Deleting, site.Deleted)
	f.newSite("shop")
}

func siteUpdates(f *fixture) {
	s := f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	want := s
	want.Name, want.Slug, want.Wanted, want.WantedRevision = "New", "new", site.Present, 7
	want.ConfirmedRevision, want.PrimaryDomainID = 6, d.ID
	given := want
	given.Status, given.CreatedAt = site.Active, f.now.Add(time.Hour)
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, given) })
	got := f.getSite(s)
	want.Version, want.UpdatedAt = s.Version+1, got.UpdatedAt
	equal(f, got, want)
}

func siteUpdateLoses(f *fixture) {
	s := f.newSite("shop")
	f.update(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
	want := f.getSite(s)
	s.Name = "Late"
	f.is(f.try(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) }), lifecycle.ErrLostRace)
	equal(f, f.getSite(s), want)
}

func siteUpdatesRace(f *fixture) {
	s := f.newSite("shop")
	f.oneWins(func(tx store.Tx) error { return tx.UpdateSite(f.ctx, s) })
	equal(f, f.getSite(s).Version, s.Version+1)
}

func siteMoves(f *fixture) {
	s := f.newSite("shop")
	c := f.siteChange(s, site.Provisioning)
	c.At = f.now.Add(time.Minute)
	f.update(func(tx store.Tx) error { return tx.TransitionSite(f.ctx, c) })
	s.Status, s.Version, s.UpdatedAt = site.Provisioning, s.Version+1, c.At
	equal(f, f.getSite(s), s)
}

func siteMoveLoses(f *fixture) {
	s := f.newSite("shop")
	stale := s
	stale.Status = site.Active
	c := f.siteChange(stale, site.Deleting)
	f.is(f.try(func(tx store.Tx) error { return tx.TransitionSite(f.ctx, c) }), lifecycle.ErrLostRace)
	equal(f, f.getSite(s), s)
	equal(f, len(f.historyOf(string(s.ID))), 1)
}

func siteMovesRace(f *fixture) {
	s := f.newSite("shop")
	c := f.siteChange(s, site.Provisioning)
	f.oneWins(func(tx store.Tx) error { return tx.TransitionSite(f.ctx, c) })
	equal(f, len(f.historyOf(string(s.ID))), 2)
}

func sitesAreListed(f *fixture) {
	first, second, third := f.newSite("first"), f.newSite("second"), f.newSite("third")
	f.moveSite(f.newSite("gone"), site.Deleting, site.Deleted)
	equal(f, f.listSites(site.Page{Limit: 2}), []id.Site{third.ID, second.ID})
	equal(f, f.listSites(site.Page{Limit: 2, Last: second.ID}), []id.Site{first.ID})
	equal(f, f.listSites(site.Page{Limit: 2, Last: first.ID}), nil)
	equal(f, f.as("stranger").listSites(site.Page{Limit: 2}), nil)
}

func (f *fixture) listSites(page site.Page) (ids []id.Site) {
	f.Helper()
	for _, s := range read(f, func(tx store.Tx) ([]site.Site, error) { return tx.ListSites(f.ctx, f.tenant, page) }) {
		ids = append(ids, s.ID)
	}
	return ids
}

func sitesAreListedBackwards(f *fixture) {
	first, second, third := f.newSite("first"), f.newSite("second"), f.newSite("third")
	equal(f, f.listSites(site.Page{OldestFirst: true, Limit: 2}), []id.Site{first.ID, second.ID})
	equal(f, f.listSites(site.Page{OldestFirst: true, Limit: 2, Last: second.ID}), []id.Site{third.ID})
	equal(f, f.listSites(site.Page{OldestFirst: true, Limit: 2, Last: third.ID}), nil)
}

func someSitesAreListed(f *fixture) {
	first, _, third := f.newSite("first"), f.newSite("second"), f.newSite("third")
	theirs := f.rival("stranger", "shop.example.com").SiteID
	only := []id.Site{theirs, first.ID, "site_1", third.ID}
	equal(f, f.listSites(site.Page{Only: only, Limit: 10}), []id.Site{third.ID, first.ID})
	equal(f, f.listSites(site.Page{Only: only, Limit: 10, Last: third.ID}), []id.Site{first.ID})
	equal(f, f.listSites(site.Page{Only: only, Limit: 10, OldestFirst: true}), []id.Site{first.ID, third.ID})
	equal(f, f.listSites(site.Page{Only: []id.Site{}, Limit: 10}), nil)
}
