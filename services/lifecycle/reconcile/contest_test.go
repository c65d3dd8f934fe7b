package reconcile_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// The stories that the property walks through, told once each.
func TestClaims_contest(t *testing.T) {
	t.Parallel()
	duel := func(t *testing.T) (w *apptest.World, holder, contender network.Domain) {
		t.Helper()
		w = apptest.New(t, apptest.Options{Configure: rarely})
		holder = w.AddDomain(w.Create("Shop"), contested, true)
		publishProof(w, holder)
		w.Settle()
		if got := w.Domain(holder).Status; got != network.Active {
			t.Fatalf("the holder is %s", got)
		}
		contender = w.AddDomain(w.CreateFor(w.NewTenant("rival"), "Other"), contested, true)
		w.RunFor(10 * time.Minute)
		if c := w.DomainCondition(contender, condition.Owned); c.Status != condition.False || c.Reason != "OWNERSHIP_TXT_WRONG" {
			t.Fatalf("without a record the contender is told %+v", c)
		}
		publishProof(w, contender)
		if err := w.TryCheckDomain(contender); err != nil { // or the next look may be far
			t.Fatal(err)
		}
		w.RunFor(10 * time.Minute)
		c := w.DomainCondition(contender, condition.Owned)
		if c.Status != condition.Unknown || c.Reason != infra.CodeTransferPending || c.Actor != condition.Nobody {
			t.Fatalf("with a record the contender is told %+v", c)
		}
		return w, holder, contender
	}
	statuses := func(t *testing.T, w *apptest.World, holder, contender network.Domain, want ...network.Status) {
		t.Helper()
		if got := []network.Status{w.Domain(holder).Status, w.Domain(contender).Status}; !slices.Equal(got, want) {
			t.Fatalf("holder and contender are %v, want %v; %+v", got, want, w.DomainConditions(contender))
		}
	}
	t.Run("a holder who does nothing loses the name after 72 hours, not before", func(t *testing.T) {
		w, holder, contender := duel(t)
		w.RunFor(71 * time.Hour)
		statuses(t, w, holder, contender, network.Active, network.PendingDNS)
		w.RunFor(2 * time.Hour)
		statuses(t, w, holder, contender, network.Released, network.Active)
		if owner, ok := reservation(w, contested); ok {
			t.Errorf("the name is still reserved for %s", owner)
		}
		w.CheckSettled()
	})
	t.Run("a holder who publishes the fresh record keeps it, and the contender hears DOMAIN_TAKEN", func(t *testing.T) {
		w, holder, contender := duel(t)
		keep := w.Records(holder, network.Keep)
		if len(keep) != 1 || keep[0].Value == w.Records(holder, network.Ownership)[0].Value {
			t.Fatalf("the holder is told to write %+v", keep)
		}
		w.RunFor(70 * time.Hour)
		w.DNS.SetTXT(keep[0].Name, append(w.DNS.TXT(keep[0].Name), keep[0].Value)...)
		w.RunFor(10 * time.Hour)
		statuses(t, w, holder, contender, network.Active, network.PendingDNS)
		if c := w.DomainCondition(contender, condition.Owned); c.Status != condition.False || c.Reason != infra.CodeDomainTaken || c.Actor != condition.Tenant {
			t.Errorf("the contender is told %+v", c)
		}
		if c := w.DomainCondition(holder, condition.Owned); c.Status != condition.True || len(w.Records(holder, network.Keep)) != 0 {
			t.Errorf("the holder is told %+v and to write %+v", c, w.Records(holder, network.Keep))
		}
	})
	t.Run("the old record does not keep it", func(t *testing.T) {
		w, holder, contender := duel(t)
		publishProof(w, holder)
		w.RunFor(73 * time.Hour)
		statuses(t, w, holder, contender, network.Released, network.Active)
	})
	t.Run("a contender whose record goes away loses the contest at once", func(t *testing.T) {
		w, holder, contender := duel(t)
		w.DNS.SetTXT(network.ChallengePrefix + contested)
		w.RunFor(80 * time.Hour)
		statuses(t, w, holder, contender, network.Active, network.PendingDNS)
		if c := w.DomainCondition(holder, condition.Owned); c.Status != condition.True {
			t.Errorf("the holder is still told %+v", c)
		}
	})
	t.Run("a holder who leaves hands it over at once", func(t *testing.T) {
		w, holder, contender := duel(t)
		if err := w.TryRemoveDomain(holder); err != nil {
			t.Fatal(err)
		}
		w.RunFor(10 * time.Minute)
		statuses(t, w, holder, contender, network.Released, network.Active)
	})
	t.Run("a holder whose site is in ERROR can still keep it", func(t *testing.T) {
		w, holder, contender := duel(t)
		w.Host().Reject(string(holder.SiteID), "refused")
		w.Update(func(ctx context.Context, tx store.Tx) error {
			s, err := tx.GetSite(ctx, holder.TenantID, holder.SiteID)
			if err != nil {
				return err
			}
			primary, err := tx.GetDomain(ctx, s.TenantID, s.PrimaryDomainID)
			if err != nil {
				return err
			}
			cause := lifecycle.Cause{Actor: "key:test", Reason: "the test breaks it", TraceID: "0af7651916cd43dd8448eb211c80319c", At: w.Clock.Now()}
			for _, event := range []network.Event{network.DNSLost, network.Validate, network.Fail} {
				if primary, err = network.Apply(ctx, tx, primary, event, cause); err != nil {
					return err
				}
			}
			return nil
		})
		if got := w.Get(site.Site{ID: holder.SiteID, TenantID: holder.TenantID}).Site.Status; got != site.Error {
			t.Fatalf("the site is %s", got)
		}
		keep := w.Records(holder, network.Keep)[0]
		w.DNS.SetTXT(keep.Name, append(w.DNS.TXT(keep.Name), keep.Value)...)
		w.RunFor(80 * time.Hour)
		statuses(t, w, holder, contender, network.Active, network.PendingDNS)
	})
	t.Run("a site whose primary was lost in a contest says that it has no domain", func(t *testing.T) {
		w, holder, _ := duel(t)
		if err := w.TrySetPrimary(holder); err != nil {
			t.Fatal(err)
		}
		w.RunFor(74 * time.Hour)
		view := w.Get(site.Site{ID: holder.SiteID, TenantID: holder.TenantID})
		c, _ := condition.Find(view.Conditions, condition.Resolves)
		if view.Site.Status != site.DomainPendingDNS || c.Reason != infra.CodeNoDomain || c.Actor != condition.Tenant {
			t.Errorf("the site is %s and says %+v", view.Site.Status, c)
		}
	})
	t.Run("errors of DNS decide nothing", func(t *testing.T) {
		w, holder, contender := duel(t)
		w.DNS.SetDown(true)
		w.RunFor(100 * time.Hour)
		statuses(t, w, holder, contender, network.Active, network.PendingDNS)
	})
}
