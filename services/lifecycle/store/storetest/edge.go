package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var edgeTests = []test{
	{"an edge is kept as it was written", edgeIsKept},
	{"an unknown edge is not found", unknownEdge},
	{"putting an edge again replaces its name and addresses only", edgeIsReplaced},
	{"an edge that is put keeps its policy, or repairs when it has none", edgePolicy},
	{"an update writes all but what operators and enrolment say", edgeUpdates},
	{"a description writes what operators and enrolment say, and no more", edgeIsDescribed},
	{"a description may ask for a whole snapshot, and does not take that back", describedNeedsWhole},
	{"a forgotten edge has no changes and no pins, and others keep theirs", edgeIsForgotten},
	{"edges are listed by id", edgesAreListed},
	{"each change is a row of its own with a higher number", changesAreCounted},
	{"exactly the changes given are deleted", changesAreDeleted},
	{"the number of a deleted change is never used again", numbersAreNotReused},
	{"changes of another edge are not deleted", foreignChangesStay},
	{"exactly the changes given are proved by a canary, until they must be proved again", changesSoak},
	{"a site's changes are those on all edges", changesOfSite},
	{"a change of an unknown edge or site is refused", changeOfUnknown},
}

func (f *fixture) getEdge(e edge.Edge) edge.Edge {
	f.Helper()
	return read(f, func(tx store.Tx) (edge.Edge, error) { return tx.GetEdge(f.ctx, e.ID) })
}

func edgeIsKept(f *fixture) {
	e := f.newEdge("one")
	equal(f, f.getEdge(e), e)
	full := f.described(f.proven(edge.Edge{ID: id.NewEdge(), Name: "two", Address: "127.0.0.1:1"}))
	f.update(func(tx store.Tx) error { return tx.PutEdge(f.ctx, full) })
	equal(f, f.getEdge(full), full)
}

func unknownEdge(f *fixture) {
	f.notFound(f.try(func(tx store.Tx) error { _, err := tx.GetEdge(f.ctx, "edge_1"); return err }), "edge", "edge_1")
	f.notFound(f.try(func(tx store.Tx) error { return tx.UpdateEdge(f.ctx, edge.Edge{ID: "edge_1"}) }), "edge", "edge_1")
	f.notFound(f.try(func(tx store.Tx) error { return tx.DescribeEdge(f.ctx, edge.Edge{ID: "edge_1"}) }), "edge", "edge_1")
}

// proven is an edge with every field of its reports set.
func (f *fixture) proven(e edge.Edge) edge.Edge {
	e.ProbePublicKey = []byte{1, 2, 3}
	e.Generation, e.ProvenGeneration, e.ProvenDigest, e.NeedsWhole = 1<<40, 1<<39, "abc", false
	e.LastSeenAt, e.FaultReason, e.FaultMessage = f.now, "CONFIG_REJECTED", "bad header"
	e.FaultSiteID = id.NewSite()
	e.DriftPolicy, e.RendererVersion, e.NginxVersion = drift.Hold, "v7", "1.29.3"
	return e
}

// described is an edge with every field set that operators and enrolment write.
func (f *fixture) described(e edge.Edge) edge.Edge {
	e.Name, e.Address, e.PublicAddresses = "other", "127.0.0.1:1", []string{"192.0.2.7"}
	e.Labels = edge.Labels{"region": "eu", "canary": "true", "bare": ""}
	e.Certificate = edge.Certificate{Serial: "0a1b", Previous: "ff", JoinedAt: f.now.Add(-time.Hour), ExpiresAt: f.now.Add(time.Hour)}
	e.EvictedAt = f.now
	return e
}

func edgeUpdates(f *fixture) {
	e := f.newEdge("one")
	want := f.proven(e)
	f.update(func(tx store.Tx) error { return tx.UpdateEdge(f.ctx, f.described(want)) })
	equal(f, f.getEdge(e), want)
	want = f.described(want)
	f.update(func(tx store.Tx) error { return tx.DescribeEdge(f.ctx, want) })
	given := want
	given.Labels, given.Certificate, given.EvictedAt = nil, edge.Certificate{}, time.Time{}
	f.update(func(tx store.Tx) error { return tx.UpdateEdge(f.ctx, given) })
	equal(f, f.getEdge(e), want)
}

