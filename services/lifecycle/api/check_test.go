package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/monitor"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// drifted plants two drifts of ours that were found an hour ago, and work that has been
// due for as long.
func drifted(t *testing.T) (s *server, edgeID string) {
	t.Helper()
	s = setup(t)
	s.create("Shop")
	s.world.Settle()
	edgeID = string(s.world.EdgeIDs()[0])
	s.world.Update(func(ctx context.Context, tx store.Tx) error {
		found := []drift.Finding{{Kind: "FILE_CHANGED", Place: "a.conf"}, {Kind: "FILE_CHANGED", Place: "b.conf"}}
		at := s.world.Clock.Now().Add(-time.Hour)
		_, err := drift.Record(ctx, tx, drift.Target{Kind: drift.Edge, ID: edgeID}, found, drift.Gone, lifecycle.Cause{At: at})
		return err
	})
	return s, edgeID
}

func TestRunChecks(t *testing.T) {
	s, edgeID := drifted(t)
	ctx := as(t, s.keyOf[auth.PlatformAdmin])
	answer, err := s.infra.RunChecks(ctx, &lifecyclev1.RunChecksRequest{PageSize: 1, All: true})
	s.must(err)
	if len(answer.GetChecks()) != len(monitor.Table) {
		t.Fatalf("%d checks", len(answer.GetChecks()))
	}
	for i, check := range answer.GetChecks() {
		m := monitor.Table[i]
		if check.GetMonitorId() != string(m.ID) || check.GetName() != m.Name || check.GetSays() != m.Says || check.GetRemedy() != m.Remedy || check.GetSeverity() == 0 {
			t.Errorf("%s is told as %v", m.Name, check)
		}
		if check.GetApplies() == (m.Name == "unplaced-events") {
			t.Errorf("%s applies: %v", m.Name, check.GetApplies())
		}
		if (check.GetCount() > 0) != (m.Name == "lasting-drift") {
			t.Errorf("%s found %v", m.Name, check.GetFindings())
		}
		if m.Name != "lasting-drift" {
			continue
		}
		if check.GetCount() != 2 || len(check.GetFindings()) != 1 {
			t.Fatalf("%d of %d are told", len(check.GetFindings()), check.GetCount())
		}
		f := check.GetFindings()[0]
		if f.GetObjectId() == "" || f.GetTenantId() != "" || f.GetSince() == nil || f.GetDetail() != "FILE_CHANGED of "+edgeID+" differs from what was proved" {
			t.Errorf("told is %v", f)
		}
	}
	_, err = s.infra.RunChecks(ctx, &lifecyclev1.RunChecksRequest{PageSize: 1001})
	wantViolation(t, err, "page_size", "")
	a := s.call("GET", "/v1/infrastructure/checks?all=true&page_size=1", s.keyOf[auth.PlatformAdmin], nil)
	if a.code != http.StatusOK || a.at("checks", 0, "name") != "duplicate-claims" || a.at("checks", 7, "count") != "2" {
		t.Errorf("REST answers %d %v", a.code, a.body)
	}
	wantRefused(t, s.call("GET", "/v1/infrastructure/checks", s.keyOf[auth.Admin], nil), http.StatusForbidden, "7", "NOT_ALLOWED")
}
