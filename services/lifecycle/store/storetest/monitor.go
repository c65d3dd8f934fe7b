package storetest

import (
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/monitor"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// What constraints make impossible, the tests of each store plant behind its back.
var monitorTests = []test{
	{"in an empty store no monitor finds anything", monitorsOfNothing},
	{"in a healthy store no monitor finds anything", monitorsAreQuiet},
	{"an ACTIVE domain without accepted evidence that was ever positive is found", unprovedIsFound},
	{"an ACTIVE domain of a tenant that is contradicted since before a time is found once", contradictedIsFound},
	{"a row of history that no transition is, is found", forbiddenIsFound},
	{"a row of history without actor, reason or trace is found", uncausedIsFound},
	{"of history the newest rows are read, or all", newestAreRead},
	{"an operation whose work is due for too long is found", abandonedIsFound},
	{"an operation without work to come is found", forgottenIsFound},
	{"an edge or tunnel ahead of what it was given is found", aheadIsFound},
	{"an edge or tunnel that does not prove a change is found", behindIsFound},
	{"an edge or tunnel that is away and behind is found", awayIsFound},
	{"an open drift of ours that is old is found", oldDriftIsFound},
	{"of late work the oldest of each tenant is found", lateIsFound},
	{"what is found is the oldest, up to the limit, and all is counted", foundIsLimited},
}

// suspects asks for up to ten.
func (f *fixture) suspects(fault monitor.Fault, q monitor.Query) []monitor.Suspect {
	f.Helper()
	q.Limit = 10
	found, total := f.suspectsOf(fault, q)
	equal(f, total, len(found))
	return found
}

func (f *fixture) suspectsOf(fault monitor.Fault, q monitor.Query) (found []monitor.Suspect, total int) {
	f.Helper()
	f.must(f.store.View(f.ctx, func(tx store.Tx) (err error) {
		found, total, err = tx.Suspects(f.ctx, fault, q)
		return err
	}))
	return found, total
}

// quiet checks that no monitor finds anything.
func (f *fixture) quiet() {
	f.Helper()
	for _, whole := range []bool{false, true} {
		report := read(f, func(tx store.Tx) (monitor.Report, error) {
			return monitor.Run(f.ctx, tx, monitor.Settings{Config: lifecycle.Defaults(), Now: f.now, Whole: whole})
		})
		f.must(report.Err())
		equal(f, len(report.Results), len(monitor.Table))
	}
}

func monitorsOfNothing(f *fixture) { f.quiet() }

// monitorsAreQuiet has one of everything that monitors look at, all as it should be.
func monitorsAreQuiet(f *fixture) {
	s, d := f.serving("shop.example.com")
	other, contender := f.as("stranger").serving("other.example.com")
	f.newDomain(s, contender.Hostname) // claims nothing yet
	f.ended("create_site", string(other.ID))
	f.newOperation(string(s.ID))
	f.mark(string(s.ID), f.now, "")
	e, u := f.newEdge("one"), f.newTunnel("one")
	f.change(e, s, string(f.newOperation(string(d.ID)).ID))
	f.mark(string(d.ID), f.now, "")
	f.update(func(tx store.Tx) error {
		e.Generation, e.ProvenGeneration, e.LastSeenAt = 7, 7, f.now
		u.Generation, u.ProvenGeneration, u.LastSeenAt = 7, 6, f.now
		f.must(tx.UpdateEdge(f.ctx, e))
		return tx.UpdateTunnel(f.ctx, u)
	})
	f.newDrift(e.Target(), "FILE_CHANGED", anyPlace)
	f.quiet()
}

// serving is a site with a domain that is ACTIVE by the rules.
func (f *fixture) serving(hostname string) (s site.Site, d network.Domain) {
	f.Helper()
	s = f.newSite(hostname)
	d = f.newDomain(s, hostname)
	f.update(func(tx store.Tx) (err error) {
		s, d = f.getIn(tx, s, d)
		for _, e := range []site.Event{site.Provision, site.EdgeReady} {
			if s, err = site.Apply(f.ctx, tx, s, e, f.cause("put")); err != nil {
				return err
			}
		}
		for _, e := range []network.Event{network.Validate, network.Route, network.Serve} {
			if d, err = network.Apply(f.ctx, tx, d, e, f.cause("put")); err != nil {
				return err
			}
		}
		return nil
	})
	f.prove(d, network.EvidenceNonce)
	return s, d
}

func (f *fixture) getIn(tx store.Tx, s site.Site, d network.Domain) (site.Site, network.Domain) {
	f.Helper()
	s, err := tx.GetSite(f.ctx, s.TenantID, s.ID)
	f.must(err)
	d, err = tx.GetDomain(f.ctx, d.TenantID, d.ID)
	f.must(err)
	return s, d
}

// prove writes evidence that was positive once.
func (f *fixture) prove(d network.Domain, kind network.EvidenceKind) {
	f.Helper()
	e := network.Evidence{DomainID: d.ID, TenantID: d.TenantID, Kind: kind, PositiveAt: f.now, Detail: "{}"}
	f.update(func(tx store.Tx) error { return tx.PutEvidence(f.ctx, e) })
}

// suspected is a domain as a suspect.
func suspected(d network.Domain, since time.Time) monitor.Suspect {
	return monitor.Suspect{ObjectID: string(d.ID), TenantID: string(d.TenantID), Seen: d.Hostname, Since: since}
}

func unprovedIsFound(f *fixture) {
	f.prove(f.activeDomain("proved.example.com"), network.EvidenceNonce)
	f.newDomain(f.newSite("shop"), "pending.example.com")
	bare := f.activeDomain("a.example.com")
	f.after(time.Second)
	never := f.activeDomain("b.example.com")
	f.contradict(never, network.EvidenceNonce, time.Hour)
	f.after(time.Second)
	resolves := f.activeDomain("c.example.com")
	f.prove(resolves, network.EvidenceResolves)
	q := monitor.Query{Accept: []string{"nonce"}}
	equal(f, f.suspects(monitor.Unproved, q), []monitor.Suspect{
		suspected(bare, bare.UpdatedAt), suspected(never, never.UpdatedAt), suspected(resolves, resolves.UpdatedAt),
	})
	q.Accept = []string{"nonce", "resolves"}
	equal(f, len(f.suspects(monitor.Unproved, q)), 2)
}

func contradictedIsFound(f *fixture) {
	d := f.activeDomain("a.example.com")
	f.contradict(d, network.EvidenceNonce, 2*time.Minute)
	f.contradict(d, network.EvidenceResolves, time.Hour)
	f.contradict(f.activeDomain("young.example.com"), network.EvidenceNonce, time.Minute)
	f.contradict(f.newDomain(f.newSite("shop"), "pending.example.com"), network.EvidenceNonce, time.Hour)
	f.contradict(f.activeDomain("owned.example.com"), network.EvidenceOwnership, time.Hour)
	ours := f.blankDomain(f.newSite("ours"), "ours.example.com")
	ours.Kind = network.Platform
	f.update(func(tx store.Tx) error { return tx.InsertDomain(f.ctx, ours, f.cause("asked for")) })
	f.contradict(f.moveDomain(ours, network.Validated, network.Routed, network.Active), network.EvidenceNonce, time.Hour)
	q := monitor.Query{Before: f.now.Add(-time.Minute), Accept: []string{"nonce", "resolves"}}
	equal(f, f.suspects(monitor.Contradicted, q), []monitor.Suspect{suspected(d, f.now.Add(-time.Hour))})
}

func forbiddenIsFound(f *fixture) {
	s := f.newSite("shop")
	f.after(time.Second)
	f.moveSite(s, site.Active)
	accepted := []string{
		monitor.Transition(id.SitePrefix, "", "create", "CREATED"), monitor.Transition(id.DomainPrefix, "", "create", "PENDING_DNS"),
	}
	f.newDomain(s, "shop.example.com")
	found := f.suspects(monitor.Forbidden, monitor.Query{Accept: accepted, Newest: 100})
	equal(f, len(found), 1)
	equal(f, found[0].ObjectID, string(s.ID))
	equal(f, found[0].TenantID, string(s.TenantID))
	equal(f, found[0].Since, f.now)
	if !strings.Contains(found[0].Seen, ", CREATED to ACTIVE by moved") {
		f.Errorf("seen is %q", found[0].Seen)
	}
	accepted = append(accepted, monitor.Transition(id.SitePrefix, "CREATED", "moved", "ACTIVE"))
	equal(f, f.suspects(monitor.Forbidden, monitor.Query{Accept: accepted}), nil)
	equal(f, len(f.suspects(monitor.Forbidden, monitor.Query{Accept: accepted[1:]})), 1)
}

func uncausedIsFound(f *fixture) {
	s := f.newSite("shop")
	var want []string
	for i, spoil := range []func(c *lifecycle.Cause){
		func(c *lifecycle.Cause) { c.Actor = "" },
		func(c *lifecycle.Cause) { c.Reason = "" },
		func(c *lifecycle.Cause) { c.TraceID = "" },
		func(c *lifecycle.Cause) { c.OperationID = "" }, // a caller's own change has none
	} {
		c := f.siteChange(s, site.Error)
		spoil(&c.Cause)
		f.update(func(tx store.Tx) error { return tx.TransitionSite(f.ctx, c) })
		s = f.getSite(s)
		if i < 3 {
			want = append(want, string(s.ID))
		}
	}
	var found []string
	for _, suspect := range f.suspects(monitor.Uncaused, monitor.Query{Newest: 100}) {
		found = append(found, suspect.ObjectID)
	}
	equal(f, found, want)
}

func newestAreRead(f *fixture) {
	s := f.moveSite(f.newSite("shop"), site.Provisioning, site.Error)
	none := []string{"none"}
	equal(f, len(f.suspects(monitor.Forbidden, monitor.Query{Accept: none, Newest: 2})), 2)
	equal(f, len(f.suspects(monitor.Forbidden, monitor.Query{Accept: none})), 3)
	for _, q := range []monitor.Query{{Newest: 1}, {}} {
		equal(f, f.suspects(monitor.Unchained, q), nil)
		equal(f, f.suspects(monitor.Unwritten, q), nil)
	}
	equal(f, s.Status, site.Error)
}

// runs is an operation that runs, with work that is leased.
func (f *fixture) runs(key string) (saga.Operation, worker.Work) {
	f.Helper()
	o := f.newOperation(key)
	f.must(f.setState(o, saga.Running))
	f.mark(key, f.now, "")
	return f.getOperation(o), f.claimOne()
}

func suspectedOf(o saga.Operation, since time.Time) monitor.Suspect {
	return monitor.Suspect{ObjectID: string(o.ID), TenantID: string(o.TenantID), Seen: o.ObjectID, Since: since}
}

func abandonedIsFound(f *fixture) {
	begun := f.now
	o, w := f.runs("site_1")
	waits := f.newOperation("site_2")
	f.must(f.setState(waits, saga.Waiting))
	f.mark("site_2", f.now, "")
	f.finish(f.claimOne(), f.now.Add(time.Second))
	q := monitor.Query{Before: begun.Add(lease)}
	equal(f, f.suspects(monitor.Abandoned, q), nil) // the lease has not run out before that
	q.Before = q.Before.Add(time.Microsecond)
	equal(f, f.suspects(monitor.Abandoned, q), []monitor.Suspect{suspectedOf(o, begun.Add(lease))})
	back := f.getOperation(o)
	f.must(f.setState(back, saga.Compensating))
	equal(f, len(f.suspects(monitor.Abandoned, q)), 1)
	f.finish(w, begun.Add(time.Hour))
	equal(f, f.suspects(monitor.Abandoned, q), nil)
}

func forgottenIsFound(f *fixture) {
	o, w := f.runs("site_1")
	f.newOperation("site_2")
	f.mark("site_2", f.now, "")
	f.finish(f.claimOne(), f.now.Add(time.Hour))
	f.ended("create_site", "site_3")
	q := monitor.Query{Before: f.now.Add(time.Minute)}
	equal(f, f.suspects(monitor.Forgotten, q), nil)
	f.finish(w, time.Time{})
	f.after(time.Second)
	bare := f.newOperation("site_4") // nothing was ever marked
	equal(f, f.suspects(monitor.Forgotten, q), []monitor.Suspect{suspectedOf(o, o.UpdatedAt), suspectedOf(bare, f.now)})
	equal(f, f.suspects(monitor.Forgotten, monitor.Query{Before: o.UpdatedAt}), nil)
}

// sortedByID puts two suspects of one time into the order of their ids.
func sortedByID(a, b monitor.Suspect) []monitor.Suspect {
	if b.ObjectID < a.ObjectID {
		a, b = b, a
	}
	return []monitor.Suspect{a, b}
}

// given writes what an edge and a tunnel, named alike, were given and have proved.
func (f *fixture) given(name string, generation, proven uint64) (edge, tunnel monitor.Suspect) {
	f.Helper()
	e, u := f.newEdge(name), f.newTunnel(name)
	f.update(func(tx store.Tx) error {
		e.Generation, e.ProvenGeneration, e.LastSeenAt = generation, proven, f.now
		u.Generation, u.ProvenGeneration, u.LastSeenAt = generation, proven, f.now
		f.must(tx.UpdateEdge(f.ctx, e))
		return tx.UpdateTunnel(f.ctx, u)
	})
	return monitor.Suspect{ObjectID: string(e.ID), Seen: name, Since: f.now}, monitor.Suspect{ObjectID: string(u.ID), Seen: name, Since: f.now}
}

func aheadIsFound(f *fixture) {
	f.given("equal", 7, 7)
	f.given("behind", 7, 6)
	e, u := f.given("ahead", 7, 8)
	equal(f, f.suspects(monitor.Ahead, monitor.Query{}), sortedByID(e, u))
}

func behindIsFound(f *fixture) {
	s := f.newSite("shop")
	d := f.newDomain(s, "shop.example.com")
	began := f.now
	o := f.newOperation(string(s.ID))
	f.after(time.Minute)
	e, u := f.newEdge("one"), f.newTunnel("one")
	f.newEdge("idle")
	f.change(e, s, "op_unknown")
	f.change(e, s, string(o.ID))
	f.tunnelChange(u, d, string(o.ID))
	equal(f, f.suspects(monitor.Behind, monitor.Query{Before: began}), nil)
	equal(f, f.suspects(monitor.Behind, monitor.Query{Before: f.now}), sortedByID(
		monitor.Suspect{ObjectID: string(e.ID), Seen: "one", Since: began},
		monitor.Suspect{ObjectID: string(u.ID), Seen: "one", Since: began}))
}

func awayIsFound(f *fixture) {
	f.given("proved", 7, 7)
	e, u := f.given("away", 8, 7)
	equal(f, f.suspects(monitor.Behind, monitor.Query{Before: f.now}), nil)
	equal(f, f.suspects(monitor.Behind, monitor.Query{Before: f.now.Add(time.Second)}), sortedByID(e, u))
}

func oldDriftIsFound(f *fixture) {
	ours := f.blankDrift(oneEdge, "FILE_CHANGED", anyPlace)
	ours.Foreign = false
	f.must(f.insertDrift(ours))
	f.newDrift(aTunnel, "RULE_FOREIGN", "x.example.com") // somebody else's
	gone := f.blankDrift(oneEdge, "GONE", anyPlace)
	gone.Foreign = false
	f.must(f.insertDrift(gone))
	f.must(f.closeDrift(gone, drift.Gone))
	equal(f, f.suspects(monitor.Drifted, monitor.Query{Before: f.now}), nil)
	equal(f, f.suspects(monitor.Drifted, monitor.Query{Before: f.now.Add(time.Second)}), []monitor.Suspect{
		{ObjectID: string(ours.ID), Seen: "FILE_CHANGED of edge_1", Since: f.now},
	})
}

func lateIsFound(f *fixture) {
	begun := f.now
	other := f.as("stranger")
	f.mark("old", begun, "")
	f.mark("older", begun.Add(-time.Minute), "")
	other.mark("other", begun.Add(-time.Second), "")
	f.as("patient").mark("future", begun.Add(time.Minute), "")
	f.update(func(tx store.Tx) error {
		return tx.MarkWork(f.ctx, worker.Mark{Kind: worker.Edge, Key: "edge_1", DueAt: begun.Add(-time.Hour)})
	})
	want := []monitor.Suspect{
		{ObjectID: "edge_1", Seen: "edge", Since: begun.Add(-time.Hour)},
		{ObjectID: "older", TenantID: string(f.tenant), Seen: "site", Since: begun.Add(-time.Minute)},
		{ObjectID: "other", TenantID: string(other.tenant), Seen: "site", Since: begun.Add(-time.Second)},
	}
	q := monitor.Query{Before: begun.Add(time.Second)}
	equal(f, f.suspects(monitor.Late, q), want)
	equal(f, f.suspects(monitor.Late, monitor.Query{Before: begun.Add(-time.Minute)}), want[:1])
	for _, w := range f.claim(10) { // what is leased is not late
		f.finish(w, time.Time{})
	}
	equal(f, f.suspects(monitor.Late, q), nil)
}

func foundIsLimited(f *fixture) {
	var want []monitor.Suspect
	for _, name := range []string{"a.example.com", "b.example.com", "c.example.com"} {
		d := f.activeDomain(name)
		want = append(want, suspected(d, d.UpdatedAt))
		f.after(time.Second)
	}
	found, total := f.suspectsOf(monitor.Unproved, monitor.Query{Accept: []string{"nonce"}, Limit: 2})
	equal(f, total, 3)
	equal(f, found, want[:2])
}
