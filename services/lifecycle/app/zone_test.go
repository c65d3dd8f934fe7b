package app_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/hostname"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// zoned is a scene whose tunnel has the zones ours.test and notours.test.
func zoned(t *testing.T) scene {
	t.Helper()
	w := apptest.New(t, apptest.Options{Tunnel: fake.NewTunnel("ours.test", "notours.test"), Configure: func(cfg *lifecycle.Config) {
		cfg.AllowReservedTLDs = true
	}})
	w.DNS.Through(w.Tunnel)
	w.Run()
	return scene{w, t}
}

func TestGrantZone(t *testing.T) {
	t.Run("lets go forward what waits for it", func(t *testing.T) {
		s := zoned(t)
		shop := s.serving()
		apex, below, other := s.add(shop, "ours.test"), s.add(shop, "a.b.ours.test"), s.add(shop, "notours.test")
		s.RunFor(time.Hour)
		if got := s.domain(below); got.Domain.Mode != network.ModeUnknown {
			t.Fatalf("without a grant it is %+v", got)
		}
		before := s.domain(other).NextAttemptAt
		grant, err := s.App.GrantZone(t.Context(), s.Caller, "ours.test", s.Caller.TenantID, "")
		if err != nil || grant.ZoneName != "ours.test" || grant.TenantID != s.Caller.TenantID || !grant.CreatedAt.Equal(s.Clock.Now()) {
			t.Errorf("granted %+v, %v", grant, err)
		}
		for _, view := range []app.DomainView{apex, below} {
			if got := s.domain(view); !got.NextAttemptAt.Equal(s.Clock.Now()) {
				t.Errorf("%s is looked at at %s", got.Domain.Hostname, got.NextAttemptAt)
			}
		}
		if got := s.domain(other).NextAttemptAt; !got.Equal(before) {
			t.Error("a name in another zone is looked at as well")
		}
		s.RunFor(time.Minute)
		for _, view := range []app.DomainView{apex, below} {
			if got := s.domain(view).Domain; got.Mode != network.Managed || got.Status != network.Active {
				t.Errorf("%s is %s and %s", got.Hostname, got.Mode, got.Status)
			}
		}
	})
	t.Run("finds them on every page", func(t *testing.T) {
		s := zoned(t)
		shop := s.serving()
		s.Update(func(ctx context.Context, tx store.Tx) error {
			for i := range 501 {
				d := network.Domain{
					ID: id.NewDomain(), TenantID: shop.TenantID, SiteID: shop.ID, Hostname: fmt.Sprint("d", i, ".ours.test"),
					Kind: network.Custom, Status: network.PendingDNS, Wanted: network.Hidden, CreatedAt: s.Clock.Now(), UpdatedAt: s.Clock.Now(),
				}
				if err := tx.InsertDomain(ctx, d, lifecycle.Cause{Actor: "test", At: s.Clock.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		_, err := s.App.GrantZone(t.Context(), s.Caller, "ours.test", s.Caller.TenantID, "")
		must(t, err)
		due := 0
		s.View(func(ctx context.Context, tx store.Tx) error {
			domains, err := tx.DomainsOfSite(ctx, shop.TenantID, shop.ID)
			for _, d := range domains {
				if at, ok, err := tx.DueAt(ctx, worker.Domain, string(d.ID)); err == nil && ok && at.Equal(s.Clock.Now()) {
					due++
				}
			}
			return err
		})
		if due != 501 {
			t.Errorf("%d domains are due, want 501", due)
		}
	})
	t.Run("again changes nothing", func(t *testing.T) {
		s := zoned(t)
		first, err := s.App.GrantZone(t.Context(), s.Caller, "ours.test", s.Caller.TenantID, "")
		must(t, err)
		s.Clock.Advance(time.Hour)
		second, err := s.App.GrantZone(t.Context(), s.Caller, "ours.test", s.Caller.TenantID, "")
		if err != nil || second != first {
			t.Errorf("granted %+v, then %+v, %v", first, second, err)
		}
		grants, err := s.App.ListZoneGrants(t.Context())
		if err != nil || len(grants) != 1 || grants[0] != first {
			t.Errorf("listed %+v, %v", grants, err)
		}
	})
	t.Run("only of a zone that is ours, by its very name", func(t *testing.T) {
		s := zoned(t)
		for _, zone := range []string{"theirs.test", "below.ours.test", "test", "OURS.test", "ours.test.", "two words", ""} {
			_, err := s.App.GrantZone(t.Context(), s.Caller, zone, s.Caller.TenantID, "")
			wantViolation(t, err, "zone_name", "")
		}
		for _, call := range s.Tunnel.Calls("LookupZone") {
			if err := hostname.Check(call.Object); err != nil {
				t.Errorf("the provider was asked for %q", call.Object)
			}
		}
	})
	t.Run("only to a tenant", func(t *testing.T) {
		s := zoned(t)
		_, err := s.App.GrantZone(t.Context(), s.Caller, "ours.test", id.NewTenant(), "")
		wantNotFound(t, err)
		if grants, err := s.App.ListZoneGrants(t.Context()); err != nil || len(grants) != 0 {
			t.Errorf("listed %+v, %v", grants, err)
		}
	})
	t.Run("not while the provider cannot be asked", func(t *testing.T) {
		s := zoned(t)
		s.Tunnel.SetDown(true)
		_, err := s.App.GrantZone(t.Context(), s.Caller, "ours.test", s.Caller.TenantID, "")
		var unavailable *lifecycle.UnavailableError
		if !errors.As(err, &unavailable) || unavailable.What != "tunnel service" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("nor while it refuses us", func(t *testing.T) {
		s := zoned(t)
		s.Tunnel.Refuse(infra.Diagnosis{Code: "CLOUDFLARE_PERMISSION", Actor: condition.Operator, Summary: "the token may not read zones"})
		_, err := s.App.GrantZone(t.Context(), s.Caller, "ours.test", s.Caller.TenantID, "")
		wantPrecondition(t, err)
		if !strings.Contains(fmt.Sprint(err), "the token may not read zones") {
			t.Errorf("it does not say why: %v", err)
		}
	})
}

// asked is a tunnel provider that does something while it is asked for a zone.
type asked struct {
	infra.TunnelProvider
	during *func()
}

// LookupZone implements infra.TunnelProvider.
func (a asked) LookupZone(ctx context.Context, hostname string) (infra.ZoneAnswer, error) {
	if do := *a.during; do != nil {
		*a.during = nil
		do()
	}
	return a.TunnelProvider.LookupZone(ctx, hostname)
}

func TestGrantZone_repeated(t *testing.T) {
	var during func()
	w := apptest.New(t, apptest.Options{Tunnel: fake.NewTunnel("ours.test"), Outside: func(p apptest.Providers) apptest.Providers {
		p.Tunnel = asked{p.Tunnel, &during}
		return p
	}})
	grant := func() (network.ZoneGrant, error) {
		return w.App.GrantZone(t.Context(), w.Caller, "ours.test", w.Caller.TenantID, "request-1")
	}
	t.Run("while the provider is asked is in progress", func(t *testing.T) {
		var meanwhile error
		during = func() { _, meanwhile = grant() }
		_, err := grant()
		must(t, err)
		var busy *app.InProgressError
		if !errors.As(meanwhile, &busy) {
			t.Errorf("got %v", meanwhile)
		}
	})
	t.Run("afterwards does not ask it again", func(t *testing.T) {
		w.Tunnel.SetDown(true)
		if got, err := grant(); err != nil || got.ZoneName != "ours.test" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestRevokeZone(t *testing.T) {
	s := zoned(t)
	acme := s.NewTenant("acme").TenantID
	for _, to := range []id.Tenant{s.Caller.TenantID, acme} {
		_, err := s.App.GrantZone(t.Context(), s.Caller, "ours.test", to, "")
		must(t, err)
	}
	shop := s.serving()
	fixed := s.add(shop, "fixed.ours.test")
	s.RunFor(time.Minute)
	revoke := func(tenant id.Tenant) error {
		return s.App.RevokeZone(t.Context(), s.PlatformAdmin(), "ours.test", tenant, "")
	}
	t.Run("takes the one grant back, once", func(t *testing.T) {
		for _, events := range []int{1, 0} {
			before := s.Dump()
			must(t, revoke(s.Caller.TenantID))
			if added := s.Dump().Added(before); added["outbox"] != events || added["audit"] != 1 {
				t.Errorf("it leaves %v, want %d events", added, events)
			}
		}
		if grants, err := s.App.ListZoneGrants(t.Context()); err != nil || len(grants) != 1 || grants[0].TenantID != acme {
			t.Errorf("the grants are %+v, %v", grants, err)
		}
	})
	t.Run("leaves a domain whose mode is fixed, and opens the zone to no other", func(t *testing.T) {
		late := s.add(shop, "late.ours.test")
		s.RunFor(time.Hour)
		if got := s.domain(fixed).Domain; got.Mode != network.Managed || got.Status != network.Active {
			t.Errorf("the fixed one is %s and %s", got.Mode, got.Status)
		}
		if got := s.domain(late).Domain; got.Mode == network.Managed || got.Status != network.PendingDNS {
			t.Errorf("the late one is %s and %s", got.Mode, got.Status)
		}
	})
	t.Run("only from a tenant", func(t *testing.T) { wantNotFound(t, revoke(id.NewTenant())) })
}

func TestEnsure_tunnel(t *testing.T) {
	s := zoned(t)
	first, ok, err := app.SoleTunnel(t.Context(), s.Store)
	if err != nil || !ok {
		t.Fatalf("got %s, %v, %v", first, ok, err)
	}
	t.Run("again takes the new name and is due", func(t *testing.T) {
		must(t, app.EnsureTunnel(t.Context(), s.Store, tunnel.Tunnel{ID: first, Name: "renamed"}))
		s.View(func(ctx context.Context, tx store.Tx) error {
			at, due, err := tx.DueAt(ctx, worker.Tunnel, string(first))
			if err != nil || !due || at.After(s.Clock.Now()) {
				t.Errorf("due %v at %s, %v", due, at, err)
			}
			got, err := tx.GetTunnel(ctx, first)
			if err == nil && got.Name != "renamed" {
				t.Errorf("the tunnel is %+v", got)
			}
			return err
		})
	})
	t.Run("without tunnels there is none", func(t *testing.T) {
		if _, ok, err := app.SoleTunnel(t.Context(), stage(t).Store); ok || err != nil {
			t.Errorf("got %v, %v", ok, err)
		}
	})
	t.Run("a grant is made once, without asking", func(t *testing.T) {
		s.Tunnel.SetDown(true)
		for range 2 {
			must(t, app.EnsureZoneGrant(t.Context(), s.Store, "ours.test", s.Caller.TenantID, s.Clock.Now()))
		}
		if grants, err := s.App.ListZoneGrants(t.Context()); err != nil || len(grants) != 1 || grants[0].ZoneName != "ours.test" {
			t.Errorf("listed %+v, %v", grants, err)
		}
	})
}

// What starts takes up its tunnels again, whatever they were left at.
func TestStart_makes_tunnels_due(t *testing.T) {
	s := zoned(t)
	looks := func() int { return len(s.Tunnel.Calls("Observe")) + len(s.Tunnel.Calls("Apply")) }
	before := looks()
	must(t, s.App.Start(t.Context()))
	s.View(func(ctx context.Context, tx store.Tx) error {
		tunnelID, _, err := app.SoleTunnel(ctx, s.Store)
		if err != nil {
			return err
		}
		at, due, err := tx.DueAt(ctx, worker.Tunnel, string(tunnelID))
		if now := s.Clock.Now(); looks() == before && (!due || at.After(now)) {
			t.Errorf("due %v at %s, now is %s", due, at, now)
		}
		return err
	})
	must(t, s.App.Stop(t.Context()))
}
