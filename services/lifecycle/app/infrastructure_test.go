package app_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// withTunnel is a world with a tunnel and two edges, all of them converged.
func withTunnel(t *testing.T) scene {
	t.Helper()
	w := apptest.New(t, apptest.Options{Tunnel: fake.NewTunnel("ours.test"), Edges: 2})
	w.Run()
	return scene{w, t}
}

// edges are all edges, as an operator sees them.
func (s scene) edges() []app.EdgeView {
	s.t.Helper()
	views, err := s.App.ListEdges(s.t.Context())
	must(s.t, err)
	return views
}

// theTunnel is the only one, as an operator sees it.
func (s scene) theTunnel() app.TunnelView {
	s.t.Helper()
	views, err := s.App.ListTunnels(s.t.Context())
	must(s.t, err)
	if len(views) != 1 {
		s.t.Fatalf("there are %d tunnels", len(views))
	}
	return views[0]
}

// find writes down how a target drifted.
func (s scene) find(target drift.Target, found ...drift.Finding) {
	s.t.Helper()
	s.Update(func(ctx context.Context, tx store.Tx) error {
		_, err := drift.Record(ctx, tx, target, found, drift.Gone, lifecycle.Cause{Actor: "test", At: s.Clock.Now()})
		return err
	})
}

// dueNow reports whether a target is looked at now.
func (s scene) dueNow(kind worker.Kind, key string) (due bool) {
	s.t.Helper()
	s.View(func(ctx context.Context, tx store.Tx) error {
		at, ok, err := tx.DueAt(ctx, kind, key)
		due = ok && !at.After(s.Clock.Now())
		return err
	})
	return due
}

func TestListEdges(t *testing.T) {
	s := withTunnel(t)
	first, second := s.EdgeIDs()[0], s.EdgeIDs()[1]
	shop := s.Create("Shop")
	s.Settle()
	s.Update(func(ctx context.Context, tx store.Tx) error {
		e, err := tx.GetEdge(ctx, first)
		if err != nil {
			return err
		}
		e.Name = "zurich"
		if err := tx.PutEdge(ctx, e); err != nil {
			return err
		}
		return tx.PutPin(ctx, edge.Pin{EdgeID: first, SiteID: shop.ID, TenantID: shop.TenantID, Revision: 1, Message: "bad", CreatedAt: s.Clock.Now()})
	})
	s.find(drift.Target{Kind: drift.Edge, ID: string(second)}, drift.Finding{Kind: "RELOADED"}, drift.Finding{Kind: "FILE_ADDED", Place: "a.conf"})
	got := s.edges()
	if len(got) != 2 || got[0].Edge.ID != second || got[1].Edge.ID != first {
		t.Fatalf("the edges are %+v, want them by name", got)
	}
	if !got[0].Synced || len(got[0].Pins) != 0 || got[0].OpenDrifts != 2 || got[0].Edge.DriftPolicy != drift.Repair {
		t.Errorf("the second one is %+v", got[0])
	}
	if len(got[1].Pins) != 1 || got[1].Pins[0].Message != "bad" || got[1].OpenDrifts != 0 {
		t.Errorf("the first one is %+v", got[1])
	}
	t.Run("is not synced while it has not proved a change", func(t *testing.T) {
		s.Edges.Host(second).SetDown(true)
		s.Delete(shop)
		s.RunFor(time.Second)
		if got := s.edges()[0]; got.Synced {
			t.Errorf("the edge is %+v", got)
		}
	})
}

func TestListTunnels(t *testing.T) {
	s := withTunnel(t)
	target := s.theTunnel().Tunnel.Target()
	s.find(target, drift.Finding{Kind: "RULE_FOREIGN", Place: "other.example", Foreign: true})
	if got := s.theTunnel(); !got.Synced || got.OpenDrifts != 1 || got.Tunnel.DriftPolicy != drift.Repair || got.Tunnel.Name == "" {
		t.Errorf("the tunnel is %+v", got)
	}
	s.Update(func(ctx context.Context, tx store.Tx) error {
		u, err := tx.GetTunnel(ctx, s.theTunnel().Tunnel.ID)
		if err != nil {
			return err
		}
		u.Generation++
		return tx.UpdateTunnel(ctx, u)
	})
	if s.theTunnel().Synced {
		t.Error("it is synced although it has not proved a generation")
	}
}

