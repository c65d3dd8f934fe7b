package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// refuses checks that a call is refused as the caller's fault, soon, with a reason, and
// that nothing is stored.
func (s *server) refuses(verb, path, body string, headers ...string) {
	s.Helper()
	before, begun := s.changes(), time.Now()
	a := s.call(verb, path, s.keyOf[auth.PlatformAdmin], body, headers...)
	if a.code < 400 || a.code >= 500 || a.at("message") == "" || a.at("details", 0, "reason") == "" || a.at("code") == "" || a.at("details", 0, "domain") != "siteplane" {
		s.Errorf("answered %d %.300v", a.code, a.body)
	}
	if took := time.Since(begun); took > 5*time.Second {
		s.Errorf("it took %s", took)
	}
	if after := s.changes(); after != before {
		s.Errorf("before there were %+v, then %+v", before, after)
	}
}

// nested is an object in objects.
func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth)
}

func TestBadInput_bodies(t *testing.T) {
	s := setup(t)
	with := func(fields string) string { return strings.TrimSuffix(shop, "}") + ", " + fields + "}" }
	for name, body := range map[string]string{
		"nothing":                       "",
		"no JSON":                       "shop",
		"half an object":                shop[:len(shop)-1],
		"no object":                     "[]",
		"null":                          "null",
		"a text":                        `"shop"`,
		"an unknown field":              with(`"colour": "red"`),
		"an unknown field below":        strings.Replace(shop, `"name"`, `"colour": 1, "name"`, 1),
		"a field of another case":       with(`"RequestId": "1"`),
		"a text for a message":          `{"site": "shop"}`,
		"a number for a text":           with(`"requestId": 7`),
		"a text for a truth":            with(`"direct": "perhaps"`),
		"a list for a text":             with(`"requestId": ["1"]`),
		"a fraction for a number":       strings.Replace(shop, `:8080"`, `:8080", "weight": 1.5`, 1),
		"too large a number":            strings.Replace(shop, `:8080"`, `:8080", "weight": 99999999999`, 1),
		"a field twice":                 with(`"requestId": "1", "requestId": "2"`),
		"a field by both of its names":  with(`"requestId": "1", "request_id": "2"`),
		"both of two":                   strings.Replace(shop, `"origin"`, `"redirect": {"baseUrl": "https://a.example"}, "origin"`, 1),
		"two bodies":                    shop + shop,
		"something behind":              shop + "x",
		"bytes that are no text":        strings.Replace(shop, "My Shop", "My \xff Shop", 1),
		"half a surrogate":              strings.Replace(shop, "My Shop", `My \ud800 Shop`, 1),
		"more than 1 MiB":               with(`"requestId": "` + strings.Repeat("a", 1<<20) + `"`),
		"more than 1 MiB of spaces":     shop + strings.Repeat(" ", 1<<20),
		"unknown, 10000 deep":           with(`"colour": ` + nested(10_000)),
		"unknown, 150000 deep":          with(`"colour": ` + nested(150_000)),
		"lists, 500000 deep":            strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000),
		"only the beginnings of lists":  strings.Repeat("[", 1_000_000),
		"a known field, 10000 deep":     `{"site": ` + strings.Repeat(`{"primaryDomain": `, 10_000) + strings.Repeat("}", 10_000) + "}",
		"a text with a NUL in the slug": strings.Replace(shop, `"name"`, `"slug": "a\u0000", "name"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			defer s.in(t)()
			s.refuses("POST", "/v1/sites", body)
		})
	}
}

func TestBadInput_requests(t *testing.T) {
	s := setup(t)
	siteID := s.create("Shop")
	s.world.Settle()
	for name, r := range map[string]struct{ verb, path, body string }{
		"an unknown role":                      {"POST", "/v1/keys", `{"name": "ci", "role": "ROLE_KING"}`},
		"a role that is never sent":            {"POST", "/v1/keys", `{"name": "ci", "role": "ROLE_UNSPECIFIED"}`},
		"a role by its number":                 {"POST", "/v1/keys", `{"name": "ci", "role": 9}`},
		"a key that expires at no time":        {"POST", "/v1/keys", `{"name": "ci", "role": "ROLE_VIEWER", "expireTime": "tomorrow"}`},
		"a key that has expired":               {"POST", "/v1/keys", `{"name": "ci", "role": "ROLE_VIEWER", "expireTime": "2020-01-01T00:00:00Z"}`},
		"an admin's key for single sites":      {"POST", "/v1/keys", `{"name": "ci", "role": "ROLE_ADMIN", "siteIds": ["` + siteID + `"]}`},
		"a key for a site that is none":        {"POST", "/v1/keys", `{"name": "ci", "role": "ROLE_VIEWER", "siteIds": ["site_unknown"]}`},
		"no revision":                          {"POST", "/v1/sites/" + siteID + ":rollback", `{"revision": "0"}`},
		"a revision that there is not":         {"POST", "/v1/sites/" + siteID + ":rollback", `{"revision": "9"}`},
		"a revision that is no number":         {"POST", "/v1/sites/" + siteID + ":rollback", `{"revision": "first"}`},
		"a stale etag of a rollback":           {"POST", "/v1/sites/" + siteID + ":rollback", `{"revision": "1", "etag": "zz"}`},
		"a stale etag of an update":            {"PATCH", "/v1/sites/" + siteID, `{"site": {"name": "New", "etag": "zz"}}`},
		"a mask of nothing that there is":      {"PATCH", "/v1/sites/" + siteID, `{"site": {"name": "New"}, "updateMask": "colour"}`},
		"a mask of what cannot be changed":     {"PATCH", "/v1/sites/" + siteID, `{"site": {"name": "New"}, "updateMask": "slug"}`},
		"a retry of what serves":               {"POST", "/v1/sites/" + siteID + ":retry", `{}`},
		"too long a request id":                {"DELETE", "/v1/sites/" + siteID + "?requestId=" + strings.Repeat("a", 65), ""},
		"a page of less than nothing":          {"GET", "/v1/sites?pageSize=-1", ""},
		"a page that is too long":              {"GET", "/v1/sites?pageSize=1001", ""},
		"a page size that is no number":        {"GET", "/v1/sites?pageSize=ten", ""},
		"a page size that is too large":        {"GET", "/v1/sites?pageSize=99999999999", ""},
		"a parameter that there is not":        {"GET", "/v1/sites?colour=red", ""},
		"a parameter below what is no message": {"GET", "/v1/sites?filter.colour=red", ""},
		"a parameter below a message":          {"GET", "/v1/events?filter.colour=red", ""},
		"a parameter twice":                    {"GET", "/v1/sites?pageSize=1&pageSize=2", ""},
		"a parameter by both of its names":     {"GET", "/v1/sites?pageSize=1&page_size=2", ""},
		"a parameter of a deletion":            {"DELETE", "/v1/sites/" + siteID + "?force=true", ""},
		"a parameter beside a body":            {"POST", "/v1/sites/" + siteID + ":retry?requestId=1", `{}`},
		"bytes that are no text in a path":     {"GET", "/v1/sites/%ff", ""},
		"bytes that are no text in a query":    {"GET", "/v1/sites?filter=%ff", ""},
		"a NUL in a path":                      {"GET", "/v1/sites/%00", ""},
		"a slash in a path":                    {"GET", "/v1/sites/a%2Fb", ""},
		"an unknown order":                     {"GET", "/v1/sites?orderBy=name", ""},
		"two orders":                           {"GET", "/v1/sites?orderBy=" + url.QueryEscape("create_time, name"), ""},
		"a type that is none":                  {"GET", "/v1/events?filter.types=*", ""},
		"a cursor that is none":                {"GET", "/v1/events?cursor=yesterday", ""},
		"a body of a deletion":                 {"DELETE", "/v1/sites/" + siteID, `{"requestId": "1"}`},
		"a path that there is not":             {"GET", "/v1/nothing", ""},
		"a method that there is not":           {"PUT", "/v1/sites", ""},
	} {
		t.Run(name, func(t *testing.T) {
			defer s.in(t)()
			s.refuses(r.verb, r.path, r.body)
		})
	}
	for _, contentType := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=latin1", ";"} {
		t.Run("a body of the type "+contentType, func(t *testing.T) {
			defer s.in(t)()
			s.refuses("POST", "/v1/sites", shop, "Content-Type", contentType)
		})
	}
	for _, contentType := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"} {
		t.Run("a body of the right type "+contentType, func(t *testing.T) {
			if a := s.call("POST", "/v1/sites", s.keyOf[auth.Operator], shop, "Content-Type", contentType); a.code != http.StatusOK {
				t.Errorf("answered %d %v", a.code, a.body)
			}
		})
	}
	t.Run("what the gateway refuses has a trace", func(t *testing.T) {
		key := s.keyOf[auth.Viewer]
		wantRefused(t, s.call("GET", "/v1/sites?colour=red", key, nil), http.StatusBadRequest, "3", "INVALID_FIELDS")
		wantRefused(t, s.call("POST", "/v1/sites", key, shop+"x"), http.StatusBadRequest, "3", "INVALID_FIELDS")
		wantRefused(t, s.call("POST", "/v1/sites", key, shop, "Content-Type", "text/plain"), http.StatusUnsupportedMediaType, "3", "INVALID_FIELDS")
		wantRefused(t, s.call("GET", "/v1/nothing", key, nil), http.StatusNotFound, "5", "NOT_FOUND")
		wantRefused(t, s.call("PUT", "/v1/sites", key, nil), http.StatusMethodNotAllowed, "5", "NOT_FOUND")
	})
	t.Run("a timeout that is none", func(t *testing.T) {
		defer s.in(t)()
		s.refuses("POST", "/v1/sites", shop, "Grpc-Timeout", "soon")
	})
	t.Run("another method by a header", func(t *testing.T) {
		defer s.in(t)()
		s.refuses("POST", "/v1/sites/"+siteID+"/domains", "", "X-HTTP-Method-Override", "GET", "Content-Type", "application/x-www-form-urlencoded")
		s.refuses("POST", "/v1/sites/"+siteID, "", "X-HTTP-Method-Override", "DELETE", "Content-Type", "application/x-www-form-urlencoded")
		if got := s.got(siteID).GetStatus(); got != lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE {
			t.Errorf("the site is %s", got)
		}
	})
}

// Over gRPC what is no message is refused by gRPC itself.
func TestBadInput_messages(t *testing.T) {
	s := setup(t)
	text := func(field protowire.Number, value string) []byte {
		return protowire.AppendString(protowire.AppendTag(nil, field, protowire.BytesType), value)
	}
	deep := []byte{}
	for range 20_000 { // primary_domain below site is no site, so this nests what is unknown
		deep = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), deep)
		if len(deep) > 3<<20 {
			break
		}
	}
	long := newSite("Shop")
	long.Site.Name = strings.Repeat("a", 5<<20)
	tooLong, err := proto.Marshal(long)
	s.must(err)
	for name, raw := range map[string][]byte{
		"bytes that are no text": text(2, "\xff"),
		"half a message":         {0x0a, 0xff},
		"a group without an end": protowire.AppendTag(nil, 1000, protowire.StartGroupType),
		"20000 deep":             deep,
		"groups, 100000 deep":    []byte(strings.Repeat(string(protowire.AppendTag(nil, 1000, protowire.StartGroupType)), 100_000)),
		"more than 4 MiB":        tooLong,
	} {
		t.Run(name, func(t *testing.T) {
			defer s.in(t)()
			before := s.changes()
			req := &emptypb.Empty{}
			req.ProtoReflect().SetUnknown(raw)
			err := s.conn.Invoke(as(t, s.keyOf[auth.Operator]), lifecyclev1.SiteService_CreateSite_FullMethodName, req, &lifecyclev1.CreateSiteResponse{})
			if code := status.Code(err); code != codes.Internal && code != codes.InvalidArgument && code != codes.ResourceExhausted {
				t.Errorf("answered %v", err)
			}
			if after := s.changes(); after != before {
				t.Errorf("before there were %+v, then %+v", before, after)
			}
		})
	}
}

// A page token leads on only in the list that gave it.
func TestBadInput_page_tokens(t *testing.T) {
	s := setup(t)
	key := s.keyOf[auth.PlatformAdmin]
	siteID := s.create("One")
	s.create("Two")
	s.world.Settle()
	s.add(siteID, "a.customer.test")
	s.world.NewTenant("second")
	s.world.NewTenant("third")
	tokenOf := func(path string) string {
		t.Helper()
		a := s.call("GET", path, key, nil)
		token := a.at("nextPageToken")
		if token == "" {
			t.Fatalf("%s has no next page: %v", path, a.body)
		}
		return token
	}
	lists := map[string]string{
		"sites": "/v1/sites?pageSize=1", "sites of a filter": "/v1/sites?pageSize=1&filter=" + url.QueryEscape("status = ACTIVE"),
		"tenants": "/v1/tenants?pageSize=1", "sites by age": "/v1/sites?pageSize=1&orderBy=create_time", "domains": "/v1/domains?pageSize=1",
		"domains of a site": "/v1/sites/" + siteID + "/domains?pageSize=1", "keys": "/v1/keys?pageSize=1", "all keys": "/v1/keys?pageSize=1&all=true",
		"audit": "/v1/audit?pageSize=1", "audit of the installation": "/v1/audit?pageSize=1&installation=true",
		"audit of an object": "/v1/audit?pageSize=1&objectId=" + siteID,
	}
	s.must(func() error {
		_, err := s.sites.UpdateSite(as(t, key), masked(&lifecyclev1.Site{SiteId: siteID, Name: "Uno"}, "name"))
		return err
	}())
	for from, path := range lists {
		token := tokenOf(path)
		t.Run(from+" leads on", func(t *testing.T) {
			if a := s.call("GET", path+"&pageToken="+token, key, nil); a.code != http.StatusOK {
				t.Errorf("answered %d %v", a.code, a.body)
			}
		})
		for to, other := range lists {
			if to == from {
				continue
			}
			t.Run("a token of "+from+" in "+to, func(t *testing.T) {
				defer s.in(t)()
				s.refuses("GET", other+"&pageToken="+token, "")
			})
		}
		for name, bad := range map[string]string{
			"cut short": token[:len(token)-1], "cut shorter": token[:4], "lengthened": token + "AA", "padded": token + "%3D", "turned round": reversed(token),
			"garbage": "garbage", "no text": "%FF%FE", "too long": strings.Repeat("a", 1025), "an id": string(id.NewSite()),
		} {
			t.Run("a token of "+from+", "+name, func(t *testing.T) {
				defer s.in(t)()
				s.refuses("GET", path+"&pageToken="+bad, "")
			})
		}
	}
}

func reversed(text string) string {
	out := []byte(text)
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return string(out)
}