func edgeIsDescribed(f *fixture) {
	e, other := f.proven(f.newEdge("one")), f.newEdge("two")
	f.update(func(tx store.Tx) error { return tx.UpdateEdge(f.ctx, e) })
	want := f.described(e)
	f.update(func(tx store.Tx) error {
		return tx.DescribeEdge(f.ctx, f.described(edge.Edge{ID: e.ID, Generation: 1, FaultReason: "FUN", DriftPolicy: drift.Repair}))
	})
	equal(f, f.getEdge(e), want)
	equal(f, f.getEdge(other), other)
	want.Name, want.Address, want.PublicAddresses, want.Labels = "one", "", nil, nil
	want.Certificate, want.EvictedAt = edge.Certificate{}, time.Time{}
	f.update(func(tx store.Tx) error { return tx.DescribeEdge(f.ctx, want) })
	equal(f, f.getEdge(e), want)
}

func describedNeedsWhole(f *fixture) {
	e := f.proven(f.newEdge("one"))
	f.update(func(tx store.Tx) error { return tx.UpdateEdge(f.ctx, e) })
	for _, needs := range []bool{true, false} {
		e.NeedsWhole = needs
		f.update(func(tx store.Tx) error { return tx.DescribeEdge(f.ctx, e) })
		equal(f, f.getEdge(e).NeedsWhole, true)
	}
}

func edgeIsForgotten(f *fixture) {
	one, two, s := f.newEdge("one"), f.newEdge("two"), f.newSite("shop")
	f.change(one, s, "op_1")
	f.pin(one, s, 1)
	change, pin := f.change(two, s, "op_1"), f.pin(two, s, 1)
	forget := func(e id.Edge) {
		f.update(func(tx store.Tx) error { return tx.ForgetEdge(f.ctx, e) })
	}
	forget(one.ID)
	forget(one.ID)
	forget("edge_1")
	equal(f, f.changes(one), nil)
	equal(f, f.pinsOfEdge(one), nil)
	equal(f, f.changes(two), []edge.Change{change})
	equal(f, f.pinsOfEdge(two), []edge.Pin{pin})
	equal(f, f.getEdge(one), one)
}

func edgeIsReplaced(f *fixture) {
	want := f.proven(f.newEdge("one"))
	f.update(func(tx store.Tx) error { return tx.UpdateEdge(f.ctx, want) })
	want.Name, want.Address, want.PublicAddresses = "other", "127.0.0.1:1", []string{"192.0.2.7"}
	f.update(func(tx store.Tx) error {
		return tx.PutEdge(f.ctx, edge.Edge{
			ID: want.ID, Name: want.Name, Address: want.Address, PublicAddresses: want.PublicAddresses, NeedsWhole: true,
		})
	})
	equal(f, f.getEdge(want), want)
}

func edgePolicy(f *fixture) {
	e := edge.Edge{ID: id.NewEdge(), Name: "one"}
	put := func(p drift.Policy) drift.Policy {
		e.DriftPolicy = p
		f.update(func(tx store.Tx) error { return tx.PutEdge(f.ctx, e) })
		return f.getEdge(e).DriftPolicy
	}
	equal(f, put(""), drift.Repair)
	equal(f, put(drift.Hold), drift.Repair)
	e.ID = id.NewEdge()
	equal(f, put(drift.Hold), drift.Hold)
	equal(f, put(""), drift.Hold)
	e.DriftPolicy = ""
	f.refused(func(tx store.Tx) error { return tx.UpdateEdge(f.ctx, e) })
}

func edgesAreListed(f *fixture) {
	list := func() []edge.Edge {
		return read(f, func(tx store.Tx) ([]edge.Edge, error) { return tx.ListEdges(f.ctx) })
	}
	equal(f, list(), nil)
	one, two := f.newEdge("two"), f.newEdge("one")
	equal(f, list(), []edge.Edge{one, two})
}

// change adds a change of a site on an edge and returns the last of the edge.
func (f *fixture) change(e edge.Edge, s site.Site, operation string) edge.Change {
	f.Helper()
	c := edge.Change{EdgeID: e.ID, SiteID: s.ID, TenantID: s.TenantID, OperationID: operation, TraceParent: "00-t-s-01"}
	f.update(func(tx store.Tx) error { return tx.AddChange(f.ctx, c) })
	changes := f.changes(e)
	return changes[len(changes)-1]
}

