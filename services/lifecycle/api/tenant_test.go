package api_test

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

func TestTenantService(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.PlatformAdmin])
	siteID := s.create("Shop")
	created, err := s.tenants.CreateTenant(ctx, &lifecyclev1.CreateTenantRequest{Name: "acme"})
	s.must(err)
	if got := created.GetTenant(); !strings.HasPrefix(got.GetTenantId(), "ten_") || got.GetName() != "acme" || got.GetCreateTime() == nil {
		t.Errorf("created %v", got)
	}
	theirs := as(t, created.GetApiKey())
	t.Run("the key works, and sees nothing of others", func(t *testing.T) {
		list, err := s.sites.ListSites(theirs, &lifecyclev1.ListSitesRequest{})
		if err != nil || len(list.GetSites()) != 0 {
			t.Errorf("listed %v, %v", list, err)
		}
		wantError(t, methods["GetSite"](theirs, s.sites, siteID), codes.NotFound, "NOT_FOUND")
		if _, err := s.sites.CreateSite(theirs, newSite("Theirs")); err != nil {
			t.Error(err)
		}
	})
	t.Run("the key does nothing for the installation", func(t *testing.T) {
		_, err := s.tenants.CreateTenant(theirs, &lifecyclev1.CreateTenantRequest{Name: "more"})
		wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
		_, err = s.tenants.ListTenants(theirs, &lifecyclev1.ListTenantsRequest{})
		wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
	})
	t.Run("a name in use is taken", func(t *testing.T) {
		_, err := s.tenants.CreateTenant(ctx, &lifecyclev1.CreateTenantRequest{Name: "acme"})
		wantError(t, err, codes.AlreadyExists, "NAME_TAKEN")
	})
	t.Run("a bad name is named", func(t *testing.T) {
		for _, name := range []string{"", "Acme", "1a", "a b", "a\n", strings.Repeat("a", 41)} {
			_, err := s.tenants.CreateTenant(ctx, &lifecyclev1.CreateTenantRequest{Name: name})
			wantViolation(t, err, "name", "")
		}
	})
	t.Run("they are listed by name, without a key", func(t *testing.T) {
		a := s.call("GET", "/v1/tenants", s.keyOf[auth.PlatformAdmin], nil)
		if a.code != http.StatusOK || a.at("tenants", 0, "name") != "acme" || a.at("tenants", 1, "name") != "default" || a.at("tenants", 0, "apiKey") != "" {
			t.Errorf("listed %d %v", a.code, a.body)
		}
	})
	t.Run("the same over REST", func(t *testing.T) {
		a := s.call("POST", "/v1/tenants", s.keyOf[auth.PlatformAdmin], `{"name": "rest"}`)
		if a.code != http.StatusOK || a.at("tenant", "name") != "rest" {
			t.Fatalf("created %d %v", a.code, a.body)
		}
		if a := s.call("GET", "/v1/sites", a.at("apiKey"), nil); a.code != http.StatusOK {
			t.Errorf("its key is answered %d %v", a.code, a.body)
		}
		wantRefused(t, s.call("POST", "/v1/tenants", s.keyOf[auth.Admin], `{"name": "more"}`), http.StatusForbidden, "7", "NOT_ALLOWED")
	})
	if strings.Contains(s.logs.String(), created.GetApiKey()) {
		t.Error("the key is in the log")
	}
}
