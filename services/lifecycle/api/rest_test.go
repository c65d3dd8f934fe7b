package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

const shop = `{"site": {"name": "My Shop", "spec": {"origin": {"targets": [{"address": "1.1.1.1:8080"}]}}}}`

// at follows a path into JSON, "" where there is nothing.
func (a answer) at(path ...any) string {
	var v any = a.body
	for _, step := range path {
		switch key := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[key]
		case int:
			list, _ := v.([]any)
			if key >= len(list) {
				return ""
			}
			v = list[key]
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// wantRefused checks an error's code, HTTP status and reason.
func wantRefused(t *testing.T, a answer, httpCode int, code, reason string) {
	t.Helper()
	if a.code != httpCode || a.at("code") != code || a.at("details", 0, "reason") != reason || a.at("details", 0, "domain") != "siteplane" {
		t.Errorf("answered %d %v, want %d with code %s and reason %s", a.code, a.body, httpCode, code, reason)
	}
	if a.at("message") == "" || len(a.at("details", 0, "metadata", "trace_id")) != 32 {
		t.Errorf("the error %v lacks message or trace id", a.body)
	}
}

func TestREST_lives_through_a_site(t *testing.T) {
	s := setup(t)
	key := s.keyOf[auth.Operator]
	created := s.call("POST", "/v1/sites", key, shop)
	siteID := created.at("site", "siteId")
	if created.code != http.StatusOK || !strings.HasPrefix(siteID, "site_") || created.at("site", "status") != "SITE_STATUS_CREATED" ||
		created.at("operation", "kind") != "create_site" {
		t.Fatalf("created %d %v", created.code, created.body)
	}
	s.world.Settle()
	got := s.call("GET", "/v1/sites/"+siteID, key, nil)
	if got.code != http.StatusOK || got.at("site", "status") != "SITE_STATUS_ACTIVE" || got.at("site", "primaryDomain", "hostname") != "my-shop.sites.example" {
		t.Errorf("got %d %v", got.code, got.body)
	}
	list := s.call("GET", "/v1/sites?page_size=1", key, nil)
	if list.code != http.StatusOK || list.at("sites", 0, "siteId") != siteID {
		t.Errorf("listed %d %v", list.code, list.body)
	}
	timeline := s.call("GET", "/v1/sites/"+siteID+"/timeline", key, nil)
	if timeline.code != http.StatusOK || timeline.at("entries", 0, "status", "to") != "CREATED" {
		t.Errorf("timeline %d %v", timeline.code, timeline.body)
	}
	wantRefused(t, s.call("POST", "/v1/sites/"+siteID+":retry", key, "{}"), http.StatusBadRequest, "9", "ILLEGAL_TRANSITION")
	deleted := s.call("DELETE", "/v1/sites/"+siteID, key, nil)
	if deleted.code != http.StatusOK || deleted.at("site", "status") != "SITE_STATUS_DELETING" {
		t.Errorf("deleted %d %v", deleted.code, deleted.body)
	}
}

func TestREST_errors(t *testing.T) {
	s := setup(t)
	key := s.keyOf[auth.Operator]
	siteID := s.call("POST", "/v1/sites", key, shop).at("site", "siteId")
	stranger := s.key(s.world.NewTenant("other"), auth.Operator)
	t.Run("no key", func(t *testing.T) {
		wantRefused(t, s.call("GET", "/v1/sites/"+siteID, "", nil), http.StatusUnauthorized, "16", "BAD_CREDENTIAL")
	})
	t.Run("a viewer's key", func(t *testing.T) {
		wantRefused(t, s.call("POST", "/v1/sites", s.keyOf[auth.Viewer], shop), http.StatusForbidden, "7", "NOT_ALLOWED")
	})
	t.Run("another tenant's site", func(t *testing.T) {
		wantRefused(t, s.call("GET", "/v1/sites/"+siteID, stranger, nil), http.StatusNotFound, "5", "NOT_FOUND")
		wantRefused(t, s.call("DELETE", "/v1/sites/"+siteID, stranger, nil), http.StatusNotFound, "5", "NOT_FOUND")
		wantRefused(t, s.call("GET", "/v1/sites/"+string(id.NewSite())+"/timeline", stranger, nil), http.StatusNotFound, "5", "NOT_FOUND")
	})
	t.Run("a taken slug", func(t *testing.T) {
		body := strings.Replace(shop, `"name"`, `"slug": "my-shop", "name"`, 1)
		wantRefused(t, s.call("POST", "/v1/sites", key, body), http.StatusConflict, "6", "NAME_TAKEN")
	})
	t.Run("a wrong spec, field by field", func(t *testing.T) {
		a := s.call("POST", "/v1/sites", key, strings.Replace(shop, "1.1.1.1", "127.0.0.1", 1))
		wantRefused(t, a, http.StatusBadRequest, "3", "INVALID_FIELDS")
		if got := a.at("details", 1, "fieldViolations", 0, "field"); got != "site.spec.origin.targets[0].address" {
			t.Errorf("the field is %q in %v", got, a.body)
		}
	})
	t.Run("a missing field", func(t *testing.T) {
		a := s.call("POST", "/v1/sites", key, `{"site": {"name": "x"}}`)
		if a.code != http.StatusBadRequest || a.at("details", 0, "reason") != "INVALID_FIELDS" || a.at("details", 1, "fieldViolations", 0, "field") != "site.spec" {
			t.Errorf("answered %d %v", a.code, a.body)
		}
	})
	for name, body := range map[string]string{"no JSON": "{", "an unknown field": `{"site": {"colour": 1}}`, "a wrong type": `{"site": 7}`} {
		t.Run(name, func(t *testing.T) {
			if a := s.call("POST", "/v1/sites", key, body); a.code != http.StatusBadRequest || a.at("code") != "3" || a.at("message") == "" {
				t.Errorf("answered %d %v", a.code, a.body)
			}
		})
	}
	t.Run("a body that is too long", func(t *testing.T) {
		body := strings.Replace(shop, "My Shop", strings.Repeat("a", 2<<20), 1)
		if a := s.call("POST", "/v1/sites", key, body); a.code < 400 || a.code >= 500 {
			t.Errorf("answered %d %v", a.code, a.body)
		}
	})
	t.Run("another path and another method", func(t *testing.T) {
		if a := s.call("GET", "/v1/nothing", key, nil); a.code != http.StatusNotFound || a.at("code") != "5" {
			t.Errorf("answered %d %v", a.code, a.body)
		}
		if a := s.call("PUT", "/v1/sites", key, shop); a.code != http.StatusNotImplemented && a.code != http.StatusMethodNotAllowed {
			t.Errorf("answered %d %v", a.code, a.body)
		}
	})
}

// No header of a request becomes metadata, but Authorization.
func TestREST_forged_headers(t *testing.T) {
	s := setup(t)
	key := s.keyOf[auth.Operator]
	siteID := s.call("POST", "/v1/sites", key, shop).at("site", "siteId")
	stranger := s.key(s.world.NewTenant("other"), auth.Operator)
	for _, name := range []string{"Grpc-Metadata-Authorization", "Grpc-Metadata-authorization", "X-Authorization", "Grpc-Metadata-Grpc-Metadata-Authorization"} {
		t.Run(name+" is no credential", func(t *testing.T) {
			wantRefused(t, s.call("GET", "/v1/sites/"+siteID, "", nil, name, "Bearer "+key), http.StatusUnauthorized, "16", "BAD_CREDENTIAL")
		})
		t.Run(name+" does not take the place of one", func(t *testing.T) {
			wantRefused(t, s.call("GET", "/v1/sites/"+siteID, stranger, nil, name, "Bearer "+key), http.StatusNotFound, "5", "NOT_FOUND")
		})
	}
	t.Run("of two credentials none counts", func(t *testing.T) {
		wantRefused(t, s.call("GET", "/v1/sites/"+siteID, key, nil, "Authorization", "Bearer "+stranger), http.StatusUnauthorized, "16", "BAD_CREDENTIAL")
	})
	t.Run("a tenant header chooses nobody", func(t *testing.T) {
		a := s.call("GET", "/v1/sites", stranger, nil, "Grpc-Metadata-Tenant", string(s.world.Caller.TenantID), "X-Tenant-Id", string(s.world.Caller.TenantID))
		if a.code != http.StatusOK || a.at("sites", 0, "siteId") != "" {
			t.Errorf("answered %d %v", a.code, a.body)
		}
	})
}

// The trace of a request goes on in the operation that it opens.
func TestREST_continues_the_trace(t *testing.T) {
	s := setup(t)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	a := s.call("POST", "/v1/sites", s.keyOf[auth.Operator], shop, "Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	if got := a.at("operation", "traceId"); got != trace {
		t.Errorf("the operation's trace is %s, the request's %s", got, trace)
	}
	s.world.Settle()
	timeline := s.call("GET", "/v1/sites/"+a.at("site", "siteId")+"/timeline", s.keyOf[auth.Viewer], nil)
	entries, _ := timeline.body["entries"].([]any)
	if len(entries) < 20 {
		t.Fatalf("the timeline has %d entries", len(entries))
	}
	if i := slices.IndexFunc(entries, func(e any) bool { return (answer{body: e.(map[string]any)}).at("traceId") != trace }); i >= 0 {
		t.Errorf("entry %d is in another trace: %v", i, entries[i])
	}
}
