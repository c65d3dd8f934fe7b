package storetest

import (
	"encoding/json"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var eventTests = []test{
	{"each status change is one event, in order, after the cursor", eventsFollow},
	{"an event is kept as it was emitted and has a place", eventIsKept},
	{"an event about a site or a domain belongs to its site", eventsBelongToSites},
	{"an event of an unknown tenant is refused", eventOfUnknownTenant},
	{"the events of a tenant, of an object and of some sites are told apart", eventsAreTold},
	{"a part of the outbox has the events that the query says", eventsAreFound},
	{"only a kind that is followed by .* takes all of a kind", typesAreWhole},
	{"the places go from the first event that is kept to the last", placesSpan},
	{"an outbox of which nothing is kept goes on where it was", placesGoOn},
	{"a place is given to what was committed only", placesAreCommitted},
	{"the oldest events are pruned, up to so many", eventsArePruned},
	{"a prune leaves no gap", pruneLeavesNoGap},
}

func (f *fixture) events(q event.Query) []event.Event {
	f.Helper()
	f.places()
	return read(f, func(tx store.Tx) ([]event.Event, error) { return tx.Events(f.ctx, q) })
}

func (f *fixture) eventsAfter(seq int64, limit int) []event.Event {
	f.Helper()
	return f.events(event.Query{After: seq, Limit: limit})
}

// emit appends an event and returns it with its place.
func (f *fixture) emit(e event.Event) event.Event {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.Emit(f.ctx, e) })
	_, last := f.places()
	return f.eventsAfter(last-1, 1)[0]
}

// places gives every event its place and returns the first and the last.
func (f *fixture) places() (first, last int64) {
	f.Helper()
	first, last, err := f.store.Sequence(f.ctx)
	f.must(err)
	return first, last
}

func (f *fixture) prune(before time.Time, limit int) (n int) {
	f.Helper()
	f.update(func(tx store.Tx) (err error) {
		n, err = tx.PruneEvents(f.ctx, before, limit)
		return err
	})
	return n
}

func eventsFollow(f *fixture) {
	s := f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	f.moveSite(s, site.Provisioning)
	f.moveDomain(d, network.Validated)
	events := f.eventsAfter(0, 10)
	var types []string
	for i, e := range events {
		types = append(types, string(e.Type))
		if i > 0 && e.Seq <= events[i-1].Seq {
			f.Errorf("event %d has the number %d after %d", i, e.Seq, events[i-1].Seq)
		}
	}
	equal(f, types, []string{"site.created", "domain.created", "site.status_changed", "domain.status_changed"})
	f.tells(events[2], s, f.siteChange(s, site.Provisioning))
	equal(f, f.eventsAfter(events[1].Seq, 10), events[2:])
}

// tells checks that an event is about a change of a site.
func (f *fixture) tells(e event.Event, s site.Site, c lifecycle.Change) {
	f.Helper()
	var data map[string]string
	f.must(json.Unmarshal([]byte(e.Data), &data))
	equal(f, data, map[string]string{
		"from": c.From, "event": c.Event, "to": c.To, "reason": c.Reason, "operation_id": c.OperationID,
	})
	e.Data = ""
	equal(f, e, event.Event{
		Seq: e.Seq, Type: "site.status_changed", TenantID: string(s.TenantID), ObjectID: string(s.ID), SiteID: string(s.ID), At: c.At,
	})
}

func eventIsKept(f *fixture) {
	equal(f, f.eventsAfter(0, 10), nil)
	want := []event.Event{
		{Type: event.KeyCreated, TenantID: string(f.tenant), ObjectID: "key_1", Data: `{"name":"laptop"}`, At: f.now},
		{Type: event.OperationCancelled, TenantID: string(f.tenant), ObjectID: "op_1", SiteID: "site_1", Data: `{}`, At: f.now.Add(-time.Hour)},
		{Type: event.DriftPolicySet, ObjectID: "edge_1", Data: `{}`, At: f.now},
	}
	for i := range want {
		want[i].Seq = f.emit(want[i]).Seq
	}
	equal(f, f.eventsAfter(0, 10), want)
}

