package api

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	// Every service of the API that is linked must have its rows.
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

func TestPolicy_has_exactly_a_row_for_each_RPC(t *testing.T) {
	var want []string
	protoregistry.GlobalFiles.RangeFilesByPackage("siteplane.lifecycle.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			service := f.Services().Get(i)
			for j := range service.Methods().Len() {
				want = append(want, "/"+string(service.FullName())+"/"+string(service.Methods().Get(j).Name()))
			}
		}
		return true
	})
	for _, desc := range []grpc.ServiceDesc{healthv1.Health_ServiceDesc} {
		for _, m := range desc.Methods {
			want = append(want, "/"+desc.ServiceName+"/"+m.MethodName)
		}
		for _, s := range desc.Streams {
			want = append(want, "/"+desc.ServiceName+"/"+s.StreamName)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(policy))); diff != "" {
		t.Errorf("the rows are not those of the services (-RPC +row):\n%s", diff)
	}
	for _, method := range []string{
		lifecyclev1.SiteService_CreateSite_FullMethodName, lifecyclev1.DomainService_AddDomain_FullMethodName,
		lifecyclev1.TenantService_CreateTenant_FullMethodName, lifecyclev1.ZoneService_GrantZone_FullMethodName,
		lifecyclev1.OperationService_GetOperation_FullMethodName, lifecyclev1.InfrastructureService_ConfirmHold_FullMethodName,
		lifecyclev1.KeyService_CreateKey_FullMethodName, lifecyclev1.EventService_WatchEvents_FullMethodName,
	} {
		if !slices.Contains(want, method) {
			t.Errorf("%s was not found", method)
		}
	}
}

func TestPolicy_what_changes_demands_more_than_a_viewer(t *testing.T) {
	reads := []string{
		lifecyclev1.SiteService_GetSite_FullMethodName, lifecyclev1.SiteService_ListSites_FullMethodName,
		lifecyclev1.SiteService_GetSiteTimeline_FullMethodName, lifecyclev1.SiteService_ListSiteRevisions_FullMethodName,
		lifecyclev1.DomainService_GetDomain_FullMethodName, lifecyclev1.DomainService_ListDomains_FullMethodName,
		lifecyclev1.OperationService_GetOperation_FullMethodName, lifecyclev1.TenantService_GetTenant_FullMethodName,
		lifecyclev1.KeyService_GetCaller_FullMethodName,
		lifecyclev1.EventService_WatchEvents_FullMethodName, lifecyclev1.EventService_ListEvents_FullMethodName,
		lifecyclev1.InfrastructureService_ListPlacements_FullMethodName,
		healthv1.Health_Check_FullMethodName, healthv1.Health_Watch_FullMethodName, healthv1.Health_List_FullMethodName,
	}
	for method, role := range policy {
		if viewer := role == auth.Viewer; viewer != slices.Contains(reads, method) {
			t.Errorf("%s demands %s", method, role)
		}
	}
}

func TestPolicy_what_is_the_installations_demands_a_platform_admin(t *testing.T) {
	services := []string{
		lifecyclev1.TenantService_ServiceDesc.ServiceName, lifecyclev1.ZoneService_ServiceDesc.ServiceName,
		lifecyclev1.InfrastructureService_ServiceDesc.ServiceName,
	}
	ofEverybody := []string{
		lifecyclev1.TenantService_GetTenant_FullMethodName, lifecyclev1.InfrastructureService_ListPlacements_FullMethodName,
	}
	for method, role := range policy {
		service, _, _ := strings.Cut(method[1:], "/")
		ofPlatform := slices.Contains(services, service) && !slices.Contains(ofEverybody, method)
		if platform := role == auth.PlatformAdmin; platform != ofPlatform {
			t.Errorf("%s demands %s", method, role)
		}
	}
}

// Keys and the audit say who may do what in a tenant: they are its admin's.
func TestPolicy_what_is_about_keys_demands_an_admin(t *testing.T) {
	for _, method := range []string{
		lifecyclev1.KeyService_CreateKey_FullMethodName, lifecyclev1.KeyService_ListKeys_FullMethodName,
		lifecyclev1.KeyService_RevokeKey_FullMethodName, lifecyclev1.EventService_ListAudit_FullMethodName,
	} {
		if policy[method] != auth.Admin {
			t.Errorf("%s demands %s", method, policy[method])
		}
	}
}

func TestAuthorizer_denies_what_has_no_row(t *testing.T) {
	a := &authorizer{logger: slog.New(slog.DiscardHandler)}
	const method = "/siteplane.lifecycle.v1.SiteService/Unknown"
	if a.Covers(method) {
		t.Error("it covers a method without a row")
	}
	if _, err := a.Authorize(t.Context(), method); status.Code(err) != codes.PermissionDenied {
		t.Errorf("answered %v", err)
	}
}
