package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// troubled is a server whose edge refuses a site, has drifted and is held.
func troubled(t *testing.T) (s *server, edgeID, tunnelID string) {
	t.Helper()
	s = setup(t)
	siteID := s.create("Shop")
	s.world.Settle()
	admin := as(t, s.keyOf[auth.PlatformAdmin])
	tunnels, err := s.infra.ListTunnels(admin, &lifecyclev1.ListTunnelsRequest{})
	s.must(err)
	e := s.world.EdgeIDs()[0]
	s.world.Update(func(ctx context.Context, tx store.Tx) error {
		now := s.world.Clock.Now()
		pin := edge.Pin{EdgeID: e, SiteID: siteOf(s, siteID).ID, TenantID: s.world.Caller.TenantID, Revision: 1, Message: "bad", CreatedAt: now}
		if err := tx.PutPin(ctx, pin); err != nil {
			return err
		}
		target := drift.Target{Kind: drift.Edge, ID: string(e)}
		found := drift.Finding{Kind: "FILE_CHANGED", Place: "a.conf", Detail: "differs", Cause: "edited by hand", Since: now.Add(-time.Hour), Foreign: true, Diff: "+a\n", Owner: "root"}
		if _, err := drift.Record(ctx, tx, target, []drift.Finding{found}, drift.Gone, lifecycle.Cause{At: now}); err != nil {
			return err
		}
		return hold.Begin(ctx, tx, hold.Hold{ID: "hold_1", Target: target, Names: []string{"a.example"}, Count: 6, Held: 9, Since: now})
	})
	return s, string(e), tunnels.GetTunnels()[0].GetTunnelId()
}

func TestInfrastructureService_shows(t *testing.T) {
	s, edgeID, tunnelID := troubled(t)
	ctx := as(t, s.keyOf[auth.PlatformAdmin])
	t.Run("edges", func(t *testing.T) {
		list, err := s.infra.ListEdges(ctx, &lifecyclev1.ListEdgesRequest{})
		s.must(err)
		e := list.GetEdges()[0]
		if len(list.GetEdges()) != 1 || e.GetEdgeId() != edgeID || e.GetName() == "" || e.GetAddress() == "" || len(e.GetPublicAddresses()) != 1 || !e.GetSynced() ||
			e.GetGeneration() == 0 || e.GetProvenGeneration() != e.GetGeneration() || e.GetLastSeenTime() == nil || e.GetOpenDrifts() != 1 ||
			e.GetDriftPolicy() != lifecyclev1.DriftPolicy_DRIFT_POLICY_REPAIR {
			t.Errorf("the edges are %v", list)
		}
		if p := e.GetPins(); len(p) != 1 || p[0].GetRevision() != 1 || p[0].GetMessage() != "bad" || p[0].GetSiteId() == "" || p[0].GetCreateTime() == nil {
			t.Errorf("the pins are %v", p)
		}
	})
	t.Run("tunnels", func(t *testing.T) {
		list, err := s.infra.ListTunnels(ctx, &lifecyclev1.ListTunnelsRequest{})
		s.must(err)
		if u := list.GetTunnels()[0]; len(list.GetTunnels()) != 1 || u.GetTunnelId() != tunnelID || u.GetName() == "" || !u.GetSynced() || u.GetLastSeenTime() == nil ||
			u.GetDriftPolicy() != lifecyclev1.DriftPolicy_DRIFT_POLICY_REPAIR {
			t.Errorf("the tunnels are %v", list)
		}
	})
	t.Run("drifts", func(t *testing.T) {
		list, err := s.infra.ListDrifts(ctx, &lifecyclev1.ListDriftsRequest{PageSize: 1})
		s.must(err)
		if d := list.GetDrifts()[0]; d.GetDriftId() == "" || d.GetTargetId() != edgeID || d.GetKind() != "FILE_CHANGED" || d.GetPlace() != "a.conf" || d.GetDetail() != "differs" ||
			d.GetCause() != "edited by hand" || d.GetDiff() != "+a\n" || d.GetOwner() != "root" || !d.GetForeign() || d.GetSince() == nil || d.GetFindTime() == nil || d.GetCloseTime() != nil || d.GetOutcome() != "" {
			t.Errorf("the drifts are %v", list)
		}
		_, err = s.infra.ListDrifts(ctx, &lifecyclev1.ListDriftsRequest{PageSize: 1001})
		wantViolation(t, err, "page_size", "")
	})
	t.Run("holds", func(t *testing.T) {
		list, err := s.infra.ListHolds(ctx, &lifecyclev1.ListHoldsRequest{})
		s.must(err)
		if h := list.GetHolds()[0]; h.GetHoldId() != "hold_1" || h.GetTargetKind() != "edge" || h.GetTargetId() != edgeID || h.GetCount() != 6 || h.GetHeld() != 9 ||
			len(h.GetNames()) != 1 || h.GetSince() == nil || h.GetConfirmedBy() != "" {
			t.Errorf("the holds are %v", list)
		}
	})
}

