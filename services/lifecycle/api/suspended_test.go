package api_test

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// A suspended tenant reads and does nothing else, whatever the role of its key.
func TestSuspended(t *testing.T) {
	s := setup(t)
	e, key := s.owned(s.world.Caller)[0], s.keyOf[auth.PlatformAdmin]
	s.warm(key)
	s.world.Host().SetDown(false) // a preview asks it
	repeated := &lifecyclev1.CheckDomainRequest{DomainId: e.domain, RequestId: "before"}
	_, err := s.domains.CheckDomain(as(t, key), repeated)
	s.must(err)
	s.world.Update(func(ctx context.Context, tx store.Tx) error { // its own admin cannot
		tenant, err := tx.GetTenant(ctx, s.world.Caller.TenantID)
		if err != nil {
			return err
		}
		tenant.SuspendedAt, tenant.SuspendReason = s.world.Clock.Now(), "does not pay"
		return tx.UpdateTenant(ctx, tenant)
	})
	for _, m := range rpcs() {
		req := request(m, e)
		if readers[m.Name()] {
			t.Run(string(m.Name())+" is answered", func(t *testing.T) {
				defer s.in(t)()
				_, err := s.ask(m, key, req)
				s.must(err)
			})
			continue
		}
		for id, req := range map[string]proto.Message{"": req, " with a request id": withRequestID(m, req, "after")} {
			t.Run(string(m.Name())+id+" is refused", func(t *testing.T) {
				defer s.in(t)()
				s.unchanged(t, place{rpc: m}, func() {
					_, err := s.ask(m, key, req)
					wantError(t, err, codes.PermissionDenied, "TENANT_SUSPENDED")
				})
			})
		}
	}
	t.Run("what was answered before is not answered again", func(t *testing.T) {
		_, err := s.domains.CheckDomain(as(t, key), repeated)
		wantError(t, err, codes.PermissionDenied, "TENANT_SUSPENDED")
	})
	t.Run("the tenant reads why", func(t *testing.T) {
		caller, err := s.keys.GetCaller(as(t, s.keyOf[auth.Viewer]), &lifecyclev1.GetCallerRequest{})
		s.must(err)
		if got := caller.GetTenant(); got.GetState() != lifecyclev1.TenantState_TENANT_STATE_SUSPENDED || got.GetSuspendReason() != "does not pay" {
			t.Errorf("its tenant is %v", got)
		}
	})
	t.Run("its sites go on", func(t *testing.T) {
		s.world.Host().SetDown(false)
		s.world.Run()
		if got := s.got(e.site); got.GetStatus() != lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE || got.GetConfirmedRevision() != 2 {
			t.Errorf("the site is %v", got)
		}
	})
	t.Run("over REST", func(t *testing.T) {
		a := s.call("POST", "/v1/sites", key, shop)
		wantRefused(t, a, 403, "7", "TENANT_SUSPENDED")
	})
}

// What a platform admin does to a tenant, seen from both sides.
func TestTenantService_suspends_and_deletes(t *testing.T) {
	s := setup(t)
	platform := as(t, s.keyOf[auth.PlatformAdmin])
	made, err := s.tenants.CreateTenant(platform, &lifecyclev1.CreateTenantRequest{Name: "acme"})
	s.must(err)
	tenant, theirs := made.GetTenant().GetTenantId(), as(t, made.GetApiKey())
	t.Run("suspended and resumed", func(t *testing.T) {
		_, err := s.tenants.SuspendTenant(platform, &lifecyclev1.SuspendTenantRequest{TenantId: tenant, Reason: "abuse"})
		s.must(err)
		_, err = s.sites.CreateSite(theirs, newSite("Shop"))
		wantError(t, err, codes.PermissionDenied, "TENANT_SUSPENDED")
		_, err = s.tenants.ResumeTenant(platform, &lifecyclev1.ResumeTenantRequest{TenantId: tenant})
		s.must(err)
		_, err = s.sites.CreateSite(theirs, newSite("Shop"))
		s.must(err)
	})
	t.Run("not deleted while it has a site", func(t *testing.T) {
		_, err := s.tenants.DeleteTenant(platform, &lifecyclev1.DeleteTenantRequest{TenantId: tenant})
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
	})
	t.Run("deleted, with its keys", func(t *testing.T) {
		empty, err := s.tenants.CreateTenant(platform, &lifecyclev1.CreateTenantRequest{Name: "empty"})
		s.must(err)
		_, err = s.tenants.DeleteTenant(platform, &lifecyclev1.DeleteTenantRequest{TenantId: empty.GetTenant().GetTenantId()})
		s.must(err)
		_, err = s.sites.ListSites(as(t, empty.GetApiKey()), &lifecyclev1.ListSitesRequest{})
		wantError(t, err, codes.Unauthenticated, "BAD_CREDENTIAL")
		_, err = s.tenants.CreateTenant(platform, &lifecyclev1.CreateTenantRequest{Name: "empty"})
		s.must(err)
	})
	t.Run("not one's own", func(t *testing.T) {
		own := string(s.world.Caller.TenantID)
		_, err := s.tenants.SuspendTenant(platform, &lifecyclev1.SuspendTenantRequest{TenantId: own, Reason: "x"})
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
		_, err = s.tenants.DeleteTenant(platform, &lifecyclev1.DeleteTenantRequest{TenantId: own})
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
	})
}
