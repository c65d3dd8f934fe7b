package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var contestTests = []test{
	{"a contest is kept as it was written", contestIsKept},
	{"the contests of a hostname are listed oldest first", contestsAreListed},
	{"a contender's contest is replaced by its next", contestIsReplaced},
	{"a hostname has one open contest and any number of ended ones", oneContestIsOpen},
	{"a contest that would be a second open one leaves the first as it was", secondContestLoses},
	{"a contest needs domains of the tenants it names", contestOfUnknown},
	{"a tenant does not contest its own hostname", contestOfOneself},
	{"a deleted contest is gone, and deleting none does nothing", contestIsDeleted},
}

// newContest is an open contest of a new rival against a holder, not inserted yet.
func (f *fixture) newContest(rival string, holder network.Domain) network.Contest {
	f.Helper()
	return blankContest(f.rival(rival, holder.Hostname), holder, f.now)
}

func blankContest(contender, holder network.Domain, at time.Time) network.Contest {
	return network.Contest{
		Hostname:    holder.Hostname,
		ContenderID: contender.ID, ContenderTenant: contender.TenantID,
		HolderID: holder.ID, HolderTenant: holder.TenantID,
		Token: "keep-" + string(contender.ID), OpenedAt: at, Until: at.Add(72 * time.Hour), Outcome: network.ContestOpen,
	}
}

func (f *fixture) putContest(c network.Contest) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.PutContest(f.ctx, c) })
}

func (f *fixture) contestsOn(hostname string) []network.Contest {
	f.Helper()
	return read(f, func(tx store.Tx) ([]network.Contest, error) { return tx.ContestsOn(f.ctx, hostname) })
}

func (f *fixture) deleteContest(contender id.Domain) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.DeleteContest(f.ctx, contender) })
}

// holder is a domain that has its hostname.
func (f *fixture) holder(hostname string) network.Domain {
	f.Helper()
	return f.moveDomain(f.newDomain(f.newSite("holder"), hostname), network.Validated)
}

func contestIsKept(f *fixture) {
	c := f.newContest("rival", f.holder("shop.example.com"))
	f.putContest(c)
	equal(f, f.contestsOn("shop.example.com"), []network.Contest{c})
	equal(f, f.contestsOn("blog.example.com"), nil)
}

func contestsAreListed(f *fixture) {
	holder := f.holder("shop.example.com")
	young, old := f.newContest("young", holder), f.newContest("old", holder)
	old.OpenedAt, old.Outcome = f.now.Add(-time.Hour), network.ContestKept
	f.putContest(young)
	f.putContest(old)
	equal(f, f.contestsOn("shop.example.com"), []network.Contest{old, young})
}

func contestIsReplaced(f *fixture) {
	c := f.newContest("rival", f.holder("shop.example.com"))
	f.putContest(c)
	heir := f.rival("heir", "www.example.com")
	c.Hostname, c.HolderID, c.HolderTenant = heir.Hostname, heir.ID, heir.TenantID
	c.Token, c.Outcome = "another", network.ContestLost
	c.OpenedAt, c.Until = f.now.Add(time.Hour), f.now.Add(2*time.Hour)
	f.putContest(c)
	equal(f, f.contestsOn("shop.example.com"), nil)
	equal(f, f.contestsOn("www.example.com"), []network.Contest{c})
}

func oneContestIsOpen(f *fixture) {
	holder := f.holder("shop.example.com")
	put := func(c network.Contest) error {
		return f.try(func(tx store.Tx) error { return tx.PutContest(f.ctx, c) })
	}
	first, second, third := f.newContest("first", holder), f.newContest("second", holder), f.newContest("third", holder)
	f.must(put(first))
	f.is(put(second), lifecycle.ErrLostRace)
	for _, outcome := range []network.ContestOutcome{network.ContestKept, network.ContestLost} {
		second.Outcome, third.Outcome = outcome, outcome
		f.must(put(second))
		f.must(put(third))
	}
	second.Outcome = network.ContestOpen
	f.is(put(second), lifecycle.ErrLostRace)
	first.Outcome = network.ContestKept
	f.must(put(first))
	f.must(put(second))
}

func secondContestLoses(f *fixture) {
	holder := f.holder("shop.example.com")
	first, second := f.newContest("first", holder), f.newContest("second", holder)
	f.putContest(first)
	f.is(f.try(func(tx store.Tx) error { return tx.PutContest(f.ctx, second) }), lifecycle.ErrLostRace)
	equal(f, f.contestsOn("shop.example.com"), []network.Contest{first})
}

func contestOfUnknown(f *fixture) {
	right := f.newContest("rival", f.holder("shop.example.com"))
	stranger := f.newTenant("stranger")
	refuses := func(missing id.Domain, change func(c *network.Contest)) {
		f.Helper()
		c := right
		change(&c)
		f.notFound(f.try(func(tx store.Tx) error { return tx.PutContest(f.ctx, c) }), "domain", string(missing))
	}
	for range 2 { // as a new contest, and as one that replaces
		refuses(right.ContenderID, func(c *network.Contest) { c.ContenderTenant = stranger })
		refuses(right.HolderID, func(c *network.Contest) { c.HolderTenant = stranger })
		refuses("dom_1", func(c *network.Contest) { c.ContenderID = "dom_1" })
		refuses("dom_1", func(c *network.Contest) { c.HolderID = "dom_1" })
		f.putContest(right)
		right.Outcome = network.ContestKept
		f.putContest(right)
	}
	equal(f, f.contestsOn("shop.example.com"), []network.Contest{right})
}

func contestOfOneself(f *fixture) {
	holder := f.holder("shop.example.com")
	mine := f.newDomain(f.newSite("mine"), "www.example.com")
	f.refused(func(tx store.Tx) error { return tx.PutContest(f.ctx, blankContest(mine, holder, f.now)) })
	equal(f, f.contestsOn("shop.example.com"), nil)
}

func contestIsDeleted(f *fixture) {
	holder := f.holder("shop.example.com")
	gone, stays := f.newContest("first", holder), f.newContest("second", holder)
	stays.Outcome = network.ContestKept
	f.putContest(gone)
	f.putContest(stays)
	f.deleteContest(gone.ContenderID)
	f.deleteContest(gone.ContenderID)
	f.deleteContest("dom_1")
	equal(f, f.contestsOn("shop.example.com"), []network.Contest{stays})
}
