package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

var failureTests = []test{
	{"a failed row stays dirty and is due when it says", failKeepsDirty},
	{"a failed row is due when a mark during the claim said, if that is earlier", failAfterMark},
	{"failures in a row are counted until one ends well", failuresAreCounted},
	{"claims that never ended are counted until one ends", unendedAreCounted},
	{"a claim that ended in a panic counts as one that never ended", panicsAreCounted},
	{"a claim that was given back by a restart never ended", restartsAreCounted},
	{"another mark forgets nothing", marksForgetNothing},
	{"what is fenced inherits no count", fenceForgets},
	{"a row keeps its counts to itself", countsAreApart},
	{"the failure of a claim taken over is ignored", lateFail},
	{"a claim that failed does not end a second time", failTwice},
}

func (f *fixture) fail(w worker.Work, next time.Time, panicked bool) {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.FailWork(f.ctx, w, next, panicked) })
}

// counted claims a row and checks its counts.
func (f *fixture) counted(failures, unended int) worker.Work {
	f.Helper()
	w := f.claimOne()
	equal(f, [2]int{w.Failures, w.Unended}, [2]int{failures, unended})
	return w
}

func failKeepsDirty(f *fixture) {
	f.mark("k", f.now, "")
	f.fail(f.claimOne(), f.now.Add(time.Minute), false)
	f.due(f.now.Add(time.Minute))
	equal(f, f.claim(10), nil)
	f.after(time.Minute)
	f.finish(f.claimOne(), time.Time{})
	f.due(time.Time{})
}

func failAfterMark(f *fixture) {
	f.mark("k", f.now, "")
	w := f.claimOne()
	f.mark("k", f.now.Add(time.Second), "")
	f.fail(w, f.now.Add(time.Minute), false)
	f.due(f.now.Add(time.Second))
	f.after(time.Second)
	w = f.claimOne()
	f.mark("k", f.now.Add(time.Hour), "")
	f.fail(w, f.now.Add(time.Minute), true)
	f.due(f.now.Add(time.Minute))
}

func failuresAreCounted(f *fixture) {
	f.mark("k", f.now, "")
	f.fail(f.counted(0, 1), f.now, false)
	f.fail(f.counted(1, 1), f.now, false)
	f.finish(f.counted(2, 1), f.now)
	f.fail(f.counted(0, 1), f.now, false)
	f.finish(f.counted(1, 1), time.Time{})
	f.mark("k", f.now, "")
	f.counted(0, 1)
}

func unendedAreCounted(f *fixture) {
	f.mark("k", f.now, "")
	f.fail(f.counted(0, 1), f.now, false)
	for unended := 1; unended < 4; unended++ {
		f.counted(1, unended)
		f.after(lease)
	}
	f.fail(f.counted(1, 4), f.now, false)
	f.counted(2, 1)
	f.after(lease)
	f.finish(f.counted(2, 2), f.now)
	f.counted(0, 1)
}

func panicsAreCounted(f *fixture) {
	f.mark("k", f.now, "")
	f.fail(f.counted(0, 1), f.now, true)
	f.fail(f.counted(1, 2), f.now, true)
	f.counted(2, 3)
	f.after(lease)
	f.fail(f.counted(2, 4), f.now, false)
	f.counted(3, 1)
}

func restartsAreCounted(f *fixture) {
	f.mark("k", f.now, "")
	f.fail(f.counted(0, 1), f.now, false)
	f.counted(1, 1)
	f.update(func(tx store.Tx) error { return tx.ReleaseLeases(f.ctx, "") })
	f.counted(1, 2)
}

func marksForgetNothing(f *fixture) {
	f.mark("k", f.now, "")
	f.fail(f.counted(0, 1), f.now.Add(time.Hour), true)
	f.mark("k", f.now, "")
	f.counted(1, 2)
}

func fenceForgets(f *fixture) {
	f.mark("k", f.now, "")
	f.fail(f.counted(0, 1), f.now, true)
	w := f.counted(1, 2)
	f.fence("k")
	f.fail(w, f.now, true)
	f.counted(0, 1)
}

func countsAreApart(f *fixture) {
	f.mark("bad", f.now, "")
	f.fail(f.counted(0, 1), f.now.Add(time.Minute), true)
	f.mark("good", f.now, "")
	f.finish(f.counted(0, 1), time.Time{})
	f.after(time.Minute)
	f.counted(1, 2)
}

func lateFail(f *fixture) {
	f.mark("k", f.now, "")
	first := f.claimOne()
	f.after(lease)
	second := f.claimOne()
	f.fail(first, f.now, false)
	equal(f, f.claim(10), nil)
	f.must(f.hold(second))
	f.finish(second, f.now)
	f.counted(0, 1)
}

func failTwice(f *fixture) {
	f.mark("k", f.now, "")
	w := f.claimOne()
	f.fail(w, f.now.Add(time.Second), false)
	f.fail(w, f.now, false)
	f.finish(w, time.Time{})
	f.due(f.now.Add(time.Second))
	f.after(time.Second)
	f.counted(1, 1)
}
