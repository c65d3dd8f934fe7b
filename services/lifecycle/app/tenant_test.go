package app_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func TestCreateTenant(t *testing.T) {
	t.Run("gives a key of its admin that sees nothing of others", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		ours := s.add(shop, "shop.test")
		made, err := s.App.CreateTenant(t.Context(), s.Caller, "acme", admin.Limits{}, "")
		must(t, err)
		by, err := s.App.Auth().Authenticate(t.Context(), made.Key.Reveal())
		if err != nil || by.TenantID != made.Tenant.ID || by.Role != auth.Admin {
			t.Fatalf("the key is that of %+v, %v", by, err)
		}
		sites, err := s.App.ListSites(t.Context(), by, site.Page{Limit: 10})
		if err != nil || len(sites) != 0 {
			t.Errorf("it sees %v, %v", sites, err)
		}
		domains, err := s.App.ListDomains(t.Context(), by, network.Page{Limit: 10})
		if err != nil || len(domains) != 0 {
			t.Errorf("it sees %v, %v", domains, err)
		}
		_, err = s.App.GetDomain(t.Context(), by, ours.Domain.ID)
		wantNotFound(t, err)
		if _, err := s.TryCreate(by, named("Theirs"), ""); err != nil {
			t.Errorf("it creates no site: %v", err)
		}
	})
	t.Run("a name in use is taken, and no key is made", func(t *testing.T) {
		s := stage(t)
		made, err := s.App.CreateTenant(t.Context(), s.Caller, "default", admin.Limits{}, "")
		wantTaken(t, err, "tenant", "default")
		if made.Key != "" {
			t.Error("a key was handed out")
		}
	})
	t.Run("they are listed by name", func(t *testing.T) {
		s := stage(t)
		for _, name := range []string{"zeta", "acme"} {
			_, err := s.App.CreateTenant(t.Context(), s.Caller, name, admin.Limits{}, "")
			must(t, err)
		}
		tenants, err := s.App.ListTenants(t.Context(), admin.Page{Limit: 10})
		if err != nil || len(tenants) != 3 || tenants[0].Tenant.Name != "acme" || tenants[1].Tenant.Name != "default" || tenants[2].Tenant.Name != "zeta" || tenants[0].Tenant.CreatedAt.IsZero() {
			t.Errorf("listed %+v, %v", tenants, err)
		}
	})
}

