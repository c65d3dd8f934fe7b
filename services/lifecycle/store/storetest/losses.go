package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var lossesTests = []test{
	{"without domains nothing is being lost", lossesOfNobody},
	{"the hostnames contradicted since before a time are listed sorted, each once", contradictedAreListed},
	{"of what is contradicted only tenants' own ACTIVE names count", contradictedMatters},
	{"the domains that took dns_lost after a time and have not recovered are counted", lostAreCounted},
	{"the ACTIVE domains are tenants' own of any tenant", activeAreCounted},
}

// losses asks for what was contradicted a minute ago and for what was lost since.
func (f *fixture) losses() network.Losses {
	f.Helper()
	limit := f.now.Add(-time.Minute)
	return read(f, func(tx store.Tx) (network.Losses, error) { return tx.Losses(f.ctx, limit, limit) })
}

// activeDomain inserts a domain of a new site and makes it ACTIVE.
func (f *fixture) activeDomain(hostname string) network.Domain {
	f.Helper()
	return f.moveDomain(f.newDomain(f.newSite(hostname), hostname), network.Validated, network.Routed, network.Active)
}

// contradict writes evidence that has been contradicted for a while.
func (f *fixture) contradict(d network.Domain, kind network.EvidenceKind, since time.Duration) {
	f.Helper()
	e := network.Evidence{DomainID: d.ID, TenantID: d.TenantID, Kind: kind, ContradictedAt: f.now.Add(-since), Detail: "{}"}
	f.update(func(tx store.Tx) error { return tx.PutEvidence(f.ctx, e) })
}

// lose lets a domain take dns_lost.
func (f *fixture) lose(d network.Domain) network.Domain {
	f.Helper()
	d.Lost = true
	f.update(func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, d) })
	c := f.domainChange(d, network.PendingDNS)
	c.Event = string(network.DNSLost)
	f.update(func(tx store.Tx) error { return tx.TransitionDomain(f.ctx, c) })
	return f.getDomain(d)
}

func lossesOfNobody(f *fixture) {
	equal(f, f.losses(), network.Losses{})
}

func contradictedAreListed(f *fixture) {
	last, first := f.activeDomain("b.example.com"), f.as("stranger").activeDomain("a.example.com")
	f.contradict(last, network.EvidenceResolves, time.Hour)
	f.contradict(last, network.EvidenceNonce, time.Hour)
	f.contradict(first, network.EvidenceNonce, time.Minute+time.Microsecond)
	f.contradict(f.activeDomain("late.example.com"), network.EvidenceNonce, time.Minute)
	equal(f, f.losses(), network.Losses{Contradicted: []string{"a.example.com", "b.example.com"}, Active: 3})
}

func contradictedMatters(f *fixture) {
	s := f.newSite("shop")
	ours := f.blankDomain(s, "shop.siteplane.localhost")
	ours.Kind = network.Platform
	f.update(func(tx store.Tx) error { return tx.InsertDomain(f.ctx, ours, f.cause("asked for")) })
	ours = f.moveDomain(ours, network.Validated, network.Routed, network.Active)
	routed := f.moveDomain(f.newDomain(s, "routed.example.com"), network.Validated, network.Routed)
	for _, d := range []network.Domain{ours, routed} {
		f.contradict(d, network.EvidenceResolves, time.Hour)
	}
	f.contradict(f.activeDomain("owned.example.com"), network.EvidenceOwnership, time.Hour)
	fine := f.activeDomain("fine.example.com")
	f.update(func(tx store.Tx) error {
		return tx.PutEvidence(f.ctx, network.Evidence{
			DomainID: fine.ID, TenantID: fine.TenantID, Kind: network.EvidenceNonce, PositiveAt: f.now, Detail: "{}",
		})
	})
	equal(f, f.losses(), network.Losses{Active: 2})
}

func lostAreCounted(f *fixture) {
	first, second := f.activeDomain("a.example.com"), f.activeDomain("b.example.com")
	f.activeDomain("c.example.com")
	f.lose(first)
	f.after(time.Minute)
	f.moveDomain(f.getDomain(first), network.Validated, network.PendingDNS)
	second = f.lose(second)
	equal(f, f.losses(), network.Losses{Lost: 1, Active: 1}) // the first a minute ago
	f.moveDomain(second, network.Validated)
	equal(f, f.losses().Lost, 1)
	second = f.getDomain(second)
	second.Lost = false
	f.update(func(tx store.Tx) error { return tx.UpdateDomain(f.ctx, second) })
	equal(f, f.losses().Lost, 0)
}

func activeAreCounted(f *fixture) {
	f.activeDomain("a.example.com")
	f.as("stranger").activeDomain("b.example.com")
	f.newDomain(f.newSite("shop"), "pending.example.com")
	f.moveDomain(f.activeDomain("c.example.com"), network.Releasing)
	equal(f, f.losses(), network.Losses{Active: 2})
}
