package storetest

import (
	"encoding/json"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var driftTests = []test{
	{"a drift is kept as it was written", driftIsKept},
	{"the open drifts of a target are ordered by place and kind", openDriftsAreOrdered},
	{"a difference is open once per target, kind and place", driftIsOpenOnce},
	{"of two looks at once one opens a drift", driftsRace},
	{"a closed drift is not open, and the same may be found again", driftCloses},
	{"a drift is closed once", driftClosesOnce},
	{"an unknown drift is not found", unknownDrift},
	{"an outcome belongs to the end", driftNeedsOutcome},
	{"drifts are listed newest first, open or all, no more than asked for", driftsAreListed},
	{"opening and closing a drift are events of the installation", driftTells},
	{"a drift that was not written leaves no event", driftLeavesNothing},
}

var (
	oneEdge  = drift.Target{Kind: drift.Edge, ID: "edge_1"}
	aTunnel  = drift.Target{Kind: drift.Tunnel, ID: "tun_1"}
	anyPlace = "/etc/nginx/nginx.conf"
)

func (f *fixture) blankDrift(target drift.Target, kind, place string) drift.Drift {
	return drift.Drift{
		ID: id.NewDrift(), Target: target,
		Finding: drift.Finding{
			Kind: kind, Place: place, Detail: "is not what was written", Cause: "somebody edited it",
			Since: f.now.Add(-time.Hour), Foreign: true, Diff: "--- a\n+++ b\n", Owner: "root",
		},
		FoundAt: f.now, TraceID: "t1",
	}
}

// newDrift inserts a drift and returns it.
func (f *fixture) newDrift(target drift.Target, kind, place string) drift.Drift {
	f.Helper()
	d := f.blankDrift(target, kind, place)
	f.must(f.insertDrift(d))
	return d
}

func (f *fixture) insertDrift(d drift.Drift) error {
	return f.try(func(tx store.Tx) error { return tx.InsertDrift(f.ctx, d) })
}

func (f *fixture) closeDrift(d drift.Drift, outcome drift.Outcome) error {
	return f.try(func(tx store.Tx) error { return tx.CloseDrift(f.ctx, d.ID, f.now, outcome) })
}

func (f *fixture) openDrifts(target drift.Target) []drift.Drift {
	f.Helper()
	return read(f, func(tx store.Tx) ([]drift.Drift, error) { return tx.OpenDrifts(f.ctx, target) })
}

func (f *fixture) listDrifts(open bool, limit int) []drift.Drift {
	f.Helper()
	return read(f, func(tx store.Tx) ([]drift.Drift, error) { return tx.ListDrifts(f.ctx, open, limit) })
}

func driftIsKept(f *fixture) {
	d := f.newDrift(oneEdge, "FILE_CHANGED", anyPlace)
	equal(f, f.openDrifts(oneEdge), []drift.Drift{d})
	bare := f.blankDrift(aTunnel, "RULE_MISSING", "")
	bare.Since, bare.Foreign, bare.Diff, bare.Owner = time.Time{}, false, "", ""
	f.must(f.insertDrift(bare))
	equal(f, f.openDrifts(aTunnel), []drift.Drift{bare})
}

func openDriftsAreOrdered(f *fixture) {
	third := f.newDrift(oneEdge, "A", "b")
	second := f.newDrift(oneEdge, "B", "a")
	first := f.newDrift(oneEdge, "A", "a")
	f.newDrift(aTunnel, "A", "a")
	f.newDrift(drift.Target{Kind: drift.Edge, ID: aTunnel.ID}, "A", "a")
	equal(f, f.openDrifts(oneEdge), []drift.Drift{first, second, third})
}

func driftIsOpenOnce(f *fixture) {
	f.newDrift(oneEdge, "FILE_CHANGED", anyPlace)
	f.is(f.insertDrift(f.blankDrift(oneEdge, "FILE_CHANGED", anyPlace)), lifecycle.ErrLostRace)
	f.newDrift(oneEdge, "FILE_MISSING", anyPlace)
	f.newDrift(oneEdge, "FILE_CHANGED", "")
	f.newDrift(aTunnel, "FILE_CHANGED", anyPlace)
	equal(f, len(f.openDrifts(oneEdge)), 3)
}

func driftsRace(f *fixture) {
	f.oneWins(func(tx store.Tx) error { return tx.InsertDrift(f.ctx, f.blankDrift(oneEdge, "FILE_CHANGED", anyPlace)) })
	equal(f, len(f.openDrifts(oneEdge)), 1)
}

func driftCloses(f *fixture) {
	d, stays := f.newDrift(oneEdge, "FILE_CHANGED", anyPlace), f.newDrift(oneEdge, "WORKER_OLD", "")
	f.after(time.Minute)
	f.must(f.closeDrift(d, drift.Repaired))
	equal(f, f.openDrifts(oneEdge), []drift.Drift{stays})
	d.ClosedAt, d.Outcome = f.now, drift.Repaired
	again := f.newDrift(oneEdge, "FILE_CHANGED", anyPlace)
	equal(f, f.openDrifts(oneEdge), []drift.Drift{stays, again})
	equal(f, f.listDrifts(false, 10), []drift.Drift{again, stays, d})
}

func driftClosesOnce(f *fixture) {
	d := f.newDrift(oneEdge, "FILE_CHANGED", anyPlace)
	f.must(f.closeDrift(d, drift.Gone))
	before := f.listDrifts(false, 10)
	f.after(time.Minute)
	f.is(f.closeDrift(d, drift.Repaired), lifecycle.ErrLostRace)
	equal(f, f.listDrifts(false, 10), before)
	equal(f, len(f.eventsAfter(0, 10)), 2)
}

func unknownDrift(f *fixture) {
	f.newDrift(oneEdge, "FILE_CHANGED", anyPlace)
	f.notFound(f.closeDrift(drift.Drift{ID: "drift_1"}, drift.Gone), "drift", "drift_1")
}

func driftNeedsOutcome(f *fixture) {
	d := f.newDrift(oneEdge, "FILE_CHANGED", anyPlace)
	for _, outcome := range []drift.Outcome{"", "fun"} {
		f.refused(func(tx store.Tx) error { return tx.CloseDrift(f.ctx, d.ID, f.now, outcome) })
	}
	equal(f, f.openDrifts(oneEdge), []drift.Drift{d})
}

func driftsAreListed(f *fixture) {
	equal(f, f.listDrifts(false, 10), nil)
	first, second := f.newDrift(oneEdge, "A", ""), f.newDrift(oneEdge, "B", "")
	f.after(time.Minute)
	third := f.newDrift(aTunnel, "A", "")
	f.must(f.closeDrift(second, drift.Gone))
	second.ClosedAt, second.Outcome = f.now, drift.Gone
	equal(f, f.listDrifts(false, 10), []drift.Drift{third, second, first})
	equal(f, f.listDrifts(false, 2), []drift.Drift{third, second})
	equal(f, f.listDrifts(true, 10), []drift.Drift{third, first})
	equal(f, f.listDrifts(true, 1), []drift.Drift{third})
}

// says checks the type, the object and the time of an event of the installation,
// and returns what it says.
func (f *fixture) says(e event.Event, eventType event.Type, object string, at time.Time) map[string]any {
	f.Helper()
	var data map[string]any
	f.must(json.Unmarshal([]byte(e.Data), &data))
	e.Data = ""
	equal(f, e, event.Event{Seq: e.Seq, Type: eventType, ObjectID: object, At: at})
	return data
}

func driftTells(f *fixture) {
	d := f.newDrift(oneEdge, "FILE_CHANGED", anyPlace)
	found := f.now
	f.must(f.closeDrift(d, drift.Repaired))
	events := f.eventsAfter(0, 10)
	equal(f, len(events), 2)
	want := map[string]any{
		"target_kind": "edge", "target_id": "edge_1", "kind": "FILE_CHANGED", "place": anyPlace,
		"detail": d.Detail, "cause": d.Cause, "since": d.Since.Format(time.RFC3339Nano), "foreign": true,
		"found_at": found.Format(time.RFC3339Nano), "trace_id": "t1",
	}
	equal(f, f.says(events[0], "drift.found", string(d.ID), found), want)
	want["outcome"] = "repaired"
	equal(f, f.says(events[1], "drift.closed", string(d.ID), f.now), want)
}

func driftLeavesNothing(f *fixture) {
	d := f.newDrift(oneEdge, "FILE_CHANGED", anyPlace)
	before := f.eventsAfter(0, 10)
	f.is(f.insertDrift(f.blankDrift(oneEdge, "FILE_CHANGED", anyPlace)), lifecycle.ErrLostRace)
	f.is(f.try(func(tx store.Tx) error {
		f.must(tx.CloseDrift(f.ctx, d.ID, f.now, drift.Gone))
		f.must(tx.InsertDrift(f.ctx, f.blankDrift(aTunnel, "RULE_MISSING", "")))
		return errStop
	}), errStop)
	equal(f, f.listDrifts(false, 10), []drift.Drift{d})
	equal(f, f.eventsAfter(0, 10), before)
}
