package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

func TestServe(t *testing.T) {
	e := startEdge(t)
	main, api := startOrigin(t, "main"), startOrigin(t, "api")

	e.sub("an edge that received nothing answers 421", func(t *testing.T) {
		e.wantStatus("shop.example.com", "/", http.StatusMisdirectedRequest)
	})
	e.sub("forwards with the headers an origin needs", func(t *testing.T) {
		e.mustPut(1, newSite(1, main, "shop.example.com"))
		_, _, body := e.get("shop.example.com", "/a%20b?c=d", "X-Forwarded-For", "9.9.9.9", "X-Forwarded-Host", "forged.example")
		want := "main /a%20b?c=d host=shop.example.com for=127.0.0.1 proto=http xhost=shop.example.com custom="
		if body != want {
			t.Errorf("origin saw\n%s, want\n%s", body, want)
		}
	})
	e.sub("names that no site has and internal names answer 421 in public", func(t *testing.T) {
		e.wantStatus("other.example.com", "/", http.StatusMisdirectedRequest)
		e.wantStatus(siteID(1)+".site.internal", "/", http.StatusMisdirectedRequest)
		e.wantStatus(siteID(1)+".site.internal", "/.well-known/siteplane/site", http.StatusMisdirectedRequest)
	})
	e.sub("routes take their prefix, on segment borders, and may strip it", func(t *testing.T) {
		site := newSite(1, main, "shop.example.com")
		site.Spec.Routes = []*edgev1.Route{
			{PathPrefix: "/api/v1.0/", StripPrefix: true, Origin: origin(api)},
			{PathPrefix: "/static", Origin: origin(api)},
		}
		e.mustPut(2, site)
		for path, want := range map[string]string{
			"/":                        "main /",
			"/api/v1.0":                "api /",
			"/api/v1.0/":               "api /",
			"/api/v1.0/users/1?x=%2F":  "api /users/1?x=%2F",
			"/api/v1x0/users":          "main /api/v1x0/users",
			"/api/v1.0x":               "main /api/v1.0x",
			"/static/a.css":            "api /static/a.css",
			"/statics":                 "main /statics",
			"/api/v1.0/a%0d%0aX-Evil:": "api /a%0D%0AX-Evil:",
		} {
			if _, _, body := e.get("shop.example.com", path); !strings.HasPrefix(body, want+" host=") {
				t.Errorf("%s reached %q, want %q", path, body, want)
			}
		}
	})
	e.sub("redirects keep path and query", func(t *testing.T) {
		e.mustPut(3, &edgev1.Site{SiteId: siteID(2), Revision: 1, Hostnames: []string{"old.example.com"}, Spec: &edgev1.Spec{
			Backend: &edgev1.Spec_Redirect{Redirect: &edgev1.Redirect{BaseUrl: "https://www.example.com", StatusCode: 308}},
		}})
		code, header, _ := e.get("old.example.com", "/a/b?c=d")
		if got := header.Get("Location"); code != http.StatusPermanentRedirect || got != "https://www.example.com/a/b?c=d" {
			t.Errorf("got %d to %q", code, got)
		}
	})
	e.sub("several targets share the requests", func(t *testing.T) {
		site := newSite(3, main, "pool.example.com")
		site.Spec.Backend = &edgev1.Spec_Origin{Origin: origin(main, api)}
		e.mustPut(4, site)
		seen := map[string]bool{}
		eventually(t, "both targets answer", func() bool {
			_, _, body := e.get("pool.example.com", "/")
			seen[strings.Fields(body)[0]] = true
			return seen["main"] && seen["api"]
		})
	})
	e.sub("headers are set in both directions", func(t *testing.T) {
		site := newSite(4, main, "head.example.com")
		site.Spec.Options = &edgev1.Options{
			ResponseHeaders: []*edgev1.Header{{Name: "Content-Security-Policy", Value: "default-src 'self'; {}#"}},
			RequestHeaders:  []*edgev1.Header{{Name: "X-Custom", Value: "a b"}},
		}
		e.mustPut(5, site)
		_, header, body := e.get("head.example.com", "/")
		if got := header.Get("Content-Security-Policy"); got != "default-src 'self'; {}#" {
			t.Errorf("response header is %q", got)
		}
		if !strings.HasSuffix(body, "custom=a b") {
			t.Errorf("origin saw %q", body)
		}
	})
	e.sub("bodies are limited per profile", func(t *testing.T) {
		site := newSite(5, main, "small.example.com")
		site.Spec.Options = &edgev1.Options{MaxBodyBytes: 10}
		e.mustPut(6, site)
		for host, want := range map[string]int{"small.example.com": http.StatusRequestEntityTooLarge, "shop.example.com": http.StatusOK} {
			response, err := http.DefaultTransport.RoundTrip(post(t, e.public, host, strings.Repeat("x", 11)))
			check(t, err)
			check(t, response.Body.Close())
			if response.StatusCode != want {
				t.Errorf("%s: %d, want %d", host, response.StatusCode, want)
			}
		}
	})
	e.sub("a removed site is gone, an unknown removal harmless", func(t *testing.T) {
		_, err := e.apply(&edgev1.ApplyHeader{Fence: fence(1, 1, 7), Removals: []*edgev1.Removal{
			{SiteId: siteID(4), OperationId: "op_1"}, {SiteId: siteID(99), OperationId: "op_2"},
		}})
		check(t, err)
		e.wantStatus("head.example.com", "/", http.StatusMisdirectedRequest)
		e.wantStatus("shop.example.com", "/", http.StatusOK)
		for name, text := range e.files() {
			if strings.Contains(text, "head.example.com") || strings.Contains(text, siteID(4)) {
				t.Errorf("%s still holds the site", name)
			}
		}
	})
}

func post(t *testing.T, address, host, body string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", strings.NewReader(body))
	check(t, err)
	request.Host = host
	return request
}

func TestProbeSite(t *testing.T) {
	e := startEdge(t)
	site := newSite(1, "127.0.0.1:9", "shop.example.com")
	site.Revision = 42
	e.mustPut(7, site)
	response, err := e.client.ProbeSite(t.Context(), &edgev1.ProbeSiteRequest{SiteId: siteID(1)})
	check(t, err)
	got := fmt.Sprint(response.GetInternalName(), response.GetSiteId(), response.GetRevision(), response.GetGeneration())
	want := fmt.Sprint(siteID(1)+".site.internal", siteID(1), 42, 7)
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err = e.client.ProbeSite(t.Context(), &edgev1.ProbeSiteRequest{SiteId: siteID(2)})
	wantReason(t, err, "NotFound", "SITE_NOT_SERVED")
}
