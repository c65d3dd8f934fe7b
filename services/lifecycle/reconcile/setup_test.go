package reconcile_test

import (
	"flag"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// hostname is the platform name of the site that most tests create.
const hostname = "shop." + apptest.PlatformDomain

// TestMain bounds the property tests: each try is a whole world with a database.
// `-rapid.checks` on the command line says otherwise.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "12"); err != nil {
		panic(err)
	}
	m.Run()
}

// setup is a world with one edge that has proved that it holds nothing.
func setup(t *testing.T) *apptest.World {
	t.Helper()
	w := apptest.New(t, apptest.Options{})
	w.Run()
	return w
}

// active is a world with a site that is ACTIVE.
func active(t *testing.T) (*apptest.World, site.Site) {
	t.Helper()
	w := setup(t)
	s := w.Create("Shop")
	w.Settle()
	wantStatus(t, w, s, site.Active)
	return w, s
}

func wantStatus(t *testing.T, w *apptest.World, s site.Site, want site.Status) {
	t.Helper()
	if got := w.Get(s).Site.Status; got != want {
		t.Fatalf("the site is %s, want %s; history %+v", got, want, w.History(string(s.ID)))
	}
}

// wantCondition checks the part of a condition that callers act on.
func wantCondition(t *testing.T, w *apptest.World, s site.Site, want condition.Condition) {
	t.Helper()
	got := w.Condition(s, want.Type)
	if got.Status != want.Status || got.Reason != want.Reason || got.Actor != want.Actor {
		t.Fatalf("%s is %s %s, actor %q (%s); want %s %s, actor %q",
			want.Type, got.Status, got.Reason, got.Actor, got.Message, want.Status, want.Reason, want.Actor)
	}
}

func wantOperation(t *testing.T, w *apptest.World, s site.Site, kind string, want saga.State) saga.Operation {
	t.Helper()
	op := w.Operation(s, kind)
	if op.State != want {
		t.Fatalf("%s is %s (%s: %s), want %s", kind, op.State, op.Reason, op.Message, want)
	}
	return op
}

// applies counts the calls that write to edges.
func applies(w *apptest.World) int { return len(w.Edges.Calls("Apply")) }
