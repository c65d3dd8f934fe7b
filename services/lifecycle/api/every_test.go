package api_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/siteplane/siteplane/gen/openapi"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// rpcs are all RPCs of the public API.
func rpcs() (methods []protoreflect.MethodDescriptor) {
	protoregistry.GlobalFiles.RangeFilesByPackage("siteplane.lifecycle.v1", func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			service := f.Services().Get(i)
			for j := range service.Methods().Len() {
				methods = append(methods, service.Methods().Get(j))
			}
		}
		return true
	})
	return methods
}

// invoke calls an RPC with an empty request.
func (s *server) invoke(m protoreflect.MethodDescriptor, key string) error {
	s.Helper()
	ctx := s.Context()
	if key != "" {
		ctx = as(s.T, key)
	}
	name := "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
	return s.conn.Invoke(ctx, name, dynamicpb.NewMessage(m.Input()), dynamicpb.NewMessage(m.Output()))
}

func TestEvery_RPC(t *testing.T) {
	s := setup(t)
	ofPlatform := []protoreflect.Name{"TenantService", "ZoneService", "InfrastructureService"}
	for _, m := range rpcs() {
		t.Run(string(m.FullName()), func(t *testing.T) {
			if err := s.invoke(m, s.keyOf[auth.PlatformAdmin]); status.Code(err) == codes.Unimplemented || status.Code(err) == codes.PermissionDenied {
				t.Errorf("a platform admin is answered %v", err)
			}
			if err := s.invoke(m, ""); status.Code(err) != codes.Unauthenticated || rpcerr.Reason(err) != "BAD_CREDENTIAL" {
				t.Errorf("nobody is answered %v", err)
			}
			platform := slices.Contains(ofPlatform, m.Parent().Name())
			for _, role := range []auth.Role{auth.Viewer, auth.Operator, auth.Admin} {
				err := s.invoke(m, s.keyOf[role])
				if denied := status.Code(err) == codes.PermissionDenied && rpcerr.Reason(err) == "NOT_ALLOWED"; platform && !denied {
					t.Errorf("the tenant's own %s is answered %v", role, err)
				}
			}
		})
	}
	if len(rpcs()) < 26 {
		t.Errorf("only %d RPCs were found", len(rpcs()))
	}
}

var variable = regexp.MustCompile(`\{[^}]*\}`)

// Every path of the OpenAPI document leads to its service, which asks for a key.
func TestEvery_REST_path(t *testing.T) {
	s := setup(t)
	var document struct {
		Paths map[string]map[string]any
	}
	s.must(json.Unmarshal(openapi.JSON, &document))
	for path, verbs := range document.Paths {
		for verb := range verbs {
			t.Run(verb+" "+strings.TrimPrefix(path, "/v1/"), func(t *testing.T) {
				a := s.call(strings.ToUpper(verb), variable.ReplaceAllString(path, "x.test"), "", nil)
				wantRefused(t, a, http.StatusUnauthorized, "16", "BAD_CREDENTIAL")
			})
		}
	}
	if len(document.Paths) < 21 {
		t.Errorf("only %d paths were found", len(document.Paths))
	}
}
