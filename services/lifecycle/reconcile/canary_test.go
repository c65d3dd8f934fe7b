package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// fleet is a world with an ACTIVE site on three edges, the first of which is a canary.
func fleet(t *testing.T, soak time.Duration) (w *apptest.World, s site.Site, canary, second, third id.Edge) {
	t.Helper()
	w = apptest.New(t, apptest.Options{Edges: 3})
	canary, second, third = w.EdgeIDs()[0], w.EdgeIDs()[1], w.EdgeIDs()[2]
	w.Label(canary, edge.Labels{edge.CanaryLabel: "true"})
	w.Place(edge.Placement{Name: edge.Default, CanarySoak: soak})
	w.Run()
	s = w.Create("Shop")
	w.Settle()
	wantStatus(t, w, s, site.Active)
	return w, s, canary, second, third
}

// heldBy returns the revision of a site that an edge holds, 0 for none.
func heldBy(w *apptest.World, edgeID id.Edge, s site.Site) int64 {
	for _, held := range w.Edges.Host(edgeID).Sites() {
		if held.SiteID == s.ID {
			return held.Revision
		}
	}
	return 0
}

func wantHeld(t *testing.T, w *apptest.World, s site.Site, want map[id.Edge]int64) {
	t.Helper()
	for edgeID, revision := range want {
		if got := heldBy(w, edgeID, s); got != revision {
			t.Errorf("edge %s holds revision %d, want %d", w.Edge(edgeID).Name, got, revision)
		}
	}
}

