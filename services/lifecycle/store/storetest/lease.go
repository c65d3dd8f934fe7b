package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

var leaseTests = []test{
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
}

func (f *fixture) hold(w worker.Work) error {
	return f.try(func(tx store.Tx) error { return tx.HoldWork(f.ctx, w) })
}

func (f *fixture) fence(key string) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.FenceWork(f.ctx, worker.Site, key) })
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
	f.update(func(tx store.Tx) error { return tx.ReleaseLeases(f.ctx, "") })
	equal(f, len(f.claim(10)), 2)
	f.is(f.hold(first[0]), lifecycle.ErrFenced)
}
