package cli_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// changing is a command for every RPC that changes something.
var changing = map[protoreflect.Name][]string{
	"CreateSite":       {"site", "create", "shop", "--origin", "127.0.0.1:9000"},
	"UpdateSite":       {"site", "update", "site_01", "--websocket"},
	"RollbackSite":     {"site", "rollback", "site_01"},
	"DeleteSite":       {"site", "delete", "site_01"},
	"RetrySite":        {"site", "retry", "site_01"},
	"SetPrimaryDomain": {"site", "set-primary", "site_01", "dom_02"},
	"AddDomain":        {"domain", "add", "site_01", "www.shop.example"},
	"CheckDomain":      {"domain", "check", "dom_02"},
	"RemoveDomain":     {"domain", "remove", "dom_02"},
	"CancelOperation":  {"op", "cancel", "op_01"},
	"CreateKey":        {"key", "create", "ci", "--role", "viewer"},
	"RevokeKey":        {"key", "revoke", "key_02"},
	"CreateTenant":     {"tenant", "create", "shop"},
	"SetTenantLimits":  {"tenant", "limits", "ten_02", "--sites", "5"},
	"SuspendTenant":    {"tenant", "suspend", "ten_02", "--reason", "unpaid"},
	"ResumeTenant":     {"tenant", "resume", "ten_02"},
	"DeleteTenant":     {"tenant", "delete", "ten_02"},
	"GrantZone":        {"zone", "grant", "shop.example", "ten_02"},
	"RevokeZone":       {"zone", "revoke", "shop.example", "ten_02"},
	"SetDriftPolicy":   {"edge", "policy", "edge_01", "hold"},
	"RebuildEdge":      {"edge", "rebuild", "edge_01"},
	"UpdateEdge":       {"edge", "label", "edge_01", "region=eu"},
	"CreateJoinToken":  {"edge", "token", "fra1"},
	"DeleteJoinToken":  {"edge", "revoke", "join_01"},
	"EvictEdge":        {"edge", "evict", "edge_01", "--yes"},
	"PutPlacement":     {"placement", "put", "eu"},
	"DeletePlacement":  {"placement", "delete", "eu"},
	"SyncTarget":       {"tunnel", "sync", "tun_01"},
	"ConfirmHold":      {"hold", "confirm", "hold_01"},
}

func TestEveryChange_can_be_repeated(t *testing.T) {
	for _, method := range changingMethods() {
		t.Run(string(method.Name()), func(t *testing.T) {
			args, known := changing[method.Name()]
			if !known {
				t.Fatal("the test knows no command for it")
			}
			r := setup(t)
			troubled(r.infrastructure)
			r.sites.looks, r.sites.revisions = []look{{found: activeSite()}}, revisions()
			r.tenants.tenants = []*lifecyclev1.Tenant{newTenant().GetTenant()}
			r.sites.failChanges = status.Error(codes.Unavailable, "the connection broke")
			for id, run := range map[string][]string{"new-request-id": args, "mine": append(args, "--request-id", "mine")} {
				got := r.run(run...)
				if want := "to repeat it without doing it twice, add --request-id " + id; got.code != cli.ExitUnavailable || !strings.Contains(got.stderr, want) {
					t.Errorf("exit code %d, %q does not say %q", got.code, got.stderr, want)
				}
				if sent := requestID(r.sites.requests[len(r.sites.requests)-1], method.Input().FullName()); sent != id {
					t.Errorf("sent the request id %q, want %q", sent, id)
				}
			}
			r.sites.failChanges = status.Error(codes.NotFound, "no")
			if got := r.run(args...); strings.Contains(got.stderr, "to repeat it") {
				t.Errorf("a refusal says how to repeat it: %s", got.stderr)
			}
		})
	}
}

// changingMethods are all RPCs whose requests have a request id.
func changingMethods() []protoreflect.MethodDescriptor {
	var found []protoreflect.MethodDescriptor
	for _, file := range []protoreflect.FileDescriptor{
		lifecyclev1.File_siteplane_lifecycle_v1_site_service_proto, lifecyclev1.File_siteplane_lifecycle_v1_domain_service_proto,
		lifecyclev1.File_siteplane_lifecycle_v1_operation_service_proto, lifecyclev1.File_siteplane_lifecycle_v1_key_service_proto,
		lifecyclev1.File_siteplane_lifecycle_v1_tenant_service_proto, lifecyclev1.File_siteplane_lifecycle_v1_zone_service_proto,
		lifecyclev1.File_siteplane_lifecycle_v1_infrastructure_service_proto, lifecyclev1.File_siteplane_lifecycle_v1_event_service_proto,
	} {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				if methods.Get(j).Input().Fields().ByName("request_id") != nil {
					found = append(found, methods.Get(j))
				}
			}
		}
	}
	return found
}

// requestID is that of a request, and empty when it is another one than wanted.
func requestID(request any, wanted protoreflect.FullName) string {
	message := request.(proto.Message).ProtoReflect()
	if message.Descriptor().FullName() != wanted {
		return ""
	}
	return message.Get(message.Descriptor().Fields().ByName("request_id")).String()
}