func TestCanary(t *testing.T) {
	t.Parallel()
	t.Run("goes first, and the others follow what it has proved", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, 0)
		w.Edges.Host(canary).SetNotProven("its workers do not answer")
		w.Deploy(s, "X-Two")
		writes := w.Edges.Host(second).Writes()
		w.RunFor(time.Minute)
		wantHeld(t, w, s, map[id.Edge]int64{canary: 1, second: 1, third: 1})
		if got := w.Edges.Host(second).Writes(); got != writes {
			t.Errorf("%d applies of what it holds already", got-writes)
		}
		w.Edges.Host(canary).SetNotProven("")
		w.Settle()
		wantHeld(t, w, s, map[id.Edge]int64{canary: 2, second: 2, third: 2})
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Succeeded)
		w.CheckSettled()
	})
	t.Run("keeps a new site from the others while it is faulty, and nothing else", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, 0)
		w.Edges.Host(canary).SetNotProven("its workers do not answer")
		other := w.Create("Other")
		w.RunFor(time.Minute)
		wantHeld(t, w, other, map[id.Edge]int64{canary: 0, second: 0, third: 0})
		c := w.Condition(other, condition.EdgeSynced)
		if !strings.Contains(c.Message, "do not answer") || c.Actor != condition.Operator {
			t.Errorf("the site is told %+v", c)
		}
		w.Delete(s)
		w.RunFor(time.Minute)
		if w.Edges.Host(second).Serves(hostname) || w.Edges.Host(third).Serves(hostname) {
			t.Error("the hostname of a site that is deleted is still served")
		}
	})
	t.Run("is not waited for when it was not seen lately", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, 0)
		w.Edges.Host(canary).SetDown(true)
		w.RunFor(2 * time.Minute)
		w.Deploy(s, "X-Two")
		w.RunFor(time.Minute)
		wantHeld(t, w, s, map[id.Edge]int64{second: 2, third: 2})
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Succeeded)
		w.Edges.Host(canary).SetDown(false)
		w.Settle()
		wantHeld(t, w, s, map[id.Edge]int64{canary: 2})
		w.CheckSettled()
	})
	t.Run("takes nothing back that others have proved before", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, 0)
		w.Label(canary, nil)
		w.Run()
		w.Edges.Host(canary).SetDown(true)
		w.Deploy(s, "X-Two")
		w.Run()
		wantHeld(t, w, s, map[id.Edge]int64{second: 2, third: 2})
		w.Label(canary, edge.Labels{edge.CanaryLabel: "true"})
		w.Label(second, edge.Labels{"region": "eu"}) // it is sent everything
		w.RunFor(30 * time.Second)
		wantHeld(t, w, s, map[id.Edge]int64{second: 2, third: 2})
		w.Edges.Host(canary).SetDown(false)
		w.Settle()
		wantHeld(t, w, s, map[id.Edge]int64{canary: 2, second: 2, third: 2})
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Succeeded)
	})
	t.Run("and a new edge gets what it kept, once it is proved", func(t *testing.T) {
		w, s, canary, _, _ := fleet(t, 0)
		w.Edges.Host(canary).SetNotProven("its workers do not answer")
		w.Deploy(s, "X-Two")
		w.Run()
		fourth := w.AddEdge()
		w.RunFor(time.Minute)
		wantHeld(t, w, s, map[id.Edge]int64{fourth: 1})
		w.Edges.Host(canary).SetNotProven("")
		w.Settle()
		wantHeld(t, w, s, map[id.Edge]int64{canary: 2, fourth: 2})
		w.CheckSettled()
	})
	t.Run("keeps no hostname that goes", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, 0)
		w.Edges.Host(canary).SetNotProven("its workers do not answer")
		w.Deploy(s, "X-Two")
		w.RunFor(time.Minute)
		w.Delete(s)
		w.RunFor(time.Minute)
		if w.Edges.Host(second).Serves(hostname) || w.Edges.Host(third).Serves(hostname) {
			t.Error("the hostname of a site that is deleted is still served")
		}
	})
	t.Run("lets a whole snapshot through, with what was confirmed", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, 0)
		w.Edges.Host(canary).SetNotProven("its workers do not answer")
		w.Deploy(s, "X-Two")
		w.RunFor(time.Minute)
		w.Edges.Host(second).Wipe()
		w.RunFor(time.Minute)
		wantHeld(t, w, s, map[id.Edge]int64{second: 1, third: 1})
	})
	t.Run("keeps the gate shut over a restart, when nothing is known by heart", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, 0)
		other := w.Create("Other")
		w.Settle()
		w.Edges.Host(canary).SetNotProven("its workers do not answer")
		w.Deploy(s, "X-Two")
		w.Run()
		w.Restart()
		w.Delete(other) // something to send that is not kept
		w.RunFor(time.Minute)
		wantHeld(t, w, s, map[id.Edge]int64{canary: 1, second: 1, third: 1})
		if name := "other." + apptest.PlatformDomain; w.Edges.Host(second).Serves(name) || w.Edges.Host(third).Serves(name) {
			t.Error("the hostname of a site that is deleted is still served")
		}
	})
	t.Run("refuses a revision for all, and a hostname that goes is not kept by that", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, 0)
		w.Edges.Host(canary).Reject("X-Two", "too long")
		w.Deploy(s, "X-Two")
		w.RunFor(2 * time.Minute)
		wantHeld(t, w, s, map[id.Edge]int64{canary: 1, second: 1, third: 1})
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Failed)
		writes := w.Edges.Host(second).Writes()
		w.RunFor(5 * time.Minute)
		if got := w.Edges.Host(second).Writes(); got != writes {
			t.Errorf("%d applies of what it holds already", got-writes)
		}
		w.Delete(s)
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
		wantHeld(t, w, s, map[id.Edge]int64{canary: 0, second: 0, third: 0})
	})
	t.Run("that accepts what it refused lets the others have it", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, 0)
		w.Edges.Host(canary).Reject("X-Two", "too long")
		w.Deploy(s, "X-Two")
		w.RunFor(2 * time.Minute)
		w.Edges.Host(canary).Accept("X-Two")
		w.Edges.Host(canary).SetNginxVersion("1.30.4")
		w.RunFor(time.Minute)
		w.Settle()
		wantHeld(t, w, s, map[id.Edge]int64{canary: 2, second: 2, third: 2})
		w.CheckSettled()
	})
	t.Run("opens the gate when it is evicted", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, 0)
		w.Edges.Host(canary).SetNotProven("its workers do not answer")
		w.Deploy(s, "X-Two")
		w.RunFor(time.Minute)
		w.Evict(canary)
		w.Settle()
		wantHeld(t, w, s, map[id.Edge]int64{canary: 1, second: 2, third: 2})
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Succeeded)
	})
}

