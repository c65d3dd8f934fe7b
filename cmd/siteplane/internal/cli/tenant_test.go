package cli_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func limitedTenant() *lifecyclev1.Tenant {
	return &lifecyclev1.Tenant{
		TenantId: "ten_02", Name: "shop", CreateTime: ago(48 * time.Hour), State: lifecyclev1.TenantState_TENANT_STATE_ACTIVE,
		Limits: &lifecyclev1.TenantLimits{
			Sites: proto.Int64(100), Domains: proto.Int64(500), PendingClaims: proto.Int64(50), RequestsPerSecond: proto.Int64(20),
		},
		OwnLimits: &lifecyclev1.TenantLimits{Sites: proto.Int64(100), RequestsPerSecond: proto.Int64(20)},
		Usage:     &lifecyclev1.TenantUsage{Sites: 3, Domains: 7, PendingClaims: 1},
	}
}

func caller() *lifecyclev1.GetCallerResponse {
	return &lifecyclev1.GetCallerResponse{
		Key: &lifecyclev1.Key{
			KeyId: "key_01", TenantId: "ten_02", Name: "up", Role: lifecyclev1.Role_ROLE_ADMIN, CreateTime: ago(time.Hour),
		},
		Tenant: limitedTenant(),
	}
}

func TestTenant(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want any
	}{
		{"tenant_get", []string{"get"}, &lifecyclev1.GetTenantRequest{TenantId: "me"}},
		{"tenant_get_named", []string{"get", "shop"}, &lifecyclev1.GetTenantRequest{TenantId: "ten_02"}},
		{
			"tenant_limits", []string{"limits", "shop", "--sites", "default", "--domains", "9", "--pending-claims", "0"},
			&lifecyclev1.SetTenantLimitsRequest{TenantId: "ten_02", RequestId: "new-request-id", Limits: &lifecyclev1.TenantLimits{
				Domains: proto.Int64(9), PendingClaims: proto.Int64(0), RequestsPerSecond: proto.Int64(20),
			}},
		},
		{
			"tenant_suspend", []string{"suspend", "shop", "--reason", "unpaid since May"},
			&lifecyclev1.SuspendTenantRequest{TenantId: "ten_02", Reason: "unpaid since May", RequestId: "new-request-id"},
		},
		{"tenant_resume", []string{"resume", "ten_02"}, &lifecyclev1.ResumeTenantRequest{TenantId: "ten_02", RequestId: "new-request-id"}},
		{"tenant_delete", []string{"delete", "me"}, &lifecyclev1.DeleteTenantRequest{TenantId: "ten_02", RequestId: "new-request-id"}},
	} {
		for _, format := range []string{"table", "json"} {
			t.Run(test.name+"/"+format, func(t *testing.T) {
				r := setup(t)
				r.tenants.tenants = []*lifecyclev1.Tenant{limitedTenant()}
				r.golden(test.name+"."+format, cli.ExitOK, append([]string{"tenant", "-o", format}, test.args...)...)
				if diff := cmp.Diff(test.want, r.sites.requests[len(r.sites.requests)-1], protocmp.Transform()); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
	t.Run("list", func(t *testing.T) {
		suspended := limitedTenant()
		suspended.TenantId, suspended.Name, suspended.State = "ten_03", "unpaid", lifecyclev1.TenantState_TENANT_STATE_SUSPENDED
		r := setup(t)
		r.tenants.tenants = []*lifecyclev1.Tenant{limitedTenant(), suspended}
		r.golden("tenant_list_limits", cli.ExitOK, "tenant", "list")
	})
	t.Run("create with limits", func(t *testing.T) {
		r := setup(t)
		r.tenants.created = newTenant()
		if got := r.run("tenant", "create", "shop", "--limit-sites", "3", "--limit-requests-per-second", "7"); got.code != cli.ExitOK {
			t.Fatal(got.stderr)
		}
		want := &lifecyclev1.CreateTenantRequest{Name: "shop", RequestId: "new-request-id", Limits: &lifecyclev1.TenantLimits{
			Sites: proto.Int64(3), RequestsPerSecond: proto.Int64(7),
		}}
		if diff := cmp.Diff(any(want), r.sites.requests[0], protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("that is not there", func(t *testing.T) {
		setup(t).golden("tenant_missing", cli.ExitNotFound, "tenant", "suspend", "shop", "--reason", "x")
	})
}

func TestZoneRevoke(t *testing.T) {
	for _, format := range []string{"table", "json"} {
		r := setup(t)
		r.golden("zone_revoke."+format, cli.ExitOK, "zone", "revoke", "Shop.example.", "ten_02", "-o", format)
		want := &lifecyclev1.RevokeZoneRequest{ZoneName: "shop.example", TenantId: "ten_02", RequestId: "new-request-id"}
		if diff := cmp.Diff(any(want), r.sites.requests[0], protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	}
}
