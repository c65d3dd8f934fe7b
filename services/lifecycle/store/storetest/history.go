package storetest

import (
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var historyTests = []test{
	{"the first history row of an object is its creation", historyBegins},
	{"a history row says who, why, by which operation and in which trace", historyTells},
	{"a transition, its history row and its event come or go together", transitionIsOne},
	{"a history is one unbroken chain from creation to the present status", historyIsAChain},
	{"the histories of several objects are joined oldest first", historiesAreJoined},
}

func (f *fixture) historyOf(objects ...string) []lifecycle.Change {
	f.Helper()
	return read(f, func(tx store.Tx) ([]lifecycle.Change, error) { return tx.HistoryOf(f.ctx, objects) })
}

func historyBegins(f *fixture) {
	s := f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	equal(f, f.historyOf(string(s.ID)), []lifecycle.Change{{
		ObjectID: string(s.ID), TenantID: string(f.tenant), Event: "create", To: "CREATED", Cause: f.cause("asked for"),
	}})
	equal(f, f.historyOf(string(d.ID)), []lifecycle.Change{{
		ObjectID: string(d.ID), TenantID: string(f.tenant), Event: "create", To: "PENDING_DNS", Cause: f.cause("asked for"),
	}})
}

func historyTells(f *fixture) {
	s := f.newSite("shop")
	c := f.siteChange(s, site.Provisioning)
	f.update(func(tx store.Tx) error { return tx.TransitionSite(f.ctx, c) })
	equal(f, f.historyOf(string(s.ID))[1:], []lifecycle.Change{c})
}

func transitionIsOne(f *fixture) {
	s := f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	before := f.eventsAfter(0, 10)
	f.is(f.try(func(tx store.Tx) error {
		f.must(tx.TransitionSite(f.ctx, f.siteChange(s, site.Provisioning)))
		f.must(tx.TransitionDomain(f.ctx, f.domainChange(d, network.Validated)))
		return errStop
	}), errStop)
	equal(f, f.getSite(s), s)
	equal(f, f.getDomain(d), d)
	equal(f, len(f.historyOf(string(s.ID), string(d.ID))), 2)
	equal(f, f.eventsAfter(0, 10), before)
}

func historyIsAChain(f *fixture) {
	s := f.moveSite(f.newSite("shop"), site.Provisioning, site.Error, site.Provisioning, site.DomainPendingDNS,
		site.DomainValidated, site.DomainPendingDNS, site.Deleting, site.Deleted)
	from := ""
	for _, c := range f.historyOf(string(s.ID)) {
		equal(f, c.From, from)
		from = c.To
	}
	equal(f, from, string(s.Status))
}

func historiesAreJoined(f *fixture) {
	s := f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	f.moveSite(s, site.Provisioning)
	f.moveDomain(d, network.Validated)
	f.newSite("other")
	var got []string
	for _, c := range f.historyOf(string(d.ID), string(s.ID)) {
		got = append(got, c.To)
	}
	equal(f, got, []string{"CREATED", "PENDING_DNS", "PROVISIONING", "VALIDATED"})
	equal(f, f.historyOf(), nil)
}
