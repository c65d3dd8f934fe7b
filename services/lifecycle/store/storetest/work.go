package storetest

import (
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

var workTests = []test{
	{"a claim tells what the mark said", claimTells},
	{"a mark for the whole installation belongs to no tenant", workWithoutTenant},
	{"a mark of an unknown tenant is refused", markOfUnknownTenant},
	{"nothing is claimed before it is due", claimWaits},
	{"a row is claimed once", claimsOnce},
	{"of two claims at once each row goes to one", claimsRace},
	{"the longest due are claimed first, no more than asked for", claimsInOrder},
	{"the same key of another kind is another row", kindsAreApart},
	{"of two marks the earlier due time stays", earlierMarkStays},
	{"the next due time is the earliest, leases included", nextDue},
	{"an object's due time is known while it is dirty", dueAt},
	{"a claim takes the noted trace with it", traceIsTaken},
	{"a mark without a trace keeps the noted one", traceIsKept},
	{"any sequence of calls behaves like the model", workModel},
}

const lease = time.Minute

func (f *fixture) mark(key string, due time.Time, trace string) {
	f.Helper()
	m := worker.Mark{Kind: worker.Site, Key: key, TenantID: string(f.tenant), DueAt: due, TraceParent: trace}
	f.update(func(tx store.Tx) error { return tx.MarkWork(f.ctx, m) })
}

func (f *fixture) claim(limit int) []worker.Work {
	f.Helper()
	return f.claimAs("me", limit)
}

func (f *fixture) claimAs(owner string, limit int) []worker.Work {
	f.Helper()
	claimed, _, err := f.store.ClaimWork(f.ctx, worker.Claim{Owner: owner, Lease: lease, Limit: limit})
	f.must(err)
	return claimed
}

func (f *fixture) claimOne() worker.Work {
	f.Helper()
	claimed := f.claim(10)
	if len(claimed) != 1 {
		f.Fatalf("claimed %v, want one row", claimed)
	}
	return claimed[0]
}

func (f *fixture) finish(w worker.Work, next time.Time) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.FinishWork(f.ctx, w, next) })
}

// due checks when the next row is due; zero for never.
func (f *fixture) due(want time.Time) {
	f.Helper()
	f.must(f.store.View(f.ctx, func(tx store.Tx) error {
		at, ok, err := tx.NextDue(f.ctx)
		equal(f, ok, !want.IsZero())
		equal(f, at, want)
		return err
	}))
}

// dueOf checks when an object is due; zero for never.
func (f *fixture) dueOf(key string, want time.Time) {
	f.Helper()
	f.must(f.store.View(f.ctx, func(tx store.Tx) error {
		at, ok, err := tx.DueAt(f.ctx, worker.Site, key)
		equal(f, ok, !want.IsZero())
		equal(f, at, want)
		return err
	}))
}

// after moves the clock.
func (f *fixture) after(d time.Duration) time.Time {
	f.now = f.now.Add(d)
	return f.now
}

func claimTells(f *fixture) {
	f.mark("k", f.now, "00-a-b-01")
	w := f.claimOne()
	equal(f, w, worker.Work{
		Kind: worker.Site, Key: "k", TenantID: string(f.tenant), TraceParent: "00-a-b-01", WantedSeq: w.WantedSeq,
		Epoch: 1, Unended: 1,
	})
}

func workWithoutTenant(f *fixture) {
	f.update(func(tx store.Tx) error {
		return tx.MarkWork(f.ctx, worker.Mark{Kind: worker.Edge, Key: "edge_1", DueAt: f.now})
	})
	equal(f, f.claimOne().TenantID, "")
}

func markOfUnknownTenant(f *fixture) {
	m := worker.Mark{Kind: worker.Site, Key: "k", TenantID: "ten_1", DueAt: f.now}
	f.notFound(f.try(func(tx store.Tx) error { return tx.MarkWork(f.ctx, m) }), "tenant", "ten_1")
}

func claimWaits(f *fixture) {
	f.mark("k", f.now.Add(time.Second), "")
	equal(f, f.claim(10), nil)
	f.after(time.Second)
	f.claimOne()
}

func claimsOnce(f *fixture) {
	f.mark("k", f.now, "")
	f.claimOne()
	equal(f, f.claim(10), nil)
}

func claimsRace(f *fixture) {
	for _, key := range []string{"a", "b", "c", "d"} {
		f.mark(key, f.now, "")
	}
	claims := make(chan []worker.Work)
	for range 2 {
		go func() {
			claimed, _, err := f.store.ClaimWork(f.ctx, worker.Claim{Owner: "me", Lease: lease, Limit: 3})
			if err != nil {
				f.Error(err)
			}
			claims <- claimed
		}()
	}
	seen := map[string]int{}
	for _, w := range slices.Concat(<-claims, <-claims, f.claim(10)) { // the last takes what both passed by
		seen[w.Key]++
	}
	equal(f, seen, map[string]int{"a": 1, "b": 1, "c": 1, "d": 1})
}

func claimsInOrder(f *fixture) {
	f.mark("late", f.now, "")
	f.mark("first", f.now.Add(-2*time.Minute), "")
	f.mark("second", f.now.Add(-time.Minute), "")
	var keys []string
	for _, w := range f.claim(2) {
		keys = append(keys, w.Key)
	}
	equal(f, keys, []string{"first", "second"})
	equal(f, f.claimOne().Key, "late")
}

func kindsAreApart(f *fixture) {
	kinds := []worker.Kind{worker.Domain, worker.Edge, worker.Site, worker.Tunnel}
	f.update(func(tx store.Tx) error {
		for _, kind := range kinds {
			f.must(tx.MarkWork(f.ctx, worker.Mark{Kind: kind, Key: "k", DueAt: f.now}))
		}
		return nil
	})
	var claimed []worker.Kind
	for _, w := range f.claim(10) {
		claimed = append(claimed, w.Kind)
	}
	slices.Sort(claimed)
	equal(f, claimed, kinds)
}

func earlierMarkStays(f *fixture) {
	f.mark("k", f.now.Add(time.Minute), "")
	f.mark("k", f.now.Add(time.Hour), "")
	f.dueOf("k", f.now.Add(time.Minute))
	f.mark("k", f.now.Add(time.Second), "")
	f.dueOf("k", f.now.Add(time.Second))
}

func nextDue(f *fixture) {
	f.due(time.Time{})
	f.mark("later", f.now.Add(time.Hour), "")
	f.mark("sooner", f.now.Add(time.Second), "")
	f.due(f.now.Add(time.Second))
	f.after(time.Second)
	f.claimOne()
	f.due(f.now.Add(lease))
}

func dueAt(f *fixture) {
	f.dueOf("k", time.Time{})
	due := f.now
	f.mark("k", due, "")
	f.dueOf("k", due)
	w := f.claimOne()
	f.dueOf("k", due)
	f.finish(w, time.Time{})
	f.dueOf("k", time.Time{})
}

func traceIsTaken(f *fixture) {
	f.mark("k", f.now, "00-a-b-01")
	f.finish(f.claimOne(), f.now)
	w := f.claimOne()
	equal(f, w.TraceParent, "")
	f.mark("k", f.now, "00-c-d-01")
	f.finish(w, time.Time{})
	equal(f, f.claimOne().TraceParent, "00-c-d-01")
}

func traceIsKept(f *fixture) {
	f.mark("k", f.now, "00-a-b-01")
	f.mark("k", f.now, "00-c-d-01")
	f.mark("k", f.now, "")
	equal(f, f.claimOne().TraceParent, "00-c-d-01")
}
