// Package openapi_test proves what the OpenAPI document promises to people who know
// nothing else: that it is valid and complete, and that tools make clients of it that
// work. What the API answers is compared with it in services/lifecycle/api.
package openapi_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/siteplane/siteplane/gen/openapi"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func load(t *testing.T) *openapi3.T {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(openapi.JSON)
	check(t, err)
	return document
}

func TestDocument(t *testing.T) {
	document := load(t)
	t.Run("is valid OpenAPI 3.0.3", func(t *testing.T) {
		check(t, document.Validate(t.Context()))
		if document.OpenAPI != "3.0.3" || document.Info.Title == "" || document.Info.Version == "" || len(document.Servers) != 1 {
			t.Errorf("it is %s: %+v", document.OpenAPI, document.Info)
		}
	})
	t.Run("demands a key everywhere", func(t *testing.T) {
		scheme := document.Components.SecuritySchemes["bearer"].Value
		if scheme.Type != "http" || scheme.Scheme != "bearer" || len(document.Security) != 1 {
			t.Errorf("it demands %v by %+v", document.Security, scheme)
		}
		for id, o := range operations(document) {
			if o.Security != nil {
				t.Errorf("%s has a security of its own", id)
			}
		}
	})
	t.Run("says of every operation what it does and how it fails", func(t *testing.T) {
		for id, o := range operations(document) {
			failure := o.Responses.Default()
			if o.Summary == "" || len(o.Tags) != 1 || document.Tags.Get(o.Tags[0]) == nil || o.Responses.Status(200) == nil ||
				failure == nil || failure.Value.Content.Get("application/json") == nil {
				t.Errorf("%s is not complete", id)
			}
		}
	})
	t.Run("has no schema that nothing uses", func(t *testing.T) {
		for name := range document.Components.Schemas {
			if !bytes.Contains(openapi.JSON, []byte(`"#/components/schemas/`+name+`"`)) {
				t.Errorf("nothing uses %s", name)
			}
		}
	})
	t.Run("has every reason of an error", func(t *testing.T) {
		var wanted, got []string
		for number, name := range lifecyclev1.ErrorReason_name {
			if number != 0 {
				wanted = append(wanted, strings.TrimPrefix(name, "ERROR_REASON_"))
			}
		}
		for _, reason := range document.Components.Schemas["ErrorInfo"].Value.Properties["reason"].Value.Enum {
			got = append(got, reason.(string))
		}
		slices.Sort(wanted)
		slices.Sort(got)
		if !slices.Equal(got, wanted) {
			t.Errorf("it has %v, want %v", got, wanted)
		}
	})
}

func operations(document *openapi3.T) map[string]*openapi3.Operation {
	all := map[string]*openapi3.Operation{}
	for _, item := range document.Paths.Map() {
		for _, o := range item.Operations() {
			all[o.OperationID] = o
		}
	}
	return all
}

var variable = regexp.MustCompile(`\{[^}]*\}`)

// Every HTTP rule of the descriptors is in the document, and nothing else.
func TestDocument_has_every_RPC(t *testing.T) {
	wanted := map[string]string{}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Services().Len() {
			methods := f.Services().Get(i).Methods()
			for j := range methods.Len() {
				method := methods.Get(j)
				rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
				if rule == nil {
					continue
				}
				for _, r := range append(rule.GetAdditionalBindings(), rule) {
					wanted[route(r)] = string(method.Name())
				}
			}
		}
		return true
	})
	got := map[string]string{}
	for path, item := range load(t).Paths.Map() {
		for verb, o := range item.Operations() {
			_, name, _ := strings.Cut(o.OperationID, "_")
			got[verb+" "+variable.ReplaceAllString(path, "{}")] = strings.TrimRight(name, "0123456789")
		}
	}
	if !maps.Equal(got, wanted) || len(got) < 40 {
		t.Errorf("the document has\n%v\nwant\n%v", got, wanted)
	}
}

// route is the verb and path of a rule, whatever the variables' names.
func route(r *annotations.HttpRule) string {
	for verb, path := range map[string]string{
		"GET": r.GetGet(), "POST": r.GetPost(), "PUT": r.GetPut(), "PATCH": r.GetPatch(), "DELETE": r.GetDelete(),
	} {
		if path != "" {
			return verb + " " + variable.ReplaceAllString(path, "{}")
		}
	}
	return ""
}

// What is refused before anything is done is told beforehand, as far as a schema can.
func TestDocument_constraints(t *testing.T) {
	schemas := load(t).Components.Schemas
	for name, c := range map[string]struct {
		schema string
		value  string
		taken  bool
	}{
		"a site":                             {"CreateSiteRequest", `{"site": {"name": "x", "spec": {"origin": {"targets": [{"address": "1.1.1.1:80"}]}}}}`, true},
		"without a spec":                     {"CreateSiteRequest", `{"site": {"name": "x"}}`, false},
		"without a name":                     {"SiteInput", `{"spec": {}}`, false},
		"an empty name":                      {"SiteInput", `{"name": "", "spec": {}}`, false},
		"a slug with a space":                {"SiteInput", `{"name": "x", "slug": "a b", "spec": {}}`, false},
		"a name of 101 characters":           {"SiteInput", `{"name": "` + strings.Repeat("ä", 101) + `", "spec": {}}`, false},
		"a name of 100 characters":           {"SiteInput", `{"name": "` + strings.Repeat("ä", 100) + `", "spec": {}}`, true},
		"a patch of the name alone":          {"SitePatch", `{"name": "x", "etag": "1"}`, true},
		"an origin without targets":          {"Origin", `{"targets": []}`, false},
		"a weight above 100":                 {"Target", `{"address": "1.1.1.1:80", "weight": 101}`, false},
		"a weight below 0":                   {"Target", `{"address": "1.1.1.1:80", "weight": -1}`, false},
		"another status than a redirect has": {"Redirect", `{"baseUrl": "https://a.example", "statusCode": 200}`, false},
		"a key without a role":               {"CreateKeyRequest", `{"name": "x"}`, false},
		"a key of the role unspecified":      {"CreateKeyRequest", `{"name": "x", "role": "ROLE_UNSPECIFIED"}`, false},
		"a key of a role":                    {"CreateKeyRequest", `{"name": "x", "role": "ROLE_VIEWER"}`, true},
		"a key for 101 sites":                {"CreateKeyRequest", `{"name": "x", "role": "ROLE_VIEWER", "siteIds": [` + strings.Repeat(`"a",`, 100) + `"a"]}`, false},
		"a limit below 0":                    {"TenantLimits", `{"sites": "-1"}`, false},
		"a timeout without a unit":           {"SiteOptions", `{"readTimeout": "5"}`, false},
		"a timeout":                          {"SiteOptions", `{"readTimeout": "5.5s"}`, true},
		"a tenant's name in capitals":        {"CreateTenantRequest", `{"name": "ACME"}`, false},
		"a rollback to no revision":          {"RollbackSiteRequest", `{}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			var value any
			check(t, json.Unmarshal([]byte(c.value), &value))
			if err := schemas[c.schema].Value.VisitJSON(value, openapi3.VisitAsRequest()); (err == nil) != c.taken {
				t.Errorf("%s: %v", c.value, err)
			}
		})
	}
}
