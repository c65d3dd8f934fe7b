package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
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
	{"a finished row is clean", finishCleans},
	{"a mark during a lease makes the row due again when it said", markDuringLease},
	{"a row finished with a next is due then", finishWithNext},
	{"a mark during a lease is due before a later next", markBeforeNext},
	{"a mark during a lease does not delay an earlier next", markAfterNext},
	{"a lease that ran out is claimed again and fences the first", leaseRunsOut},
	{"a mark during a lease that ran out is answered by the next claim", markDuringLostLease},
	{"the finish of a claim taken over is ignored", lateFinish},
	{"a claim that is finished twice is finished once", finishTwice},
	{"each claim raises the epoch", claimRaisesEpoch},
	{"a claim holds until it is fenced", holdUntilFenced},
	{"a fenced row is claimed again at once", fencedIsClaimed},
	{"fencing what has no row does nothing", fenceNothing},
	{"holding what has no row is fenced", holdNothing},
	{"released leases are claimed again at once", leasesAreReleased},
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

func (f *fixture) claim(limit int) (claimed []worker.Work) {
	f.Helper()
	f.update(func(tx store.Tx) (err error) {
		claimed, err = tx.ClaimWork(f.ctx, "me", f.now, lease, limit)
		return err
	})
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
	f.update(func(tx store.Tx) error { return tx.FinishWork(f.ctx, w, f.now, next) })
}

func (f *fixture) fence(key string) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.FenceWork(f.ctx, worker.Site, key) })
}

func (f *fixture) hold(w worker.Work) error {
	return f.try(func(tx store.Tx) error { return tx.HoldWork(f.ctx, w) })
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
		Kind: worker.Site, Key: "k", TenantID: string(f.tenant), TraceParent: "00-a-b-01", WantedSeq: w.WantedSeq, Epoch: 1,
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
			var claimed []worker.Work
			err := f.try(func(tx store.Tx) (err error) {
				claimed, err = tx.ClaimWork(f.ctx, "me", f.now, lease, 3)
				return err
			})
			if err != nil {
				f.Error(err)
			}
			claims <- claimed
		}()
	}
	seen := map[string]int{}
	for _, w := range append(<-claims, <-claims...) {
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
	f.mark("k", f.now, "")
	f.update(func(tx store.Tx) error {
		return tx.MarkWork(f.ctx, worker.Mark{Kind: worker.Domain, Key: "k", DueAt: f.now})
	})
	equal(f, len(f.claim(10)), 2)
}

func earlierMarkStays(f *fixture) {
	f.mark("k", f.now.Add(time.Minute), "")
	f.mark("k", f.now.Add(time.Hour), "")
	f.dueOf("k", f.now.Add(time.Minute))
	f.mark("k", f.now.Add(time.Second), "")
	f.dueOf("k", f.now.Add(time.Second))
}

func finishCleans(f *fixture) {
	f.mark("k", f.now, "")
	f.finish(f.claimOne(), time.Time{})
	f.due(time.Time{})
	f.after(time.Hour)
	equal(f, f.claim(10), nil)
	f.mark("k", f.now.Add(time.Hour), "")
	f.due(f.now.Add(time.Hour)) // the time before it was clean is forgotten
}

func markDuringLease(f *fixture) {
	f.mark("k", f.now, "")
	w := f.claimOne()
	f.mark("k", f.now.Add(time.Hour), "")
	f.mark("k", f.now.Add(time.Second), "")
	equal(f, f.claim(10), nil)
	f.finish(w, time.Time{})
	f.due(f.now.Add(time.Second))
	f.after(time.Second)
	f.finish(f.claimOne(), time.Time{})
	f.due(time.Time{})
}

func finishWithNext(f *fixture) {
	f.mark("k", f.now, "")
	f.finish(f.claimOne(), f.now.Add(time.Hour))
	f.due(f.now.Add(time.Hour))
	equal(f, f.claim(10), nil)
	f.mark("k", f.now.Add(time.Minute), "")
	f.due(f.now.Add(time.Minute))
}

func markBeforeNext(f *fixture) {
	f.mark("k", f.now, "")
	w := f.claimOne()
	f.mark("k", f.now, "")
	f.finish(w, f.now.Add(time.Hour))
	f.claimOne()
}

func markAfterNext(f *fixture) {
	f.mark("k", f.now, "")
	w := f.claimOne()
	f.mark("k", f.now.Add(time.Hour), "")
	f.finish(w, f.now.Add(time.Second))
	f.due(f.now.Add(time.Second))
}

func leaseRunsOut(f *fixture) {
	f.mark("k", f.now, "")
	first := f.claimOne()
	f.after(lease - time.Microsecond)
	equal(f, f.claim(10), nil)
	f.after(time.Microsecond)
	second := f.claimOne()
	f.is(f.hold(first), lifecycle.ErrFenced)
	f.must(f.hold(second))
}

func markDuringLostLease(f *fixture) {
	f.mark("k", f.now, "")
	f.claimOne()
	f.mark("k", f.now.Add(time.Hour), "")
	f.after(lease)
	f.finish(f.claimOne(), time.Time{})
	f.due(time.Time{})
}

func lateFinish(f *fixture) {
	f.mark("k", f.now, "")
	first := f.claimOne()
	f.after(lease)
	second := f.claimOne()
	f.finish(first, time.Time{})
	f.finish(first, f.now)
	equal(f, f.claim(10), nil)
	f.must(f.hold(second))
	f.due(f.now.Add(lease))
}

func finishTwice(f *fixture) {
	f.mark("k", f.now, "")
	w := f.claimOne()
	f.finish(w, f.now.Add(time.Second))
	f.finish(w, time.Time{})
	f.due(f.now.Add(time.Second))
}

func claimRaisesEpoch(f *fixture) {
	f.mark("k", f.now, "")
	first := f.claimOne()
	f.finish(first, f.now)
	second := f.claimOne()
	if second.Epoch <= first.Epoch {
		f.Fatalf("the second claim has the epoch %d after %d", second.Epoch, first.Epoch)
	}
	f.is(f.hold(first), lifecycle.ErrFenced)
}

func holdUntilFenced(f *fixture) {
	f.mark("k", f.now, "")
	w := f.claimOne()
	f.mark("k", f.now, "")
	f.must(f.hold(w))
	f.fence("k")
	f.is(f.hold(w), lifecycle.ErrFenced)
	f.finish(w, time.Time{})
	f.dueOf("k", f.now)
}

func fencedIsClaimed(f *fixture) {
	f.mark("k", f.now, "")
	first := f.claimOne()
	f.mark("k", f.now.Add(time.Hour), "")
	f.fence("k")
	second := f.claimOne()
	if second.Epoch <= first.Epoch+1 {
		f.Fatalf("the claim after a fence has the epoch %d after %d", second.Epoch, first.Epoch)
	}
	f.must(f.hold(second))
}

func fenceNothing(f *fixture) {
	f.fence("k")
	f.due(time.Time{})
}

func holdNothing(f *fixture) {
	f.is(f.hold(worker.Work{Kind: worker.Site, Key: "k"}), lifecycle.ErrFenced)
}

func leasesAreReleased(f *fixture) {
	f.mark("a", f.now, "")
	f.mark("b", f.now, "")
	first := f.claim(10)
	f.update(func(tx store.Tx) error { return tx.ReleaseLeases(f.ctx) })
	equal(f, len(f.claim(10)), 2)
	f.is(f.hold(first[0]), lifecycle.ErrFenced)
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
