package app_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/monitor"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// checks has all monitors look at everything.
func (s scene) checks() monitor.Report {
	s.t.Helper()
	report, err := s.App.RunChecks(s.t.Context(), true, 100)
	must(s.t, err)
	return report
}

// finds checks that exactly these monitors find something.
func (s scene) finds(names ...string) {
	s.t.Helper()
	var found []string
	report := s.checks()
	for _, result := range report.Results {
		if result.Count > 0 {
			found = append(found, result.Monitor.Name)
		}
	}
	if got, want := strings.Join(found, " "), strings.Join(names, " "); got != want {
		s.t.Fatalf("%q found something, want %q: %v", got, want, report.Err())
	}
}

func TestRunChecks_in_the_life_of_a_site(t *testing.T) {
	s := stage(t)
	s.finds()
	shop := s.serving()
	own := s.AddDomain(shop, "shop.customer.test", false)
	s.finds()
	record := s.Records(own, network.Ownership)[0]
	s.DNS.SetTXT(record.Name, record.Value)
	s.RunFor(time.Hour)
	if own = s.Domain(own); own.Status != network.Active {
		t.Fatalf("the domain is %s", own.Status)
	}
	s.finds()
	s.Delete(shop)
	s.finds()
	s.Settle()
	s.finds()
}

// Waiting for an edge that is away is no defect of operations, but somebody must look.
func TestRunChecks_while_an_edge_is_away(t *testing.T) {
	s := stage(t)
	s.Host().SetDown(true)
	s.Create("Shop")
	s.RunFor(9 * time.Minute)
	s.finds()
	s.RunFor(5 * time.Minute)
	s.finds("unproved-generations")
	s.Host().SetDown(false)
	s.Settle()
	s.finds()
}

func TestRunChecks_when_nobody_works(t *testing.T) {
	s := stage(t)
	s.Create("Shop")
	s.Step()
	s.Clock.Advance(time.Hour) // no loop runs meanwhile
	report := s.checks()
	if err := report.Err(); err == nil || !strings.Contains(err.Error(), "M11 late-work: site_") || !strings.Contains(err.Error(), "M11 late-work: edge_") {
		t.Errorf("found %v", err)
	}
	if len(report.Waiting) == 0 || report.At.Sub(report.Waiting[0].Since) < 50*time.Minute {
		t.Errorf("what waits is %v", report.Waiting)
	}
}

func TestRunChecks_after_a_change_by_hand(t *testing.T) {
	s := stage(t)
	shop := s.serving()
	s.Update(func(ctx context.Context, tx store.Tx) error {
		now, err := tx.GetSite(ctx, shop.TenantID, shop.ID)
		if err != nil {
			return err
		}
		_, err = site.Apply(ctx, tx, now, site.Delete, lifecycle.Cause{Actor: "somebody", Reason: "by hand", At: s.Clock.Now()})
		return err
	})
	s.finds("broken-history")
}
