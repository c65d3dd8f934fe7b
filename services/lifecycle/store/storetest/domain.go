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
	{"any number of claims of a hostname may wait for their DNS", claimsMayWait},
	{"a hostname has one verified claim", hostnameIsTaken},
	{"a hostname is free again once its claim is being released", hostnameIsFreed},
	{"an update writes all that may change and raises the version", domainUpdates},
	{"an update of an older version loses", domainUpdateLoses},
	{"of two updates of one version exactly one wins", domainUpdatesRace},
	{"a transition sets the status and raises the version", domainMoves},
	{"a transition from another status loses and leaves nothing", domainMoveLoses},
	{"of two transitions from one status exactly one wins", domainMovesRace},
	{"a site follows its primary domain", siteFollowsPrimary},
	{"a released hostname is reserved until its date", hostnameIsReserved},
	{"evidence is kept and replaced by kind", evidenceIsKept},
	{"evidence that was never taken is the zero value", evidenceIsZero},
	{"evidence for another tenant's domain is refused", evidenceOfStranger},
}

func domainIsKept(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	equal(f, f.getDomain(d), d)
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
	equal(f, list(f.newSite("bare")), nil)
}

func claimsMayWait(f *fixture) {
	one, other := f.newSite("one"), f.newSite("other")
	f.newDomain(one, "shop.example.com")
	f.newDomain(one, "shop.example.com")
	f.newDomain(other, "shop.example.com")
}

func hostnameIsTaken(f *fixture) {
	holder := f.newDomain(f.newSite("one"), "shop.example.com")
	contender := f.newDomain(f.newSite("other"), "shop.example.com")
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
	f.moveDomain(f.newDomain(f.newSite("other"), "shop.example.com"), network.Validated)
}

func domainUpdates(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	want := d
	want.Mode, want.Wanted, want.Attempts = network.Direct, network.Public, 3
	want.ReservedUntil = f.now.Add(time.Hour)
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

func hostnameIsReserved(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	d = f.moveDomain(d, network.Releasing, network.Released)
	d.ReservedUntil = f.now.Add(time.Hour)
	f.update(func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, d) })
	reserved := func(hostname string, at time.Time) (tenant id.Tenant) {
		f.update(func(tx store.Tx) error {
			got, ok, err := tx.ReservedFor(f.ctx, hostname, at)
			equal(f, ok, got != "")
			tenant = got
			return err
		})
		return tenant
	}
	equal(f, reserved("shop.example.com", f.now), f.tenant)
	equal(f, reserved("shop.example.com", f.now.Add(time.Hour)), "")
	equal(f, reserved("other.example.com", f.now), "")
}

func (f *fixture) evidence(d network.Domain, kind network.EvidenceKind) network.Evidence {
	f.Helper()
	return read(f, func(tx store.Tx) (network.Evidence, error) { return tx.GetEvidence(f.ctx, d.ID, kind) })
}

func evidenceIsKept(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	nonce := network.Evidence{
		DomainID: d.ID, TenantID: d.TenantID, Kind: network.EvidenceNonce,
		PositiveAt: f.now, Detail: `{"seen":["a"]}`, TraceID: "t1",
	}
	resolves := nonce
	resolves.Kind = network.EvidenceResolves
	for _, e := range []network.Evidence{nonce, resolves} {
		f.update(func(tx store.Tx) error { return tx.PutEvidence(f.ctx, e) })
	}
	nonce.ContradictedAt, nonce.PositiveAt, nonce.Detail = f.now.Add(time.Minute), time.Time{}, "{}"
	f.update(func(tx store.Tx) error { return tx.PutEvidence(f.ctx, nonce) })
	equal(f, f.evidence(d, network.EvidenceNonce), nonce)
	equal(f, f.evidence(d, network.EvidenceResolves), resolves)
}

func evidenceIsZero(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	equal(f, f.evidence(d, network.EvidenceNonce), network.Evidence{})
}

func evidenceOfStranger(f *fixture) {
	d := f.newDomain(f.newSite("shop"), "shop.example.com")
	for _, tenant := range []id.Tenant{f.newTenant("stranger"), "ten_1"} {
		e := network.Evidence{DomainID: d.ID, TenantID: tenant, Kind: network.EvidenceNonce, Detail: "{}"}
		f.notFound(f.try(func(tx store.Tx) error { return tx.PutEvidence(f.ctx, e) }), "domain", string(d.ID))
	}
}
