package reconcile_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// The process dies around each commit of a site's whole life, once after and once
// just before it; started again, everything comes out as if nothing had happened.
func TestCrash(t *testing.T) {
	crashEverywhere(t, live, 50)
}

// The same for a creation that the edge refuses, which is undone.
func TestCrash_while_undoing(t *testing.T) {
	crashEverywhere(t, fail, 20)
}

var ways = map[string]func(*apptest.Store, int){
	"after": (*apptest.Store).DieAfter, "before": (*apptest.Store).DieBefore,
}

// crashEverywhere leads a life again and again; it takes some commits at least.
func crashEverywhere(t *testing.T, live func(*testing.T, func(*apptest.Store)) life, commits int) {
	whole := live(t, func(*apptest.Store) {})
	if whole.commits < commits {
		t.Fatalf("a whole life took %d commits only: does the store count?", whole.commits)
	}
	for way, die := range ways {
		for n := 1; n <= whole.commits; n++ {
			t.Run(fmt.Sprintf("%s commit %d", way, n), func(t *testing.T) {
				t.Parallel()
				got := live(t, func(s *apptest.Store) { die(s, n) })
				if got.deaths != 1 {
					t.Fatalf("the process died %d times", got.deaths)
				}
				if diff := cmp.Diff(whole.lasting, got.lasting); diff != "" {
					t.Errorf("what is left differs from an uninterrupted life (-uninterrupted +crashed):\n%s", diff)
				}
				if extra := got.attempts - whole.attempts; extra > 1 {
					t.Errorf("the journal has %d attempts more than that of an uninterrupted life", extra)
				}
			})
		}
	}
}

// life is what came of a site that was created, became ACTIVE and was deleted.
type life struct {
	lasting  lasting
	attempts int
	commits  int
	deaths   int
}

// lasting is what a crash must not change.
type lasting struct {
	Active   []string // statuses of the site and its domain before the deletion
	OnEdge   []string // what the edge held then
	Gone     []string
	History  []string
	Finished []string // steps that ended well
}

// live leads a whole life in which the process dies as arranged.
func live(t *testing.T, arrange func(*apptest.Store)) (l life) {
	w := apptest.New(t, apptest.Options{})
	w.Run()
	begun := w.Store.Commits()
	store := w.Store
	arrange(store)
	var s site.Site
	l.repeat(t, w, func() (err error) {
		s, err = w.TryCreate(w.Caller, app.NewSite{Name: "Shop", Spec: apptest.Spec()}, "request-1")
		return err
	})
	l.settle(w)
	l.lasting.Active = statuses(w, s)
	for _, held := range w.Host().Sites() {
		l.lasting.OnEdge = append(l.lasting.OnEdge, fmt.Sprintf("revision %d at %v: %v", held.Revision, held.Hostnames, held.Spec.Origin.Targets))
	}
	l.repeat(t, w, func() error { return w.TryDelete(s) })
	l.settle(w)
	w.CheckSettled()
	l.commits = store.Commits() - begun
	l.lasting.Gone = statuses(w, s)
	l.lasting.History, l.lasting.Finished, l.attempts = past(w, s)
	return l
}

// fail leads a life that the edge refuses from the start.
func fail(t *testing.T, arrange func(*apptest.Store)) (l life) {
	w := apptest.New(t, apptest.Options{})
	w.Run()
	w.Host().Reject(hostname, "a conflicting name")
	begun := w.Store.Commits()
	store := w.Store
	arrange(store)
	var s site.Site
	l.repeat(t, w, func() (err error) {
		s, err = w.TryCreate(w.Caller, app.NewSite{Name: "Shop", Spec: apptest.Spec()}, "request-1")
		return err
	})
	l.settle(w)
	w.CheckSettled()
	l.commits = store.Commits() - begun
	l.lasting.Gone = statuses(w, s)
	l.lasting.History, l.lasting.Finished, l.attempts = past(w, s)
	return l
}

// repeat makes a call again when the process dies under it, as a caller does that
// gets no answer.
func (l *life) repeat(t *testing.T, w *apptest.World, call func() error) {
	t.Helper()
	err := call()
	if apptest.Crash(err) {
		l.rise(w)
		err = call()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// settle runs until nothing is left to do, and starts the process again when it
// dies on the way.
func (l *life) settle(w *apptest.World) {
	for w.Settle(); w.Store.Dead(); w.Settle() {
		l.rise(w)
	}
}

func (l *life) rise(w *apptest.World) {
	l.deaths++
	w.Restart()
}

func statuses(w *apptest.World, s site.Site) []string {
	view := w.Get(s)
	return []string{
		string(view.Site.Status), string(view.Site.Wanted), string(view.Primary.Domain.Status), string(view.Primary.Domain.Wanted),
	}
}

// past returns the history of a site and its domain, which steps ended well, and
// how often any was attempted.
func past(w *apptest.World, s site.Site) (history, finished []string, attempts int) {
	for _, object := range []string{string(s.ID), string(w.Get(s).Primary.Domain.ID)} {
		for _, c := range w.History(object) {
			history = append(history, c.From+" "+c.Event+" "+c.To)
		}
	}
	for _, e := range w.Journal(s) {
		switch {
		case e.Phase == saga.Intent:
			attempts++
		case e.Result == saga.OK:
			finished = append(finished, e.Step+" "+string(e.Phase))
		}
	}
	slices.Sort(finished)
	return history, finished, attempts
}
