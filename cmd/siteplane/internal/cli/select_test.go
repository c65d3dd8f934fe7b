package cli_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func TestLists_select(t *testing.T) {
	for _, test := range []struct {
		args []string
		want any
	}{
		{[]string{"site", "list", "--filter", `name = "a*"`, "--order-by", "create_time"}, &lifecyclev1.ListSitesRequest{Filter: `name = "a*"`, OrderBy: "create_time"}},
		{[]string{"site", "list", "--status", "error", "--status", "ACTIVE"}, &lifecyclev1.ListSitesRequest{Filter: "status = ERROR OR status = ACTIVE"}},
		{
			[]string{"site", "list", "--status", "ERROR", "--filter", `name = "a" OR name = "b"`},
			&lifecyclev1.ListSitesRequest{Filter: `(name = "a" OR name = "b") AND (status = ERROR)`},
		},
		{
			[]string{"domain", "list", "--site", "site_01", "--filter", "primary = true", "--order-by", "create_time desc"},
			&lifecyclev1.ListDomainsRequest{SiteId: "site_01", Filter: "primary = true", OrderBy: "create_time desc"},
		},
		{[]string{"domain", "list", "--status", "PENDING_DNS"}, &lifecyclev1.ListDomainsRequest{Filter: "status = PENDING_DNS"}},
		// What is looked for by name.
		{[]string{"site", "get", "shop-2"}, &lifecyclev1.ListSitesRequest{Filter: `slug = "shop-2"`}},
		{[]string{"site", "get", `a" OR name = "b`}, &lifecyclev1.ListSitesRequest{}},
		{[]string{"domain", "get", "Bücher.example."}, &lifecyclev1.ListDomainsRequest{Filter: `hostname = "xn--bcher-kva.example"`}},
	} {
		r := setup(t)
		r.sites.pages = noSites()
		r.run(test.args...)
		if diff := cmp.Diff(test.want, r.sites.requests[0], protocmp.Transform()); diff != "" {
			t.Errorf("%v: %s", test.args, diff)
		}
	}
}
