package app_test

import (
	"context"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

func TestCreateTenant(t *testing.T) {
	t.Run("gives a key of its admin that sees nothing of others", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		ours := s.add(shop, "shop.test")
		tenant, text, err := s.App.CreateTenant(t.Context(), "acme")
		must(t, err)
		by, err := s.App.Auth().Authenticate(t.Context(), text.Reveal())
		if err != nil || by.TenantID != tenant.ID || by.Role != auth.Admin {
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
		_, text, err := s.App.CreateTenant(t.Context(), "default")
		wantTaken(t, err, "tenant", "default")
		if text != "" {
			t.Error("a key was handed out")
		}
	})
	t.Run("they are listed by name", func(t *testing.T) {
		s := stage(t)
		for _, name := range []string{"zeta", "acme"} {
			_, _, err := s.App.CreateTenant(t.Context(), name)
			must(t, err)
		}
		tenants, err := s.App.ListTenants(t.Context())
		if err != nil || len(tenants) != 3 || tenants[0].Name != "acme" || tenants[1].Name != "default" || tenants[2].Name != "zeta" || tenants[0].CreatedAt.IsZero() {
			t.Errorf("listed %+v, %v", tenants, err)
		}
	})
}

// The key is not in the database.
func TestCreateTenant_keeps_no_secret(t *testing.T) {
	s := stage(t)
	tenant, _, err := s.App.CreateTenant(t.Context(), "acme")
	must(t, err)
	s.View(func(ctx context.Context, tx store.Tx) error {
		got, err := tx.GetTenant(ctx, tenant.ID)
		if err == nil && got.Name != "acme" {
			t.Errorf("the tenant is %+v", got)
		}
		return err
	})
}
