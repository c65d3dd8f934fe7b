package app_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

func TestServe_maintenance(t *testing.T) {
	e := startEdge(t)
	open := newSite(1, startOrigin(t, "main"), "shop.example.com")
	closed := proto.CloneOf(open)
	closed.Revision = 2
	closed.Spec.Routes = []*edgev1.Route{{PathPrefix: "/api", Origin: open.GetSpec().GetOrigin()}}
	closed.Spec.Options = &edgev1.Options{
		Maintenance: true, MaxBodyBytes: 1,
		ResponseHeaders: []*edgev1.Header{{Name: "Cache-Control", Value: "max-age=31536000"}},
	}
	e.mustPut(1, closed, newSite(2, startOrigin(t, "other"), "other.example.com"))

	e.sub("every path answers 503 with a page that says when to come back", func(t *testing.T) {
		for _, path := range []string{"/", "/api", "/api/users?x=y", "/.well-known/siteplane/other"} {
			code, header, body := e.get("shop.example.com", path)
			if code != http.StatusServiceUnavailable || !strings.Contains(body, "<h1>Maintenance</h1>") {
				t.Errorf("%s: %d %s", path, code, body)
			}
			for name, want := range map[string]string{"Retry-After": "300", "Cache-Control": "no-store", "Content-Type": "text/html"} {
				if got := header.Values(name); len(got) != 1 || got[0] != want {
					t.Errorf("%s: %s is %q, want %s", path, name, got, want)
				}
			}
		}
	})
	e.sub("and so does a request with a body beyond the limit", func(t *testing.T) {
		status := e.ask("POST / HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: 1073741824\r\n\r\n")
		if !strings.Contains(status, " 503 ") {
			t.Errorf("got %s", status)
		}
	})
	e.sub("probes are answered, in public and inside", func(t *testing.T) {
		nonce := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("n", 32)))
		e.wantStatus("shop.example.com", probePath+nonce, http.StatusOK)
		response, err := e.client.ProbeSite(t.Context(), &edgev1.ProbeSiteRequest{SiteId: siteID(1)})
		check(t, err)
		if response.GetRevision() != 2 {
			t.Errorf("the workers hold revision %d", response.GetRevision())
		}
	})
	e.sub("other sites serve", func(t *testing.T) {
		e.wantStatus("other.example.com", "/", http.StatusOK)
	})
	e.sub("and so does this one when it is over", func(t *testing.T) {
		open.Revision = 3
		e.mustPut(2, open)
		e.wantStatus("shop.example.com", "/", http.StatusOK)
	})
}
