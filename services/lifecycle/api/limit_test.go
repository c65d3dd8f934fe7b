package api_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// limit sets the only limits of the first tenant.
func (s *server) limit(limits *lifecyclev1.TenantLimits) {
	s.Helper()
	if limits.RequestsPerSecond == nil {
		limits.RequestsPerSecond = proto.Int64(1_000_000)
	}
	_, err := s.tenants.SetTenantLimits(as(s.T, s.keyOf[auth.PlatformAdmin]), &lifecyclev1.SetTenantLimitsRequest{
		TenantId: string(s.world.Caller.TenantID), Limits: limits,
	})
	s.must(err)
}

// wantLimit checks which limit is reached, over gRPC and REST, and that nothing came
// of it.
func (s *server) wantLimit(name string, allowed, used int, ask func(ctx context.Context) error, verb, path, body string) {
	s.Helper()
	key := s.keyOf[auth.Operator]
	before := s.changes()
	err := ask(as(s.T, key))
	wantError(s.T, err, codes.ResourceExhausted, "LIMIT_REACHED")
	if got := rpcerr.MetadataOf(err); got["limit"] != name || got["allowed"] != strconv.Itoa(allowed) || got["used"] != strconv.Itoa(used) {
		s.Errorf("the metadata is %v, want %s with %d of %d in use", got, name, used, allowed)
	}
	a := s.call(verb, path, key, body)
	wantRefused(s.T, a, http.StatusTooManyRequests, "8", "LIMIT_REACHED")
	if a.at("details", 0, "metadata", "limit") != name {
		s.Errorf("answered %v", a.body)
	}
	if after := s.changes(); after != before {
		s.Errorf("before there were %+v, then %+v", before, after)
	}
}

func TestLimits(t *testing.T) {
	s := setup(t)
	siteID := s.create("Shop")
	add := func(ctx context.Context) error {
		_, err := s.domains.AddDomain(ctx, &lifecyclev1.AddDomainRequest{SiteId: siteID, Hostname: "more.customer.test"})
		return err
	}
	const domain = `{"hostname": "more.customer.test"}`
	t.Run("sites", func(t *testing.T) {
		defer s.in(t)()
		s.limit(&lifecyclev1.TenantLimits{Sites: proto.Int64(1)})
		s.wantLimit("sites", 1, 1, func(ctx context.Context) error {
			_, err := s.sites.CreateSite(ctx, newSite("Second"))
			return err
		}, "POST", "/v1/sites", shop)
	})
	t.Run("domains", func(t *testing.T) {
		defer s.in(t)()
		s.limit(&lifecyclev1.TenantLimits{Domains: proto.Int64(1)})
		s.wantLimit("domains", 1, 1, add, "POST", "/v1/sites/"+siteID+"/domains", domain)
	})
	t.Run("pending claims", func(t *testing.T) {
		defer s.in(t)()
		s.limit(&lifecyclev1.TenantLimits{PendingClaims: proto.Int64(0)})
		s.wantLimit("pending_claims", 0, 0, add, "POST", "/v1/sites/"+siteID+"/domains", domain)
	})
	t.Run("what is above a new limit stays", func(t *testing.T) {
		defer s.in(t)()
		s.limit(&lifecyclev1.TenantLimits{Sites: proto.Int64(0)})
		tenant, err := s.tenants.GetTenant(as(t, s.keyOf[auth.Viewer]), &lifecyclev1.GetTenantRequest{TenantId: "me"})
		s.must(err)
		got := tenant.GetTenant()
		if got.GetUsage().GetSites() != 1 || got.GetLimits().GetSites() != 0 || got.GetLimits().GetDomains() != 5000 ||
			got.GetOwnLimits().Sites == nil || got.GetOwnLimits().Domains != nil {
			t.Errorf("the tenant is %v", got)
		}
	})
	t.Run("a refused request is not kept", func(t *testing.T) {
		defer s.in(t)()
		s.limit(&lifecyclev1.TenantLimits{Sites: proto.Int64(1)})
		req := newSite("Second")
		req.RequestId = "later"
		_, err := s.sites.CreateSite(as(t, s.keyOf[auth.Operator]), req)
		wantError(t, err, codes.ResourceExhausted, "LIMIT_REACHED")
		s.limit(&lifecyclev1.TenantLimits{Sites: proto.Int64(2)})
		_, err = s.sites.CreateSite(as(t, s.keyOf[auth.Operator]), req)
		s.must(err)
	})
}

// So many calls a second, in bursts of twice as many; other tenants do not notice.
func TestLimits_requests_per_second(t *testing.T) {
	s := setup(t)
	stranger := s.key(s.world.NewTenant("other"), auth.Viewer)
	key := s.keyOf[auth.Viewer]
	s.limit(&lifecyclev1.TenantLimits{RequestsPerSecond: proto.Int64(5)})
	list := func(key string) error {
		_, err := s.sites.ListSites(as(t, key), &lifecyclev1.ListSitesRequest{})
		return err
	}
	for range 10 {
		s.must(list(key))
	}
	err := list(key)
	wantError(t, err, codes.ResourceExhausted, "LIMIT_REACHED")
	if got := rpcerr.MetadataOf(err); got["limit"] != "requests_per_second" || got["allowed"] != "5" {
		t.Errorf("the metadata is %v", got)
	}
	after, ok := rpcerr.RetryDelay(err)
	if !ok || after <= 0 || after > time.Second {
		t.Errorf("retry after %s", after)
	}
	a := s.call("GET", "/v1/sites", key, nil)
	wantRefused(t, a, http.StatusTooManyRequests, "8", "LIMIT_REACHED")
	if a.at("details", 1, "retryDelay") == "" {
		t.Errorf("answered %v", a.body)
	}
	wantRefused(t, s.call("GET", "/v1/sites", s.keyOf[auth.Admin], nil), http.StatusTooManyRequests, "8", "LIMIT_REACHED")
	s.must(list(stranger))
	s.world.Clock.Advance(after)
	s.must(list(key))
	wantError(t, list(key), codes.ResourceExhausted, "LIMIT_REACHED")
}
