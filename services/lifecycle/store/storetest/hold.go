package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var holdTests = []test{
	{"a hold is kept as it was written", holdIsKept},
	{"a target without a hold has no active one", holdIsMissing},
	{"a target has one active hold", oneHoldIsActive},
	{"of two holds of a target begun at once one wins", holdsRace},
	{"an update writes the confirmation and the end only", holdUpdates},
	{"an ended hold is not active, and another may begin", holdEnds},
	{"an ended hold of the same id begins anew, unconfirmed", holdBeginsAnew},
	{"an ended hold is not changed any more", endedHoldStays},
	{"two targets may hold the same names, each by itself", sameNamesOnTwoTargets},
	{"of several holds of one id the one that waits longest is found", waitingHoldIsFound},
	{"an unknown hold is not found", unknownHold},
	{"a confirmation has a name and a time", confirmationIsWhole},
	{"the holds that have not ended are listed oldest first", holdsAreListed},
	{"beginning and end of a hold are events of the installation", holdTells},
	{"a hold that was not written leaves no event", holdLeavesNothing},
}

func (f *fixture) blankHold(target drift.Target, holdID string) hold.Hold {
	return hold.Hold{
		ID: holdID, Target: target, Names: []string{"a.example.com", `odd "name"`}, Count: 17, Held: 20, Since: f.now,
	}
}

// newHold inserts a hold and returns it.
func (f *fixture) newHold(target drift.Target, holdID string) hold.Hold {
	f.Helper()
	h := f.blankHold(target, holdID)
	f.must(f.insertHold(h))
	return h
}

func (f *fixture) insertHold(h hold.Hold) error {
	return f.try(func(tx store.Tx) error { return tx.InsertHold(f.ctx, h) })
}

func (f *fixture) updateHold(h hold.Hold) error {
	return f.try(func(tx store.Tx) error { return tx.UpdateHold(f.ctx, h) })
}

// confirm confirms a hold and returns it as it is then.
func (f *fixture) confirm(h hold.Hold) hold.Hold {
	f.Helper()
	h.ConfirmedBy, h.ConfirmedAt = "key:1", f.now
	f.must(f.updateHold(h))
	return h
}

// end ends a hold and returns it as it is then.
func (f *fixture) end(h hold.Hold) hold.Hold {
	f.Helper()
	h.EndedAt = f.now
	f.must(f.updateHold(h))
	return h
}

func (f *fixture) getHold(holdID string) hold.Hold {
	f.Helper()
	return read(f, func(tx store.Tx) (hold.Hold, error) { return tx.GetHold(f.ctx, holdID) })
}

// active checks which hold of a target is active; the zero one for none.
func (f *fixture) active(target drift.Target, want hold.Hold) {
	f.Helper()
	f.must(f.store.View(f.ctx, func(tx store.Tx) error {
		got, ok, err := tx.ActiveHold(f.ctx, target)
		equal(f, ok, want.ID != "")
		equal(f, got, want)
		return err
	}))
}

func (f *fixture) listHolds() []hold.Hold {
	f.Helper()
	return read(f, func(tx store.Tx) ([]hold.Hold, error) { return tx.ListHolds(f.ctx) })
}

func holdIsKept(f *fixture) {
	h := f.newHold(oneEdge, "hold_1")
	equal(f, f.getHold("hold_1"), h)
	f.active(oneEdge, h)
	lost := f.blankHold(drift.Target{Kind: hold.DNSLost}, "hold_2")
	lost.Names = nil
	f.must(f.insertHold(lost))
	f.active(lost.Target, lost)
}

func holdIsMissing(f *fixture) {
	f.newHold(aTunnel, "hold_1")
	f.active(oneEdge, hold.Hold{})
	f.active(drift.Target{Kind: drift.Edge, ID: aTunnel.ID}, hold.Hold{})
}

func oneHoldIsActive(f *fixture) {
	h := f.newHold(oneEdge, "hold_1")
	f.is(f.insertHold(f.blankHold(oneEdge, "hold_2")), lifecycle.ErrLostRace)
	again := f.blankHold(oneEdge, "hold_1")
	again.Count = 99
	f.is(f.insertHold(again), lifecycle.ErrLostRace)
	f.active(oneEdge, h)
	f.newHold(aTunnel, "hold_2")
}

func holdsRace(f *fixture) {
	h := f.blankHold(oneEdge, "hold_1")
	f.oneWins(func(tx store.Tx) error { return tx.InsertHold(f.ctx, h) })
	f.active(oneEdge, h)
}

func holdUpdates(f *fixture) {
	want := f.newHold(oneEdge, "hold_1")
	bystander := f.newHold(aTunnel, "hold_2")
	f.after(time.Minute)
	want.ConfirmedBy, want.ConfirmedAt = "key:1", f.now
	given := want
	given.Names, given.Count, given.Held, given.Since = nil, 1, 2, f.now
	f.must(f.updateHold(given))
	equal(f, f.getHold("hold_1"), want)
	f.active(oneEdge, want)
	want = f.end(want)
	equal(f, f.getHold("hold_1"), want)
	equal(f, f.getHold("hold_2"), bystander)
}

func holdEnds(f *fixture) {
	f.end(f.newHold(oneEdge, "hold_1"))
	f.active(oneEdge, hold.Hold{})
	f.active(oneEdge, f.newHold(oneEdge, "hold_2"))
}

