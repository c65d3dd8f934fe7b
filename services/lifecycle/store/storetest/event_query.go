package storetest

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// outbox fills the outbox with events of every kind.
func (f *fixture) outbox() []event.Event {
	f.Helper()
	other := f.as("other")
	for _, g := range []*fixture{f, other} {
		for _, slug := range []string{"shop", "blog"} {
			s := g.newSite(string(g.tenant) + slug)
			d := g.newDomain(s, s.Slug+".example.com")
			g.moveSite(s, site.Provisioning)
			g.moveDomain(d, network.Validated)
			g.emit(event.Event{Type: event.OperationCancelled, TenantID: string(g.tenant), ObjectID: "op_" + slug, SiteID: string(s.ID), Data: "{}", At: g.now})
		}
		g.emit(event.Event{Type: event.KeyCreated, TenantID: string(g.tenant), ObjectID: "key_1", Data: "{}", At: g.now})
	}
	f.emit(event.Event{Type: event.DriftPolicySet, ObjectID: "edge_1", Data: "{}", At: f.now})
	return f.eventsAfter(0, 1000)
}

func eventsAreTold(f *fixture) {
	s, other := f.newSite("shop"), f.newSite("blog")
	d := f.newDomain(s, "shop.example.com")
	f.rival("stranger", "theirs.example.com")
	f.emit(event.Event{Type: event.DriftPolicySet, ObjectID: "edge_1", Data: "{}", At: f.now})
	of := func(q event.Query) (objects []string) {
		q.Limit = 10
		for _, e := range f.events(q) {
			objects = append(objects, e.ObjectID)
		}
		return objects
	}
	tenant, shop, blog, name := string(f.tenant), string(s.ID), string(other.ID), string(d.ID)
	equal(f, len(of(event.Query{})), 6)
	equal(f, of(event.Query{TenantID: tenant}), []string{shop, blog, name})
	equal(f, of(event.Query{ObjectID: shop}), []string{shop, name})
	equal(f, of(event.Query{ObjectID: name}), []string{name})
	equal(f, of(event.Query{ObjectID: "edge_1"}), []string{"edge_1"})
	equal(f, of(event.Query{TenantID: tenant, ObjectID: shop}), []string{shop, name})
	equal(f, of(event.Query{TenantID: tenant, ObjectID: "edge_1"}), nil)
	equal(f, of(event.Query{TenantID: tenant, SiteIDs: []string{shop, "site_1"}}), []string{shop, name})
	equal(f, of(event.Query{TenantID: tenant, SiteIDs: []string{}}), nil)
	equal(f, of(event.Query{SiteIDs: []string{""}}), nil)
}

// eventsAreFound compares the store with the meaning of random queries.
func eventsAreFound(f *fixture) {
	every := f.outbox()
	rapid.Check(f.T, func(t *rapid.T) {
		q := drawQuery(t, every)
		var want []event.Event
		for _, e := range every {
			if wants(q, e) && len(want) < q.Limit {
				want = append(want, e)
			}
		}
		equal(f, f.events(q), want)
	})
}

// drawQuery draws a query of which each part limits or does not.
func drawQuery(t *rapid.T, every []event.Event) event.Query {
	some := func(label string, of func(e event.Event) string) string {
		if rapid.Bool().Draw(t, label+" or none") {
			return ""
		}
		return of(rapid.SampledFrom(every).Draw(t, label))
	}
	place := func(label string) int64 {
		if rapid.Bool().Draw(t, label+" or none") {
			return 0
		}
		return rapid.SampledFrom(every).Draw(t, label).Seq
	}
	q := event.Query{
		After:    place("after"),
		Until:    place("until"),
		Limit:    rapid.IntRange(1, 40).Draw(t, "limit"),
		TenantID: some("tenant", func(e event.Event) string { return e.TenantID }),
		ObjectID: some("object", func(e event.Event) string { return e.ObjectID }),
	}
	if rapid.Bool().Draw(t, "of types") {
		q.Types = rapid.SliceOfN(rapid.SampledFrom([]string{
			"site.created", "site.*", "domain.*", "operation.cancelled", "key.*", "drift.policy_set", "hold.*",
		}), 0, 3).Draw(t, "types")
	}
	if rapid.Bool().Draw(t, "of sites") {
		q.SiteIDs = []string{}
		for range rapid.IntRange(0, 2).Draw(t, "sites") {
			q.SiteIDs = append(q.SiteIDs, some("site", func(e event.Event) string { return e.SiteID }))
		}
	}
	return q
}

// wants says of one event what a query means.
func wants(q event.Query, e event.Event) bool {
	isOf := func(name string) bool {
		kind, all := strings.CutSuffix(name, ".*")
		return string(e.Type) == name || all && strings.HasPrefix(string(e.Type), kind+".")
	}
	return e.Seq > q.After && (q.Until == 0 || e.Seq <= q.Until) &&
		(q.TenantID == "" || e.TenantID == q.TenantID) &&
		(len(q.Types) == 0 || slices.ContainsFunc(q.Types, isOf)) &&
		(q.ObjectID == "" || e.ObjectID == q.ObjectID || e.SiteID == q.ObjectID) &&
		(q.SiteIDs == nil || e.SiteID != "" && slices.Contains(q.SiteIDs, e.SiteID))
}

func typesAreWhole(f *fixture) {
	f.outbox()
	for _, name := range []string{"*", "s*", "site*", "s?te.*", "[s]ite.*", "site._reated", "%", "Site.created", "site", "site.", ".*"} {
		equal(f, f.events(event.Query{Types: []string{name}, Limit: 10}), nil)
	}
}