func TestInfrastructureService_changes(t *testing.T) {
	s, edgeID, tunnelID := troubled(t)
	ctx := as(t, s.keyOf[auth.PlatformAdmin])
	t.Run("what is done about drift", func(t *testing.T) {
		for _, policy := range []lifecyclev1.DriftPolicy{lifecyclev1.DriftPolicy_DRIFT_POLICY_HOLD, lifecyclev1.DriftPolicy_DRIFT_POLICY_REPAIR} {
			for _, target := range []string{edgeID, tunnelID} {
				_, err := s.infra.SetDriftPolicy(ctx, &lifecyclev1.SetDriftPolicyRequest{TargetId: target, Policy: policy})
				s.must(err)
			}
			edges, err := s.infra.ListEdges(ctx, &lifecyclev1.ListEdgesRequest{})
			s.must(err)
			tunnels, err := s.infra.ListTunnels(ctx, &lifecyclev1.ListTunnelsRequest{})
			s.must(err)
			if edges.GetEdges()[0].GetDriftPolicy() != policy || tunnels.GetTunnels()[0].GetDriftPolicy() != policy {
				t.Errorf("%s was asked for: %v, %v", policy, edges, tunnels)
			}
		}
		for _, policy := range []lifecyclev1.DriftPolicy{0, 7} {
			_, err := s.infra.SetDriftPolicy(ctx, &lifecyclev1.SetDriftPolicyRequest{TargetId: edgeID, Policy: policy})
			wantViolation(t, err, "policy", "")
		}
	})
	t.Run("when a target is looked at", func(t *testing.T) {
		_, err := s.infra.SyncTarget(ctx, &lifecyclev1.SyncTargetRequest{TargetId: edgeID})
		s.must(err)
	})
	t.Run("whether a hold passes", func(t *testing.T) {
		confirmed, err := s.infra.ConfirmHold(ctx, &lifecyclev1.ConfirmHoldRequest{HoldId: "hold_1"})
		s.must(err)
		if h := confirmed.GetHold(); h.GetHoldId() != "hold_1" || h.GetConfirmedBy() == "" {
			t.Errorf("confirmed %v", h)
		}
		s.world.Update(func(ctx context.Context, tx store.Tx) error {
			return hold.End(ctx, tx, drift.Target{Kind: drift.Edge, ID: edgeID}, s.world.Clock.Now())
		})
		_, err = s.infra.ConfirmHold(ctx, &lifecyclev1.ConfirmHoldRequest{HoldId: "hold_1"})
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
	})
	t.Run("nothing that is not there", func(t *testing.T) {
		_, err := s.infra.SetDriftPolicy(ctx, &lifecyclev1.SetDriftPolicyRequest{TargetId: "edge_unknown", Policy: lifecyclev1.DriftPolicy_DRIFT_POLICY_HOLD})
		wantError(t, err, codes.NotFound, "NOT_FOUND")
		_, err = s.infra.SyncTarget(ctx, &lifecyclev1.SyncTargetRequest{TargetId: "tun_unknown"})
		wantError(t, err, codes.NotFound, "NOT_FOUND")
		_, err = s.infra.ConfirmHold(ctx, &lifecyclev1.ConfirmHoldRequest{HoldId: "hold_unknown"})
		wantError(t, err, codes.NotFound, "NOT_FOUND")
	})
}

func TestREST_infrastructure(t *testing.T) {
	s, edgeID, tunnelID := troubled(t)
	key := s.keyOf[auth.PlatformAdmin]
	if a := s.call("GET", "/v1/edges", key, nil); a.code != http.StatusOK || a.at("edges", 0, "pins", 0, "message") != "bad" {
		t.Errorf("edges %d %v", a.code, a.body)
	}
	if a := s.call("GET", "/v1/tunnels", key, nil); a.code != http.StatusOK || a.at("tunnels", 0, "tunnelId") != tunnelID {
		t.Errorf("tunnels %d %v", a.code, a.body)
	}
	if a := s.call("GET", "/v1/drifts?all=true&page_size=5", key, nil); a.code != http.StatusOK || a.at("drifts", 0, "kind") != "FILE_CHANGED" {
		t.Errorf("drifts %d %v", a.code, a.body)
	}
	if a := s.call("GET", "/v1/holds", key, nil); a.code != http.StatusOK || a.at("holds", 0, "count") != "6" {
		t.Errorf("holds %d %v", a.code, a.body)
	}
	if a := s.call("POST", "/v1/targets/"+edgeID+":setDriftPolicy", key, `{"policy": "DRIFT_POLICY_HOLD"}`); a.code != http.StatusOK {
		t.Errorf("set %d %v", a.code, a.body)
	}
	if a := s.call("POST", "/v1/targets/"+tunnelID+":sync", key, "{}"); a.code != http.StatusOK {
		t.Errorf("synced %d %v", a.code, a.body)
	}
	if a := s.call("POST", "/v1/holds/hold_1:confirm", key, "{}"); a.code != http.StatusOK || a.at("hold", "confirmedBy") == "" {
		t.Errorf("confirmed %d %v", a.code, a.body)
	}
	wantRefused(t, s.call("GET", "/v1/edges", s.keyOf[auth.Admin], nil), http.StatusForbidden, "7", "NOT_ALLOWED")
	wantRefused(t, s.call("POST", "/v1/holds/hold_1:confirm", s.keyOf[auth.Admin], "{}"), http.StatusForbidden, "7", "NOT_ALLOWED")
}