func TestGetTenant(t *testing.T) {
	s := stage(t)
	acme, other := s.NewTenant("acme"), s.NewTenant("other")
	s.CreateFor(acme, "Shop")
	for name, tt := range map[string]struct {
		by   auth.Principal
		seen bool
	}{
		"its own":                 {acme, true},
		"any by a platform admin": {s.PlatformAdmin(), true},
		"another's, as none":      {other, false},
		"another's by an admin":   {s.As(other.TenantID, auth.Admin), false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.App.GetTenant(t.Context(), tt.by, acme.TenantID)
			if !tt.seen {
				wantNotFound(t, err)
				if got != (app.TenantView{}) {
					t.Errorf("it reads %+v", got)
				}
				return
			}
			if err != nil || got.Tenant.Name != "acme" || got.Usage != (admin.Usage{Sites: 1, Domains: 1}) || got.Limits != lifecycle.Defaults().TenantLimits {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	_, err := s.App.GetTenant(t.Context(), s.PlatformAdmin(), id.NewTenant())
	wantNotFound(t, err)
}

func TestListTenants(t *testing.T) {
	s := stage(t)
	for i := range 6 {
		s.NewTenant(fmt.Sprint("tenant-", i))
	}
	_, err := s.App.DeleteTenant(t.Context(), s.PlatformAdmin(), s.NewTenant("gone").TenantID, "")
	must(t, err)
	want := []string{"default", "tenant-0", "tenant-1", "tenant-2", "tenant-3", "tenant-4", "tenant-5"}
	for _, limit := range []int{1, 2, 7, 8} {
		var got []string
		for page := (admin.Page{Limit: limit}); len(got) < 20; page.After = got[len(got)-1] {
			views, err := s.App.ListTenants(t.Context(), page)
			must(t, err)
			for _, v := range views {
				got = append(got, v.Tenant.Name)
			}
			if len(views) < limit {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d give %v", limit, got)
		}
	}
}

func TestSetTenantLimits(t *testing.T) {
	s := stage(t)
	acme := s.NewTenant("acme").TenantID
	set := func(tenant id.Tenant, own admin.Limits) (app.TenantView, error) {
		return s.App.SetTenantLimits(t.Context(), s.PlatformAdmin(), tenant, own, "")
	}
	_, err := set(acme, admin.Limits{Sites: new(int64(3)), Domains: new(int64(4))})
	must(t, err)
	view, err := set(acme, admin.Limits{Sites: new(int64(5))})
	want := lifecycle.Defaults().TenantLimits
	want.Sites = 5
	if err != nil || view.Limits != want || view.Tenant.Limits.Domains != nil {
		t.Errorf("the tenant is %+v, %v", view, err)
	}
	before := s.Dump()
	_, err = set(acme, admin.Limits{Sites: new(int64(5))})
	must(t, err)
	if added := s.Dump().Added(before); added["outbox"] != 0 || added["audit"] != 1 {
		t.Errorf("the same limits again leave %v", added)
	}
	_, err = set(id.NewTenant(), admin.Limits{})
	wantNotFound(t, err)
}

func TestSuspendTenant(t *testing.T) {
	suspend := func(s scene, tenant id.Tenant, reason string) (app.TenantView, error) {
		return s.App.SuspendTenant(s.t.Context(), s.PlatformAdmin(), tenant, reason, "")
	}
	t.Run("leaves its sites to the worker, which activates and repairs them", func(t *testing.T) {
		s := stage(t)
		acme := s.NewTenant("acme")
		shop := s.CreateFor(acme, "Shop")
		_, err := suspend(s, acme.TenantID, "unpaid")
		must(t, err)
		s.Settle()
		if got := s.Get(shop).Site; got.Status != site.Active {
			t.Errorf("the site is %s", got.Status)
		}
		s.Host().Lose(shop.ID)
		s.RunFor(time.Minute)
		if !s.Host().Serves("shop." + apptest.PlatformDomain) {
			t.Error("nobody repairs the site")
		}
		_, err = s.TryCreate(acme, named("Next"), "")
		var suspended *admin.SuspendedError
		if !errors.As(err, &suspended) || suspended.Reason != "unpaid" {
			t.Errorf("it may change something: %v", err)
		}
	})
	t.Run("again sets the reason", func(t *testing.T) {
		s := stage(t)
		acme := s.NewTenant("acme").TenantID
		first, err := suspend(s, acme, "unpaid")
		must(t, err)
		s.Clock.Advance(time.Hour)
		second, err := suspend(s, acme, "abuse")
		if got := second.Tenant; err != nil || got.SuspendReason != "abuse" || !got.SuspendedAt.Equal(first.Tenant.SuspendedAt) || !got.Suspended() {
			t.Errorf("the tenant is %+v, %v", got, err)
		}
	})
	t.Run("ends with a resumption, once", func(t *testing.T) {
		s := stage(t)
		acme := s.NewTenant("acme")
		_, err := s.App.SetTenantLimits(t.Context(), s.PlatformAdmin(), acme.TenantID, admin.Limits{Sites: new(int64(3))}, "")
		must(t, err)
		_, err = suspend(s, acme.TenantID, "unpaid")
		must(t, err)
		for _, events := range []int{1, 0} {
			before := s.Dump()
			view, err := s.App.ResumeTenant(t.Context(), s.PlatformAdmin(), acme.TenantID, "")
			if got := view.Tenant; err != nil || got.Suspended() || got.SuspendReason != "" || got.Limits.Sites == nil {
				t.Errorf("the tenant is %+v, %v", got, err)
			}
			if got := s.Dump().Added(before)["outbox"]; got != events {
				t.Errorf("%d events, want %d", got, events)
			}
		}
		s.CreateFor(acme, "Shop")
	})
	t.Run("is refused for one's own tenant, and for none", func(t *testing.T) {
		s := stage(t)
		_, err := suspend(s, s.Caller.TenantID, "unpaid")
		wantPrecondition(t, err)
		_, err = suspend(s, id.NewTenant(), "unpaid")
		wantNotFound(t, err)
		_, err = s.App.ResumeTenant(t.Context(), s.PlatformAdmin(), id.NewTenant(), "")
		wantNotFound(t, err)
	})
}

func TestDeleteTenant(t *testing.T) {
	remove := func(s scene, tenant id.Tenant) error {
		_, err := s.App.DeleteTenant(s.t.Context(), s.PlatformAdmin(), tenant, "")
		return err
	}
	t.Run("ends its keys and its grants, and frees its name", func(t *testing.T) {
		s := stage(t)
		made, err := s.App.CreateTenant(t.Context(), s.PlatformAdmin(), "acme", admin.Limits{}, "")
		must(t, err)
		acme := made.Tenant.ID
		s.GrantZone("ours.test", acme)
		s.GrantZone("ours.test", s.Caller.TenantID)
		by, err := s.App.Auth().Authenticate(t.Context(), made.Key.Reveal())
		must(t, err)
		_, err = s.App.CreateKey(t.Context(), by, app.KeyAsked{Name: "ci", Role: auth.Viewer}, "request-1")
		must(t, err)
		must(t, remove(s, acme))

		var refused *auth.CredentialError
		if _, err := s.App.Auth().Authenticate(t.Context(), made.Key.Reveal()); !errors.As(err, &refused) {
			t.Errorf("its key still opens something: %v", err)
		}
		for _, request := range []app.RequestID{"request-1", "request-2", ""} { // who came in just before
			if _, err := s.App.CreateKey(t.Context(), by, app.KeyAsked{Name: "ci", Role: auth.Viewer}, request); !errors.As(err, &refused) {
				t.Errorf("it may ask with the id %q: %v", request, err)
			}
		}
		keys, err := s.App.ListKeys(t.Context(), s.PlatformAdmin(), acme, auth.Page{Limit: 10})
		if err != nil || len(keys) != 0 {
			t.Errorf("it has keys %+v, %v", keys, err)
		}
		if grants, err := s.App.ListZoneGrants(t.Context()); err != nil || len(grants) != 1 || grants[0].TenantID != s.Caller.TenantID {
			t.Errorf("the grants are %+v, %v", grants, err)
		}
		if next := s.NewTenant("acme"); next.TenantID == acme {
			t.Error("the name is still its own")
		}
		view, err := s.App.GetTenant(t.Context(), s.PlatformAdmin(), acme)
		if err != nil || !view.Tenant.Deleted() || view.Tenant.Name != "acme" {
			t.Errorf("the tombstone is %+v, %v", view, err)
		}
	})
	t.Run("is refused while it has a site, until that is gone", func(t *testing.T) {
		s := stage(t)
		acme := s.NewTenant("acme")
		shop := s.CreateFor(acme, "Shop")
		wantPrecondition(t, remove(s, acme.TenantID))
		s.Settle()
		s.Delete(shop)
		wantPrecondition(t, remove(s, acme.TenantID))
		s.Settle()
		must(t, remove(s, acme.TenantID))
	})
	t.Run("is refused for one's own tenant", func(t *testing.T) {
		s := stage(t)
		wantPrecondition(t, remove(s, s.Caller.TenantID))
	})
	t.Run("leaves nothing that can be changed", func(t *testing.T) {
		s := stage(t)
		acme, boss := s.NewTenant("acme").TenantID, s.PlatformAdmin()
		must(t, remove(s, acme))
		for name, call := range map[string]func() error{
			"DeleteTenant": func() error { return remove(s, acme) },
			"SetTenantLimits": func() error {
				_, err := s.App.SetTenantLimits(t.Context(), boss, acme, admin.Limits{}, "")
				return err
			},
			"SuspendTenant": func() error {
				_, err := s.App.SuspendTenant(t.Context(), boss, acme, "unpaid", "")
				return err
			},
			"ResumeTenant": func() error {
				_, err := s.App.ResumeTenant(t.Context(), boss, acme, "")
				return err
			},
			"CreateKey": func() error {
				_, err := s.App.CreateKey(t.Context(), boss, app.KeyAsked{TenantID: acme, Role: auth.Viewer}, "")
				return err
			},
		} {
			t.Run(name, func(t *testing.T) { wantNotFound(t, call()) })
		}
	})
}
