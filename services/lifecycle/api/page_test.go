package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// A client that was told nothing takes 4 MiB at a time. A hundred sites may be more.
func TestPages_of_large_sites_fit_into_an_answer(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Operator])
	const number = 70
	var values []*lifecyclev1.Header
	for i := range 32 {
		values = append(values, &lifecyclev1.Header{Name: fmt.Sprintf("X-Large-%d", i), Value: strings.Repeat("v", 1024)})
	}
	for i := range number {
		site := newSite(fmt.Sprintf("Large %d", i))
		site.Site.Spec.Options = &lifecyclev1.SiteOptions{ResponseHeaders: values, RequestHeaders: values}
		if _, err := s.sites.CreateSite(ctx, site); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("over gRPC", func(t *testing.T) {
		seen := map[string]bool{}
		for token, more := "", true; more; more = token != "" {
			page, err := s.sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{PageSize: 1000, PageToken: token})
			if err != nil {
				t.Fatal(err)
			}
			for _, site := range page.GetSites() {
				seen[site.GetSiteId()] = true
			}
			if token = page.GetNextPageToken(); token != "" && len(page.GetSites()) == 0 {
				t.Fatal("a page is empty, and there is another")
			}
		}
		if len(seen) != number {
			t.Errorf("%d sites were listed, not %d", len(seen), number)
		}
	})
	t.Run("over REST", func(t *testing.T) {
		n := 0
		for token, more := "", true; more; more = token != "" {
			a := s.call("GET", "/v1/sites?pageToken="+url.QueryEscape(token), s.keyOf[auth.Viewer], nil)
			if a.code != http.StatusOK {
				t.Fatalf("answered %d %.300v", a.code, a.body)
			}
			sites, _ := a.body["sites"].([]any)
			n, token = n+len(sites), a.at("nextPageToken")
		}
		if n != number {
			t.Errorf("%d sites were listed, not %d", n, number)
		}
	})
}