func eventsBelongToSites(f *fixture) {
	s := f.newSite("shop")
	d := f.moveDomain(f.newDomain(s, "shop.example.com"), network.Validated, network.Releasing, network.Released)
	f.emit(event.Event{Type: event.SiteUpdated, TenantID: string(f.tenant), ObjectID: string(s.ID), Data: "{}", At: f.now})
	f.emit(event.Event{Type: "domain.looked_at", TenantID: string(f.tenant), ObjectID: string(d.ID), SiteID: "site_1", Data: "{}", At: f.now})
	f.purge(s)
	f.emit(event.Event{Type: event.DomainStatusChanged, TenantID: string(f.tenant), ObjectID: string(d.ID), Data: "{}", At: f.now})
	events := f.eventsAfter(0, 10)
	equal(f, len(events), 8)
	for _, e := range events {
		equal(f, e.SiteID, string(s.ID))
	}
}

func eventOfUnknownTenant(f *fixture) {
	e := event.Event{Type: event.KeyCreated, TenantID: "ten_1", ObjectID: "key_1", Data: "{}", At: f.now}
	f.notFound(f.try(func(tx store.Tx) error { return tx.Emit(f.ctx, e) }), "tenant", "ten_1")
}

func placesSpan(f *fixture) {
	f.spans(0, 0)
	f.newSite("shop")
	f.newSite("blog")
	events := f.eventsAfter(0, 10)
	f.spans(events[0].Seq, events[1].Seq)
	f.newSite("docs")
	f.spans(events[0].Seq, f.eventsAfter(events[1].Seq, 1)[0].Seq)
}

// spans checks the first and the last place, twice.
func (f *fixture) spans(first, last int64) {
	f.Helper()
	want := [2]int64{first, last}
	first, last = f.places()
	equal(f, [2]int64{first, last}, want)
	first, last = f.places()
	equal(f, [2]int64{first, last}, want)
}

func placesGoOn(f *fixture) {
	f.newSite("shop")
	f.newSite("blog")
	_, last := f.places()
	equal(f, f.prune(f.now.Add(time.Hour), 10), 2)
	f.spans(last+1, last)
	f.newSite("docs")
	f.spans(last+1, last+1)
	equal(f, len(f.eventsAfter(last, 10)), 1)
}

func placesAreCommitted(f *fixture) {
	f.newSite("shop")
	first, last := f.places()
	s, r := f.blankSite("blog")
	f.is(f.try(func(tx store.Tx) error {
		f.must(tx.InsertSite(f.ctx, s, r, f.cause("asked for")))
		return errStop
	}), errStop)
	f.spans(first, last)
	f.newSite("docs")
	f.spans(first, last+1)
}

func eventsArePruned(f *fixture) {
	for _, slug := range []string{"a", "b", "c", "d"} {
		f.newSite(slug)
		f.after(time.Minute)
	}
	events := f.eventsAfter(0, 10)
	equal(f, f.prune(events[0].At, 10), 0)
	equal(f, f.prune(events[3].At, 2), 2)
	equal(f, f.eventsAfter(0, 10), events[2:])
	equal(f, f.prune(events[3].At, 2), 1)
	equal(f, f.prune(events[3].At, 2), 0)
	equal(f, f.eventsAfter(0, 10), events[3:])
	f.spans(events[3].Seq, events[3].Seq)
	equal(f, len(f.historyOf(events[0].ObjectID)), 1)
}

func pruneLeavesNoGap(f *fixture) {
	f.newSite("a")
	f.after(time.Hour) // a clock that goes wrong for a while
	f.newSite("b")
	f.after(-time.Hour)
	f.newSite("c")
	events := f.eventsAfter(0, 10)
	equal(f, f.prune(f.now.Add(time.Minute), 10), 1)
	equal(f, f.eventsAfter(0, 10), events[1:])
	equal(f, f.prune(f.now.Add(2*time.Hour), 10), 2)
}