func TestCanary_is_watched(t *testing.T) {
	t.Parallel()
	const soak = 30 * time.Second
	t.Run("for as long as the placement says", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, soak)
		w.Deploy(s, "X-Two")
		w.RunFor(soak - time.Second)
		wantHeld(t, w, s, map[id.Edge]int64{canary: 2, second: 1, third: 1})
		w.RunFor(2 * time.Second)
		wantHeld(t, w, s, map[id.Edge]int64{canary: 2, second: 2, third: 2})
		w.Settle()
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Succeeded)
		w.CheckSettled()
	})
	t.Run("and something that happens to it begins the time anew, and is told", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, soak)
		w.Deploy(s, "X-Two")
		w.RunFor(soak / 2)
		w.Edges.Host(canary).Hurt("nginx master 7 was gone")
		w.RunFor(soak/2 + 5*time.Second)
		wantHeld(t, w, s, map[id.Edge]int64{canary: 2, second: 1, third: 1})
		w.RunFor(soak)
		wantHeld(t, w, s, map[id.Edge]int64{canary: 2, second: 2, third: 2})
	})
	t.Run("and one that is hurt by all that it is sent halts the rollout, and says why", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, soak)
		w.Deploy(s, "X-Two")
		for range 20 {
			w.RunFor(soak / 3)
			w.Edges.Host(canary).Hurt("nginx master 7 was gone")
		}
		w.Mark("edge", string(canary), "")
		w.Step()
		wantHeld(t, w, s, map[id.Edge]int64{canary: 2, second: 1, third: 1})
		if e := w.Edge(canary); e.FaultReason != infra.CodeCanaryUnwell || !strings.Contains(e.FaultMessage, "master 7") {
			t.Errorf("the fault is %s: %s", e.FaultReason, e.FaultMessage)
		}
	})
	t.Run("and one that dies of it halts the rollout", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, soak)
		w.Deploy(s, "X-Two")
		w.RunFor(soak / 2)
		w.Edges.Host(canary).SetDown(true)
		w.RunFor(10 * time.Minute)
		wantHeld(t, w, s, map[id.Edge]int64{second: 1, third: 1})
		w.Evict(canary)
		w.Settle()
		wantHeld(t, w, s, map[id.Edge]int64{second: 2, third: 2})
	})
	t.Run("while other revisions come after it", func(t *testing.T) {
		w, s, canary, second, third := fleet(t, soak)
		other := w.Create("Other")
		w.Settle()
		w.Deploy(s, "X-Two")
		w.RunFor(soak - 5*time.Second)
		w.Deploy(other, "X-Three")
		w.RunFor(10 * time.Second)
		wantHeld(t, w, s, map[id.Edge]int64{canary: 2, second: 2, third: 2})
		wantHeld(t, w, other, map[id.Edge]int64{canary: 2, second: 1, third: 1})
		w.Settle()
		wantHeld(t, w, other, map[id.Edge]int64{second: 2, third: 2})
		w.CheckSettled()
	})
}

func TestMinReady(t *testing.T) {
	t.Parallel()
	t.Run("lets a site go on once as many edges have proved it", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{Edges: 3})
		w.Place(edge.Placement{Name: edge.Default, MinReady: 2})
		w.Run()
		w.Edges.Host(w.EdgeIDs()[2]).SetNotProven("its workers do not answer")
		s := w.Create("Shop")
		w.RunFor(5 * time.Second)
		wantStatus(t, w, s, site.Active)
		w.Edges.Host(w.EdgeIDs()[2]).SetNotProven("")
		w.RunFor(time.Minute)
		wantHeld(t, w, s, map[id.Edge]int64{w.EdgeIDs()[2]: 1})
		w.CheckSettled()
	})
	t.Run("keeps a site that fewer edges could prove", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{Edges: 2})
		w.Place(edge.Placement{Name: edge.Default, MinReady: 3})
		w.Run()
		s := w.Create("Shop")
		w.RunFor(30 * time.Second)
		wantStatus(t, w, s, site.Provisioning)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeSynced, Status: condition.False, Reason: infra.CodeNoEdges, Actor: condition.Operator,
		})
		w.AddEdge()
		w.Settle()
		wantStatus(t, w, s, site.Active)
	})
}

func TestEvictEdge(t *testing.T) {
	t.Parallel()
	t.Run("leaves nobody waiting for it, and sends it nothing any more", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{Edges: 2})
		gone := w.EdgeIDs()[1]
		w.Run()
		w.Edges.Host(gone).SetNotProven("its workers do not answer")
		s := w.Create("Shop")
		w.RunFor(30 * time.Second)
		wantStatus(t, w, s, site.Provisioning)
		w.Evict(gone)
		w.RunFor(5 * time.Second)
		wantStatus(t, w, s, site.Active)
		calls := len(w.Edges.Calls(""))
		w.RunFor(5 * time.Minute)
		for _, call := range w.Edges.Calls("")[calls:] {
			if call.Edge == gone {
				t.Errorf("it is called: %+v", call)
			}
		}
		w.Delete(s)
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
	})
}
