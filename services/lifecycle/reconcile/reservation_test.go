package reconcile_test

import (
	"context"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

func TestClaims_reservation(t *testing.T) {
	t.Parallel()
	t.Run("who held a name last gets it back without a record; S12: anybody else needs one", func(t *testing.T) {
		w, s := withTunnel(t)
		d := w.AddDomain(s, contested, true)
		publishProof(w, d)
		w.Settle()
		if err := w.TryRemoveDomain(d); err != nil {
			t.Fatal(err)
		}
		w.Settle()
		w.DNS.SetTXT(network.ChallengePrefix + contested)
		rival := w.AddDomain(w.CreateFor(w.NewTenant("rival"), "Other"), contested, true)
		w.RunFor(time.Hour)
		wantDomain(t, w, rival, network.PendingDNS)
		again := w.AddDomain(s, contested, true)
		w.RunFor(time.Minute)
		wantDomain(t, w, again, network.Active)
		wantSaid(t, w, again, condition.Owned, condition.True, condition.ReasonReserved, "")
	})
	t.Run("a name that was only claimed reserves nothing", func(t *testing.T) {
		w, s := withTunnel(t)
		d := w.AddDomain(s, contested, true)
		w.RunFor(time.Minute)
		if err := w.TryRemoveDomain(d); err != nil {
			t.Fatal(err)
		}
		w.Settle()
		if owner, ok := reservation(w, contested); ok {
			t.Errorf("it is reserved for %s", owner)
		}
	})
	t.Run("the token is the same for the same tenant and name, and another for anybody else", func(t *testing.T) {
		w, s := withTunnel(t)
		first := w.AddDomain(s, contested, true)
		token := w.Records(first, network.Ownership)[0].Value
		if err := w.TryRemoveDomain(first); err != nil {
			t.Fatal(err)
		}
		w.Settle()
		if again := w.Records(w.AddDomain(s, contested, true), network.Ownership)[0].Value; again != token {
			t.Errorf("the token was %s and is %s", token, again)
		}
		rival := w.AddDomain(w.CreateFor(w.NewTenant("rival"), "Other"), contested, true)
		if w.Records(rival, network.Ownership)[0].Value == token {
			t.Error("two tenants have one token")
		}
	})
	t.Run("a verified name bars other tenants from names below", func(t *testing.T) {
		w, s := withTunnel(t)
		publishProof(w, w.AddDomain(s, contested, true))
		w.Settle()
		rival := w.CreateFor(w.NewTenant("rival"), "Other")
		below := w.AddDomain(rival, "a.b."+contested, true)
		w.RunFor(time.Minute)
		wantSaid(t, w, below, condition.Owned, condition.False, "OWNERSHIP_TXT_MISSING", condition.Tenant)
		publishProof(w, below)
		w.RunFor(10 * time.Minute)
		wantDomain(t, w, below, network.PendingDNS)
		wantSaid(t, w, below, condition.Owned, condition.False, infra.CodeDomainParentTaken, condition.Tenant)
		own := w.AddDomain(s, "c."+contested, true)
		publishProof(w, own)
		w.RunFor(10 * time.Minute)
		wantDomain(t, w, own, network.Active)
	})
}

// reservation is whom a released name is kept for.
func reservation(w *apptest.World, hostname string) (owner id.Tenant, ok bool) {
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		owner, ok, err = tx.ReservedFor(ctx, hostname, w.Clock.Now())
		return err
	})
	return owner, ok
}
