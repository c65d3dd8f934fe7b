package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var hostnameTests = []test{
	{"claims of any number of tenants on a hostname may wait for their DNS", claimsMayWait},
	{"a tenant claims a hostname once until the claim is being released", hostnameIsClaimedOnce},
	{"of two claims of a tenant at once exactly one is taken", claimsOfTenantRace},
	{"a hostname has one verified claim", hostnameIsTaken},
	{"a hostname is free again once its claim is being released", hostnameIsFreed},
	{"a hostname is published by one domain until that one is hidden", hostnameIsPublishedOnce},
	{"a released hostname is reserved until its date", hostnameIsReserved},
	{"of several reservations the latest wins", latestReservationWins},
	{"an ended reservation is over for every tenant and no other hostname", reservationsEnd},
	{"an update from before a reservation ended loses", endedReservationStays},
}

func claimsMayWait(f *fixture) {
	f.newDomain(f.newSite("shop"), "shop.example.com")
	f.rival("one", "shop.example.com")
	f.rival("other", "shop.example.com")
}

func hostnameIsClaimedOnce(f *fixture) {
	one, other := f.newSite("one"), f.newSite("other")
	claim := func(s site.Site) error {
		d := f.blankDomain(s, "shop.example.com")
		return f.try(func(tx store.Tx) error { return tx.InsertDomain(f.ctx, d, f.cause("asked for")) })
	}
	d := f.newDomain(one, "shop.example.com")
	for _, status := range []network.Status{network.PendingDNS, network.Validated, network.Routed, network.Active, network.Error} {
		if d.Status != status {
			d = f.moveDomain(d, status)
		}
		f.taken(claim(one), "hostname", "shop.example.com")
		f.taken(claim(other), "hostname", "shop.example.com")
	}
	equal(f, f.claimsOn("shop.example.com"), []network.Domain{d})
	d = f.moveDomain(d, network.Releasing)
	f.must(claim(other))
	f.moveDomain(d, network.Released)
	f.taken(claim(one), "hostname", "shop.example.com")
}

func claimsOfTenantRace(f *fixture) {
	results := make(chan error)
	for _, slug := range []string{"one", "other"} {
		d := f.blankDomain(f.newSite(slug), "shop.example.com")
		go func() {
			results <- f.try(func(tx store.Tx) error { return tx.InsertDomain(f.ctx, d, f.cause("asked for")) })
		}()
	}
	first, second := <-results, <-results
	if first != nil {
		first, second = second, first
	}
	f.must(first)
	f.taken(second, "hostname", "shop.example.com")
	equal(f, len(f.claimsOn("shop.example.com")), 1)
}

func hostnameIsPublishedOnce(f *fixture) {
	mine, theirs := f.newDomain(f.newSite("shop"), "shop.example.com"), f.rival("stranger", "shop.example.com")
	f.publish(theirs, network.Hidden)
	for _, level := range []network.Wanted{network.OnEdge, network.Public} {
		f.publish(f.getDomain(theirs), level)
		for _, wanted := range []network.Wanted{network.OnEdge, network.Public} {
			before := f.getDomain(mine)
			d := before
			d.Wanted = wanted
			f.is(f.try(func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, d) }), lifecycle.ErrLostRace)
			equal(f, f.getDomain(mine), before)
		}
		f.publish(f.getDomain(mine), network.Hidden)
	}
	f.publish(f.getDomain(theirs), network.Hidden)
	f.publish(f.getDomain(mine), network.Public)
}

func hostnameIsTaken(f *fixture) {
	holder := f.newDomain(f.newSite("one"), "shop.example.com")
	contender := f.rival("stranger", "shop.example.com")
	for _, status := range []network.Status{network.Validated, network.Routed, network.Active} {
		holder = f.moveDomain(holder, status)
		c := f.domainChange(contender, network.Validated)
		f.taken(f.try(func(tx store.Tx) error { return tx.TransitionDomain(f.ctx, c) }), "hostname", "shop.example.com")
	}
	equal(f, f.getDomain(contender), contender)
	equal(f, len(f.historyOf(string(contender.ID))), 1)
}

func hostnameIsFreed(f *fixture) {
	f.moveDomain(f.newDomain(f.newSite("one"), "shop.example.com"), network.Validated, network.Releasing)
	f.moveDomain(f.newDomain(f.newSite("other"), "shop.example.com"), network.Validated, network.PendingDNS)
	f.moveDomain(f.rival("stranger", "shop.example.com"), network.Validated)
}

func hostnameIsReserved(f *fixture) {
	f.reserve(f.newDomain(f.newSite("shop"), "shop.example.com"), f.now.Add(time.Hour))
	equal(f, f.reservedFor("shop.example.com", f.now), f.tenant)
	equal(f, f.reservedFor("shop.example.com", f.now.Add(time.Hour)), "")
	equal(f, f.reservedFor("other.example.com", f.now), "")
}

// reserve releases a domain and reserves its hostname.
func (f *fixture) reserve(d network.Domain, until time.Time) network.Domain {
	f.Helper()
	d = f.moveDomain(d, network.Releasing, network.Released)
	d.ReservedUntil = until
	f.update(func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, d) })
	return f.getDomain(d)
}

// reservedFor is the tenant that a hostname is reserved for, empty for none.
func (f *fixture) reservedFor(hostname string, at time.Time) (tenant id.Tenant) {
	f.Helper()
	f.must(f.store.View(f.ctx, func(tx store.Tx) error {
		got, ok, err := tx.ReservedFor(f.ctx, hostname, at)
		equal(f, ok, got != "")
		tenant = got
		return err
	}))
	return tenant
}

func (f *fixture) endReservations(hostname string) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.EndReservations(f.ctx, hostname) })
}

func latestReservationWins(f *fixture) {
	mine, theirs := f.newDomain(f.newSite("shop"), "shop.example.com"), f.rival("stranger", "shop.example.com")
	mineToo, theirsToo := f.newDomain(f.newSite("blog"), "blog.example.com"), f.rival("other", "blog.example.com")
	f.reserve(mine, f.now.Add(2*time.Hour))
	f.reserve(theirs, f.now.Add(time.Hour))
	f.reserve(theirsToo, f.now.Add(2*time.Hour))
	f.reserve(mineToo, f.now.Add(time.Hour))
	equal(f, f.reservedFor("shop.example.com", f.now), f.tenant)
	equal(f, f.reservedFor("blog.example.com", f.now), theirsToo.TenantID)
}

func reservationsEnd(f *fixture) {
	s := f.newSite("shop")
	f.reserve(f.newDomain(s, "shop.example.com"), f.now.Add(time.Hour))
	f.reserve(f.rival("stranger", "shop.example.com"), f.now.Add(2*time.Hour))
	f.reserve(f.newDomain(s, "blog.example.com"), f.now.Add(time.Hour))
	f.endReservations("shop.example.com")
	equal(f, f.reservedFor("shop.example.com", f.now), "")
	equal(f, f.reservedFor("blog.example.com", f.now), f.tenant)
	f.endReservations("shop.example.com")
	f.endReservations("nobody.example.com")
}

func endedReservationStays(f *fixture) {
	stale := f.reserve(f.newDomain(f.newSite("shop"), "shop.example.com"), f.now.Add(time.Hour))
	f.endReservations("shop.example.com")
	f.is(f.try(func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, stale) }), lifecycle.ErrLostRace)
	got := f.getDomain(stale)
	want := stale
	want.ReservedUntil, want.Version, want.UpdatedAt = time.Time{}, stale.Version+1, got.UpdatedAt
	equal(f, got, want)
}