func TestSetDriftPolicy(t *testing.T) {
	s := withTunnel(t)
	edgeID, tunnelID := string(s.EdgeIDs()[0]), string(s.theTunnel().Tunnel.ID)
	set := func(targetID string, policy drift.Policy) {
		t.Helper()
		must(t, s.App.SetDriftPolicy(t.Context(), s.Caller, targetID, policy, ""))
	}
	set(edgeID, drift.Hold)
	set(tunnelID, drift.Hold)
	if edges := s.edges(); edges[0].Edge.DriftPolicy != drift.Hold || edges[1].Edge.DriftPolicy != drift.Repair || s.theTunnel().Tunnel.DriftPolicy != drift.Hold {
		t.Errorf("the policies are %+v, %+v", edges, s.theTunnel())
	}
	if s.dueNow(worker.Edge, edgeID) || s.dueNow(worker.Tunnel, tunnelID) {
		t.Error("what is only held is looked at")
	}
	set(edgeID, drift.Repair)
	set(tunnelID, drift.Repair)
	if !s.dueNow(worker.Edge, edgeID) || !s.dueNow(worker.Tunnel, tunnelID) {
		t.Error("what is to be repaired is not looked at")
	}
	if s.edges()[0].Edge.DriftPolicy != drift.Repair || s.theTunnel().Tunnel.DriftPolicy != drift.Repair {
		t.Error("the policy did not come back")
	}
	for _, unknown := range []string{"edge_unknown", "tun_unknown", "site_1", ""} {
		wantNotFound(t, s.App.SetDriftPolicy(t.Context(), s.Caller, unknown, drift.Hold, ""))
		wantNotFound(t, s.App.SyncTarget(t.Context(), s.Caller, unknown, ""))
	}
}

func TestSyncTarget(t *testing.T) {
	s := withTunnel(t)
	edgeID, tunnelID := string(s.EdgeIDs()[1]), string(s.theTunnel().Tunnel.ID)
	if s.dueNow(worker.Edge, edgeID) || s.dueNow(worker.Tunnel, tunnelID) {
		t.Fatal("they are looked at anyway")
	}
	must(t, s.App.SyncTarget(t.Context(), s.Caller, edgeID, ""))
	must(t, s.App.SyncTarget(t.Context(), s.Caller, tunnelID, ""))
	if !s.dueNow(worker.Edge, edgeID) || !s.dueNow(worker.Tunnel, tunnelID) || s.dueNow(worker.Edge, string(s.EdgeIDs()[0])) {
		t.Error("they are not looked at now")
	}
}

func TestListDrifts(t *testing.T) {
	s := withTunnel(t)
	target := drift.Target{Kind: drift.Edge, ID: string(s.EdgeIDs()[0])}
	s.find(target, drift.Finding{Kind: "RELOADED"})
	s.Clock.Advance(time.Minute)
	s.find(target, drift.Finding{Kind: "NOT_RUNNING"}) // the other one is gone
	for _, tt := range []struct {
		all   bool
		limit int
		want  []string
	}{
		{false, 100, []string{"NOT_RUNNING"}},
		{true, 100, []string{"NOT_RUNNING", "RELOADED"}},
		{true, 1, []string{"NOT_RUNNING"}},
	} {
		drifts, err := s.App.ListDrifts(t.Context(), tt.all, tt.limit)
		must(t, err)
		var kinds []string
		for _, d := range drifts {
			kinds = append(kinds, d.Kind)
		}
		if !slices.Equal(kinds, tt.want) {
			t.Errorf("all %t, limit %d: got %v, want %v", tt.all, tt.limit, kinds, tt.want)
		}
	}
}

func TestConfirmHold(t *testing.T) {
	s := withTunnel(t)
	edgeID, tunnelID := string(s.EdgeIDs()[0]), string(s.theTunnel().Tunnel.ID)
	begin := func(holdID string, target drift.Target) {
		s.Update(func(ctx context.Context, tx store.Tx) error {
			return hold.Begin(ctx, tx, hold.Hold{ID: holdID, Target: target, Names: []string{"a.example"}, Count: 6, Held: 9, Since: s.Clock.Now()})
		})
	}
	begin("hold_1", drift.Target{Kind: drift.Edge, ID: edgeID})
	begin("hold_2", drift.Target{Kind: drift.Tunnel, ID: tunnelID})
	begin("hold_3", drift.Target{Kind: hold.DNSLost})
	for _, holdID := range []string{"hold_1", "hold_2", "hold_3"} {
		h, err := s.App.ConfirmHold(t.Context(), s.Caller, holdID, "")
		if err != nil || h.ConfirmedBy != s.Caller.Subject || !h.ConfirmedAt.Equal(s.Clock.Now()) || h.Count != 6 {
			t.Errorf("%s is %+v, %v", holdID, h, err)
		}
	}
	if !s.dueNow(worker.Edge, edgeID) || !s.dueNow(worker.Tunnel, tunnelID) || s.dueNow(worker.Edge, string(s.EdgeIDs()[1])) {
		t.Error("the targets are not looked at now")
	}
	holds, err := s.App.ListHolds(t.Context())
	if err != nil || len(holds) != 3 || holds[0].ConfirmedBy == "" {
		t.Errorf("the holds are %+v, %v", holds, err)
	}
	s.Update(func(ctx context.Context, tx store.Tx) error {
		return hold.End(ctx, tx, drift.Target{Kind: hold.DNSLost}, s.Clock.Now())
	})
	_, err = s.App.ConfirmHold(t.Context(), s.Caller, "hold_3", "")
	wantPrecondition(t, err)
	_, err = s.App.ConfirmHold(t.Context(), s.Caller, "hold_4", "")
	wantNotFound(t, err)
}
