package api_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/siteplane/siteplane/gen/openapi"
	"github.com/siteplane/siteplane/services/lifecycle/api"
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

func TestEvery_RPC(t *testing.T) {
	s := setup(t)
	for _, m := range rpcs() {
		t.Run(string(m.FullName()), func(t *testing.T) {
			empty := newRequest(t, m)
			if _, err := s.ask(m, s.keyOf[auth.PlatformAdmin], empty); status.Code(err) == codes.Unimplemented || status.Code(err) == codes.PermissionDenied {
				t.Errorf("a platform admin is answered %v", err)
			}
			_, err := s.ask(m, "", empty)
			wantError(t, err, codes.Unauthenticated, "BAD_CREDENTIAL")
		})
	}
	if len(rpcs()) < 39 {
		t.Errorf("only %d RPCs were found", len(rpcs()))
	}
}

// Each role may call what its row in the policy says, and nothing above.
func TestEvery_RPC_of_every_role(t *testing.T) {
	s := setup(t)
	e := s.owned(s.world.Caller)[0]
	for _, m := range rpcs() {
		for _, role := range []auth.Role{auth.Viewer, auth.Operator, auth.Admin, auth.PlatformAdmin} {
			t.Run(string(m.Name())+" by "+string(role), func(t *testing.T) {
				commits := s.world.Store.Commits()
				_, err := s.ask(m, s.keyOf[role], request(m, e))
				if role.Includes(api.Policy()[fullName(m)]) {
					if status.Code(err) == codes.PermissionDenied || status.Code(err) == codes.Unauthenticated {
						t.Errorf("answered %v", err)
					}
					return
				}
				wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
				if got := s.world.Store.Commits(); got > commits+1 { // one notes that the key was used
					t.Error("something was written")
				}
			})
		}
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
				if inner, ok := a.body["error"].(map[string]any); ok { // of a stream
					a.body = inner
				}
				wantRefused(t, a, http.StatusUnauthorized, "16", "BAD_CREDENTIAL")
			})
		}
	}
	if len(document.Paths) < 33 {
		t.Errorf("only %d paths were found", len(document.Paths))
	}
}

// Every RPC has a path, and a request that is made of its rule reaches it.
func TestEvery_RPC_over_REST(t *testing.T) {
	s := setup(t)
	for _, m := range rpcs() {
		t.Run(string(m.Name()), func(t *testing.T) {
			verb, path, body := restOf(t, m, request(m, nobodys()))
			if verb == "" || !strings.HasPrefix(path, "/v1/") {
				t.Fatalf("its rule is %s %s", verb, path)
			}
			a := s.call(verb, path, "", body)
			if a.operation != string(m.Parent().Name())+"_"+string(m.Name()) {
				t.Errorf("it is %q in the document", a.operation)
			}
			if inner, ok := a.body["error"].(map[string]any); ok { // of a stream
				a.body = inner
			}
			wantRefused(t, a, http.StatusUnauthorized, "16", "BAD_CREDENTIAL")
		})
	}
}
