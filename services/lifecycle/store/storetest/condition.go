package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var conditionTests = []test{
	{"conditions of sites and domains are kept, ordered by type", conditionsAreKept},
	{"a condition replaces the one of its type", conditionIsReplaced},
	{"a condition of an unknown object is refused", conditionOfUnknown},
	{"setting what is already said writes nothing", conditionIsNotRewritten},
}

func (f *fixture) blankCondition(object string, t condition.Type) condition.Condition {
	return condition.Condition{
		ObjectID: object, Type: t, Status: condition.False, Reason: "DNS_NXDOMAIN", Message: "The name does not exist.",
		Evidence: []string{"ns1: NXDOMAIN", `say "hi"`}, Actor: condition.Tenant, Fix: []string{"Add the record."},
		Since: f.now, TraceID: "t1",
	}
}

func (f *fixture) conditions(object string) []condition.Condition {
	f.Helper()
	return read(f, func(tx store.Tx) ([]condition.Condition, error) { return tx.Conditions(f.ctx, object) })
}

func (f *fixture) putCondition(c condition.Condition) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.PutCondition(f.ctx, c) })
}

func conditionsAreKept(f *fixture) {
	s := f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	synced := f.blankCondition(string(s.ID), condition.EdgeSynced)
	serving := f.blankCondition(string(d.ID), condition.Serving)
	owned := f.blankCondition(string(d.ID), condition.Owned)
	owned.Evidence, owned.Fix, owned.Actor = nil, nil, ""
	for _, c := range []condition.Condition{synced, serving, owned} {
		f.putCondition(c)
	}
	equal(f, f.conditions(string(s.ID)), []condition.Condition{synced})
	equal(f, f.conditions(string(d.ID)), []condition.Condition{owned, serving})
	equal(f, f.conditions("dom_1"), nil)
}

func conditionIsReplaced(f *fixture) {
	s := f.newSite("shop")
	c := f.blankCondition(string(s.ID), condition.EdgeSynced)
	f.putCondition(c)
	want := condition.Condition{
		ObjectID: c.ObjectID, Type: c.Type, Status: condition.True, Reason: condition.ReasonConfirmed,
		Message: "Proved.", Since: f.now.Add(time.Minute), TraceID: "t2",
	}
	f.putCondition(want)
	equal(f, f.conditions(string(s.ID)), []condition.Condition{want})
}

func conditionOfUnknown(f *fixture) {
	c := f.blankCondition("site_1", condition.EdgeSynced)
	f.notFound(f.try(func(tx store.Tx) error { return tx.PutCondition(f.ctx, c) }), "site or domain", "site_1")
}

func conditionIsNotRewritten(f *fixture) {
	s := f.newSite("shop")
	c := f.blankCondition(string(s.ID), condition.EdgeSynced)
	f.putCondition(c)
	again := c
	again.Since, again.TraceID = f.now.Add(time.Hour), "t2"
	f.update(func(tx store.Tx) error { return condition.Set(f.ctx, tx, again) })
	equal(f, f.conditions(string(s.ID)), []condition.Condition{c})
}
