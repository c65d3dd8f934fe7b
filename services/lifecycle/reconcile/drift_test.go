package reconcile_test

import (
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// wantDrifts checks kind, place and outcome of all drifts, the newest first.
func wantDrifts(t *testing.T, w *apptest.World, want ...drift.Drift) {
	t.Helper()
	got := w.Drifts()
	if len(got) != len(want) {
		t.Fatalf("drifts are %+v, want %+v", got, want)
	}
	for i, d := range got {
		if d.Kind != want[i].Kind || d.Place != want[i].Place || d.Outcome != want[i].Outcome || d.Foreign != want[i].Foreign {
			t.Errorf("drift %d is %+v, want %+v", i, d, want[i])
		}
	}
}

func found(kind, place string, outcome drift.Outcome) drift.Drift {
	return drift.Drift{Finding: drift.Finding{Kind: kind, Place: place}, Outcome: outcome}
}

func TestDrift_edge(t *testing.T) {
	t.Parallel()
	t.Run("is told and repaired, F39", func(t *testing.T) {
		w, _ := active(t)
		w.Host().Edit("servers.conf")
		w.RunFor(time.Minute)
		wantDrifts(t, w, found("FILE_CHANGED", "servers.conf", drift.Repaired))
	})
	t.Run("that an apply meets is told, too", func(t *testing.T) {
		w, _ := active(t)
		w.Host().Edit("servers.conf")
		other := w.Create("Other") // sent before the next look
		w.Settle()
		wantStatus(t, w, other, site.Active)
		wantDrifts(t, w, found("FILE_CHANGED", "servers.conf", drift.Repaired))
	})
	t.Run("that somebody puts back is gone", func(t *testing.T) {
		w, _ := active(t)
		w.SetPolicy(drift.Hold)
		w.Host().Edit("servers.conf")
		w.RunFor(time.Minute)
		wantDrifts(t, w, found("FILE_CHANGED", "servers.conf", ""))
		w.Host().PutBack("servers.conf")
		w.RunFor(time.Minute)
		wantDrifts(t, w, found("FILE_CHANGED", "servers.conf", drift.Gone))
	})
	t.Run("is held: nothing is sent until the policy is another", func(t *testing.T) {
		w, _ := active(t)
		w.SetPolicy(drift.Hold)
		w.Host().Edit("servers.conf")
		w.RunFor(time.Minute)
		writes := w.Host().Writes()
		other := w.Create("Other")
		w.RunFor(10 * time.Minute)
		if got := w.Host().Writes(); got != writes {
			t.Errorf("%d writes to an edge that is held", got-writes)
		}
		wantStatus(t, w, other, site.Provisioning)
		if e := w.Edge(w.EdgeIDs()[0]); e.FaultReason != infra.CodeDriftHeld {
			t.Errorf("the edge's fault is %s: %s", e.FaultReason, e.FaultMessage)
		}
		wantDrifts(t, w, found("FILE_CHANGED", "servers.conf", ""))
		w.SetPolicy(drift.Repair)
		w.Settle()
		wantStatus(t, w, other, site.Active)
		wantDrifts(t, w, found("FILE_CHANGED", "servers.conf", drift.Repaired))
	})
	t.Run("is held where only the database sees it: an edge that lost a site is not filled", func(t *testing.T) {
		w, s := active(t)
		w.SetPolicy(drift.Hold)
		w.Host().Lose(s.ID)
		w.Create("Other")
		w.RunFor(10 * time.Minute)
		if n := len(w.Host().Sites()); n != 0 {
			t.Errorf("the edge that is held has %d sites", n)
		}
		wantDrifts(t, w, found("DIGEST_DIFFERS", "", ""))
		w.SetPolicy(drift.Repair)
		w.Settle()
		if n := len(w.Host().Sites()); n != 2 {
			t.Errorf("repaired, the edge has %d sites", n)
		}
	})
	t.Run("looks that find the same write nothing", func(t *testing.T) {
		w, _ := active(t)
		w.SetPolicy(drift.Hold)
		w.Host().Reload()
		w.RunFor(time.Minute)
		written := w.Written()
		w.RunFor(time.Hour)
		if got := w.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
	})
}

func TestDrift_tunnel(t *testing.T) {
	t.Parallel()
	const name = "www.example.org"
	routed := func(t *testing.T) (*apptest.World, site.Site) {
		w, s := withTunnel(t)
		w.GrantZone("example.org", w.Caller.TenantID)
		wantDomain(t, w, addedManaged(w, s, name), network.Active)
		return w, s
	}
	for kind, undo := range map[string]func(*fake.Tunnel){
		"RULE_MISSING":   func(f *fake.Tunnel) { f.RemoveRule(name) },
		"RECORD_MISSING": func(f *fake.Tunnel) { f.RemoveRecord(name) },
	} {
		t.Run(kind+" is told and repaired", func(t *testing.T) {
			w, _ := routed(t)
			undo(w.Tunnel)
			w.RunFor(2 * time.Hour)
			if !w.Tunnel.Public(name) || !w.Tunnel.Routed(name) {
				t.Error("it is still gone")
			}
			wantDrifts(t, w, found(kind, name, drift.Repaired))
		})
		t.Run(kind+" is held, and changes wait", func(t *testing.T) {
			w, s := routed(t)
			w.SetPolicy(drift.Hold)
			undo(w.Tunnel)
			w.RunFor(2 * time.Hour)
			writes := w.Tunnel.Writes()
			other := w.AddDomain(s, "b.example.org", false)
			w.RunFor(2 * time.Hour)
			if got := w.Tunnel.Writes(); got != writes {
				t.Errorf("%d writes to a tunnel that is held", got-writes)
			}
			wantDrifts(t, w, found(kind, name, ""))
			w.SetPolicy(drift.Repair)
			w.RunFor(3 * time.Hour)
			wantDomain(t, w, other, network.Active)
			wantDrifts(t, w, found(kind, name, drift.Repaired))
		})
	}
	t.Run("an error is no drift, I32", func(t *testing.T) {
		w, _ := routed(t)
		w.Tunnel.SetDown(true)
		w.RunFor(2 * time.Hour)
		wantDrifts(t, w)
		w.Tunnel.SetDown(false)
		w.RunFor(2 * time.Hour)
		wantDrifts(t, w)
	})
}

func addedManaged(w *apptest.World, s site.Site, name string) network.Domain {
	d := w.AddDomain(s, name, false)
	w.Settle()
	return d
}