func holdBeginsAnew(f *fixture) {
	f.end(f.confirm(f.newHold(oneEdge, "hold_1")))
	f.after(time.Hour)
	anew := f.blankHold(oneEdge, "hold_1")
	anew.Names, anew.Count, anew.Held = []string{"b.example.com"}, 3, 4
	f.must(f.insertHold(anew))
	f.active(oneEdge, anew)
	equal(f, f.getHold("hold_1"), anew)
	equal(f, f.listHolds(), []hold.Hold{anew})
}

func endedHoldStays(f *fixture) {
	h := f.newHold(oneEdge, "hold_1")
	ended := f.end(h)
	f.after(time.Minute)
	h.ConfirmedBy, h.ConfirmedAt = "key:1", f.now
	f.is(f.updateHold(h), lifecycle.ErrLostRace)
	equal(f, f.getHold("hold_1"), ended)
	f.active(oneEdge, hold.Hold{})
	equal(f, len(f.eventsAfter(0, 10)), 2)
}

func sameNamesOnTwoTargets(f *fixture) {
	two := drift.Target{Kind: drift.Edge, ID: "edge_2"}
	first := f.newHold(oneEdge, "hold_1")
	second := f.newHold(two, "hold_1")
	first = f.confirm(first)
	f.active(oneEdge, first)
	f.active(two, second)
	f.end(first)
	f.active(oneEdge, hold.Hold{})
	f.active(two, second)
}

func waitingHoldIsFound(f *fixture) {
	first := f.newHold(oneEdge, "hold_1")
	f.after(time.Minute)
	second := f.newHold(drift.Target{Kind: drift.Edge, ID: "edge_2"}, "hold_1")
	f.after(time.Minute)
	third := f.newHold(drift.Target{Kind: drift.Edge, ID: "edge_0"}, "hold_1")
	equal(f, f.getHold("hold_1"), first)
	f.end(first)
	equal(f, f.getHold("hold_1"), second)
	second = f.confirm(second)
	equal(f, f.getHold("hold_1"), third)
	f.confirm(third)
	equal(f, f.getHold("hold_1"), second)
}

func unknownHold(f *fixture) {
	h := f.newHold(oneEdge, "hold_1")
	get := func(tx store.Tx) error { _, err := tx.GetHold(f.ctx, "hold_2"); return err }
	f.notFound(f.try(get), "hold", "hold_2")
	f.notFound(f.updateHold(f.blankHold(oneEdge, "hold_2")), "hold", "hold_2")
	f.notFound(f.updateHold(f.blankHold(aTunnel, "hold_1")), "hold", "hold_1")
	f.active(oneEdge, h)
}

func confirmationIsWhole(f *fixture) {
	h := f.newHold(oneEdge, "hold_1")
	nobody, never := h, h
	nobody.ConfirmedAt, never.ConfirmedBy = f.now, "key:1"
	f.refused(func(tx store.Tx) error { return tx.UpdateHold(f.ctx, nobody) })
	f.refused(func(tx store.Tx) error { return tx.UpdateHold(f.ctx, never) })
	f.active(oneEdge, h)
}

func holdsAreListed(f *fixture) {
	equal(f, f.listHolds(), nil)
	later := f.blankHold(oneEdge, "hold_1")
	later.Since = f.now.Add(time.Minute)
	f.must(f.insertHold(later))
	sooner := f.newHold(aTunnel, "hold_2")
	ended := f.newHold(drift.Target{Kind: hold.DNSLost}, "hold_3")
	equal(f, f.listHolds(), []hold.Hold{sooner, ended, later})
	f.end(ended)
	sooner = f.confirm(sooner)
	equal(f, f.listHolds(), []hold.Hold{sooner, later})
}

func holdTells(f *fixture) {
	h := f.newHold(aTunnel, "hold_1")
	began := f.now
	h = f.confirm(h)
	equal(f, len(f.eventsAfter(0, 10)), 1)
	f.after(time.Minute)
	f.end(h)
	events := f.eventsAfter(0, 10)
	equal(f, len(events), 2)
	want := map[string]any{
		"target_kind": "tunnel", "target_id": "tun_1", "names": []any{"a.example.com", `odd "name"`},
		"count": 17.0, "held": 20.0, "since": began.Format(time.RFC3339Nano),
	}
	equal(f, f.says(events[0], "hold.begun", "hold_1", began), want)
	want["confirmed_by"], want["confirmed_at"] = "key:1", began.Format(time.RFC3339Nano)
	equal(f, f.says(events[1], "hold.ended", "hold_1", f.now), want)
}

func holdLeavesNothing(f *fixture) {
	h := f.newHold(oneEdge, "hold_1")
	before := f.eventsAfter(0, 10)
	f.is(f.insertHold(h), lifecycle.ErrLostRace)
	f.is(f.try(func(tx store.Tx) error {
		gone := h
		gone.EndedAt = f.now
		f.must(tx.UpdateHold(f.ctx, gone))
		f.must(tx.InsertHold(f.ctx, f.blankHold(oneEdge, "hold_2")))
		return errStop
	}), errStop)
	f.active(oneEdge, h)
	equal(f, f.eventsAfter(0, 10), before)
}