func (f *fixture) changes(e edge.Edge) []edge.Change {
	f.Helper()
	return read(f, func(tx store.Tx) ([]edge.Change, error) { return tx.Changes(f.ctx, e.ID) })
}

func (f *fixture) deleteChanges(e edge.Edge, seqs ...int64) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.DeleteChanges(f.ctx, e.ID, seqs) })
}

func changesAreCounted(f *fixture) {
	e, s := f.newEdge("one"), f.newSite("shop")
	first := f.change(e, s, "op_1")
	second := f.change(e, s, "op_2")
	if second.Seq <= first.Seq {
		f.Errorf("the second change has the number %d after %d", second.Seq, first.Seq)
	}
	equal(f, f.changes(e), []edge.Change{first, second})
	want := edge.Change{
		EdgeID: e.ID, Seq: first.Seq, SiteID: s.ID, TenantID: s.TenantID, OperationID: "op_1", TraceParent: "00-t-s-01",
	}
	equal(f, first, want)
}

func changesAreDeleted(f *fixture) {
	e, s := f.newEdge("one"), f.newSite("shop")
	first := f.change(e, s, "op_1")
	second := f.change(e, s, "op_2")
	third := f.change(e, f.newSite("other"), "op_3")
	f.deleteChanges(e, first.Seq, third.Seq)
	equal(f, f.changes(e), []edge.Change{second})
	f.deleteChanges(e)
	equal(f, f.changes(e), []edge.Change{second})
}

func numbersAreNotReused(f *fixture) {
	e, s := f.newEdge("one"), f.newSite("shop")
	first := f.change(e, s, "op_1")
	f.deleteChanges(e, first.Seq)
	if second := f.change(e, s, "op_2"); second.Seq <= first.Seq {
		f.Errorf("the number %d was used after %d", second.Seq, first.Seq)
	}
}

func foreignChangesStay(f *fixture) {
	one, other, s := f.newEdge("one"), f.newEdge("other"), f.newSite("shop")
	c := f.change(one, s, "op_1")
	f.deleteChanges(other, c.Seq)
	equal(f, f.changes(one), []edge.Change{c})
}

func changesSoak(f *fixture) {
	e, other, s := f.newEdge("one"), f.newEdge("other"), f.newSite("shop")
	first, second, third := f.change(e, s, "op_1"), f.change(e, s, "op_2"), f.change(e, f.newSite("other"), "op_3")
	soak := func(at time.Time, seqs ...int64) {
		f.update(func(tx store.Tx) error { return tx.SoakChanges(f.ctx, e.ID, seqs, at) })
	}
	elsewhere := f.change(other, s, "op_1")
	soak(f.now, first.Seq, third.Seq, elsewhere.Seq, 1<<40)
	soak(f.now)
	first.ProvedAt, third.ProvedAt = f.now, f.now
	equal(f, f.changes(e), []edge.Change{first, second, third})
	equal(f, f.changes(other), []edge.Change{elsewhere})
	equal(f, read(f, func(tx store.Tx) ([]edge.Change, error) { return tx.ChangesOfSite(f.ctx, s.ID) }), []edge.Change{first, second, elsewhere})
	soak(time.Time{}, third.Seq)
	third.ProvedAt = time.Time{}
	equal(f, f.changes(e), []edge.Change{first, second, third})
}

func changesOfSite(f *fixture) {
	one, other, s := f.newEdge("one"), f.newEdge("other"), f.newSite("shop")
	want := []edge.Change{f.change(one, s, "op_1"), f.change(other, s, "op_1")}
	f.change(one, f.newSite("other"), "op_2")
	got := read(f, func(tx store.Tx) ([]edge.Change, error) { return tx.ChangesOfSite(f.ctx, s.ID) })
	equal(f, got, want)
}

func changeOfUnknown(f *fixture) {
	e, s := f.newEdge("one"), f.newSite("shop")
	add := func(edgeID id.Edge, siteID id.Site) error {
		return f.try(func(tx store.Tx) error {
			return tx.AddChange(f.ctx, edge.Change{EdgeID: edgeID, SiteID: siteID, TenantID: f.tenant})
		})
	}
	f.notFound(add("edge_1", s.ID), "edge", "edge_1")
	f.notFound(add(e.ID, "site_1"), "site", "site_1")
}
