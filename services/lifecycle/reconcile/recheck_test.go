package reconcile_test

import (
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func TestRecheck(t *testing.T) {
	t.Parallel()
	direct := func(t *testing.T) (*apptest.World, network.Domain) {
		t.Helper()
		w, s := withTunnel(t)
		d := w.AddDomain(s, "www.example.com", true)
		publishProof(w, d)
		w.Settle()
		return w, wantDomain(t, w, d, network.Active)
	}
	t.Run("errors are a risk and change nothing, however long", func(t *testing.T) {
		w, d := direct(t)
		w.DNS.SetDown(true)
		w.RunFor(20 * 24 * time.Hour)
		wantDomain(t, w, d, network.Active)
		wantSaid(t, w, d, condition.Serving, condition.Unknown, infra.CodeAtRisk, condition.Nobody)
		w.DNS.SetDown(false)
		w.RunFor(time.Hour)
		wantSaid(t, w, d, condition.Serving, condition.True, condition.ReasonConfirmed, "")
	})
	t.Run("a name that moved away is kept for the grace, then lost, and comes back when DNS does", func(t *testing.T) {
		w, d := direct(t)
		w.DNS.LeadToAddresses("www.example.com", "198.51.100.9")
		w.RunFor(6 * 24 * time.Hour)
		if d = wantDomain(t, w, d, network.Active); d.Wanted != network.Public {
			t.Errorf("during the grace it is wanted %s", d.Wanted)
		}
		wantSaid(t, w, d, condition.Resolves, condition.False, "DNS_WRONG_TARGET", condition.Tenant)
		w.RunFor(2 * 24 * time.Hour)
		if d = wantDomain(t, w, d, network.PendingDNS); d.Wanted != network.Hidden || !d.Lost || w.Host().Serves("www.example.com") {
			t.Errorf("after the grace it is wanted %s, lost %t", d.Wanted, d.Lost)
		}
		w.CheckSettled()
		w.DNS.LeadRight("www.example.com")
		w.RunFor(time.Hour)
		if d = wantDomain(t, w, d, network.Active); d.Lost {
			t.Error("it still counts as lost")
		}
	})
	t.Run("a platform name is never lost", func(t *testing.T) {
		w, s := withTunnel(t)
		w.DNS.ScriptAddresses(hostname, contradicted)
		w.RunFor(20 * 24 * time.Hour)
		wantStatus(t, w, s, site.Active)
		wantCondition(t, w, s, condition.Condition{Type: condition.Resolves, Status: condition.False, Reason: "DNS_WRONG_TARGET", Actor: condition.Operator})
	})
	t.Run("a check looks at once", func(t *testing.T) {
		w, d := direct(t)
		w.DNS.LeadToAddresses("www.example.com", "198.51.100.9")
		if err := w.TryCheckDomain(d); err != nil {
			t.Fatal(err)
		}
		w.Run()
		wantSaid(t, w, d, condition.Resolves, condition.False, "DNS_WRONG_TARGET", condition.Tenant)
	})
}
