package api_test

import (
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

func TestFilter_refuses(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.Viewer])
	for name, filter := range map[string]string{
		"no value":                   "status =",
		"no comparison":              "status",
		"a word of its own":          `"shop"`,
		"an unknown field":           "colour = red",
		"a field of another list":    "hostname = a.example",
		"a field below a field":      "status.code = ACTIVE",
		"an unknown status":          "status = GONE",
		"a status of another case":   "status = active",
		"a pattern of a status":      `status = "ACT*"`,
		"an order of texts":          "name > a",
		"a time that is none":        "create_time > yesterday",
		"a number for a time":        "create_time > 1",
		"a number for a text":        "name = 7",
		"has":                        "name:shop",
		"a function":                 "name(shop)",
		"a function for a value":     "name = lower(shop)",
		"a parenthesis open":         "(name = shop",
		"a parenthesis too many":     "name = shop)",
		"a quote open":               `name = "shop`,
		"AND of nothing":             "name = shop AND",
		"an OR of nothing":           "OR name = shop",
		"NOT of nothing":             "NOT",
		"a list of values":           "name = (shop OR house)",
		"SQL":                        "name = shop; DROP TABLE site",
		"a comment":                  "name = shop -- ",
		"a list":                     "[name]",
		"too long":                   "name = " + strings.Repeat("a", 1000),
		"parentheses without end":    strings.Repeat("(", 1000),
		"functions without end":      strings.Repeat("a(", 500),
		"nothing but parentheses":    strings.Repeat("(", 490) + strings.Repeat(")", 490),
		"a value on both sides":      "ACTIVE = ACTIVE",
		"more than 50 parentheses":   strings.Repeat("(", 51) + "name = a" + strings.Repeat(")", 51),
		"50 parentheses without end": strings.Repeat("(", 50) + "name = a",
		"a wildcard for a field":     "* = ACTIVE",
	} {
		t.Run(name, func(t *testing.T) {
			defer s.in(t)()
			_, err := s.sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{Filter: filter})
			wantError(t, err, codes.InvalidArgument, "INVALID_FIELDS")
			if v := rpcerr.Violations(err); len(v) != 1 || v[0].Field != "filter" || v[0].Description == "" || len(v[0].Description) > 1200 {
				t.Errorf("the violations are %.300v", v)
			}
			s.refuses("GET", "/v1/sites?filter="+url.QueryEscape(filter), "")
		})
	}
}

// What is understood is answered, however it nests.
func TestFilter_takes(t *testing.T) {
	s := setup(t)
	siteID := s.create("Shop")
	s.world.Settle()
	other := s.create("50% off_a\\b")
	ctx := as(t, s.keyOf[auth.Viewer])
	for name, tt := range map[string]struct {
		filter string
		want   []string
	}{
		"nothing":                 {"  ", []string{other, siteID}},
		"a status":                {"status = ACTIVE", []string{siteID}},
		"a quoted status":         {`status = "ACTIVE"`, []string{siteID}},
		"not a status":            {"NOT status = ACTIVE", []string{other}},
		"another status":          {"status != ACTIVE", []string{other}},
		"minus":                   {"-status = ACTIVE", []string{other}},
		"a name":                  {`name = "Shop"`, []string{siteID}},
		"a name of another case":  {`name = "shop"`, nil},
		"a pattern":               {`name = "Sh*"`, []string{siteID}},
		"not a pattern":           {`name != "Sh*"`, []string{other}},
		"a percent is no pattern": {`name = "50% *"`, []string{other}},
		"an underscore, neither":  {`name = "_hop*"`, nil},
		"a backslash, neither":    {`name = "*a\\b"`, []string{other}},
		"any text":                {"name = *", []string{other, siteID}},
		"both":                    {`status = ACTIVE AND name = "Shop"`, []string{siteID}},
		"either":                  {`status = ACTIVE OR slug = "50-off-a-b"`, []string{other, siteID}},
		"a sequence":              {`status = ACTIVE name = "Shop"`, []string{siteID}},
		"after a time":            {`create_time >= "2026-01-01T00:00:00Z"`, []string{other, siteID}},
		"before a time":           {`create_time < "2026-01-01T01:00:00+02:00"`, nil},
		"in parentheses":          {`(status = ACTIVE) AND (name = "x" OR name = "Shop")`, []string{siteID}},
		"deep in parentheses":     {strings.Repeat("(", 50) + "status = ACTIVE" + strings.Repeat(")", 50), []string{siteID}},
		"minus, deep":             {strings.Repeat("-(", 50) + "status = ACTIVE" + strings.Repeat(")", 50), []string{siteID}},
		"many ANDs":               {strings.TrimSuffix(strings.Repeat("name=Shop AND ", 71), " AND "), []string{siteID}},
		"many ORs":                {strings.TrimSuffix(strings.Repeat("name=Shop OR ", 76), " OR "), []string{siteID}},
		"a quote in a value":      {`name = "a' OR '1' = '1"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := s.sites.ListSites(ctx, &lifecyclev1.ListSitesRequest{Filter: tt.filter})
			if err != nil {
				t.Fatalf("%s is answered %v", tt.filter, err)
			}
			var got []string
			for _, site := range list.GetSites() {
				got = append(got, site.GetSiteId())
			}
			if strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("%s gives %v, want %v", tt.filter, list.GetSites(), tt.want)
			}
		})
	}
	t.Run("of domains", func(t *testing.T) {
		_, err := s.domains.ListDomains(ctx, &lifecyclev1.ListDomainsRequest{Filter: "mode = direct"}) // as it is stored
		wantError(t, err, codes.InvalidArgument, "INVALID_FIELDS")
		for filter, want := range map[string]int{
			"primary = true": 2, "primary = false": 0, "mode = DIRECT": 1, "mode != DIRECT": 1, `hostname = "*.sites.example"`: 2, "status = ACTIVE AND primary = true": 1,
		} {
			list, err := s.domains.ListDomains(ctx, &lifecyclev1.ListDomainsRequest{Filter: filter})
			if err != nil || len(list.GetDomains()) != want {
				t.Errorf("%s gives %d domains, want %d: %v", filter, len(list.GetDomains()), want, err)
			}
		}
	})
}

// A list is the same page by page as at once, in both orders, and every order is
// understood however it is spaced.
func TestLists_pages(t *testing.T) {
	s := setup(t)
	for range 5 {
		s.create("Shop")
	}
	for order, first := range map[string]string{"": "", "create_time desc": "", "create_time": "oldest", " create_time  asc ": "oldest"} {
		t.Run("ordered by "+order, func(t *testing.T) {
			at := func(size int) (ids []string) {
				token := ""
				for {
					list, err := s.sites.ListSites(as(t, s.keyOf[auth.Viewer]), &lifecyclev1.ListSitesRequest{PageSize: int32(size), OrderBy: order, PageToken: token, Filter: "name = Shop"})
					s.must(err)
					for _, site := range list.GetSites() {
						ids = append(ids, site.GetSiteId())
					}
					if token = list.GetNextPageToken(); token == "" {
						return ids
					}
				}
			}
			whole := at(1000)
			if oldest := whole[0] < whole[4]; len(whole) != 5 || oldest != (first == "oldest") {
				t.Errorf("at once come %v", whole)
			}
			for _, size := range []int{1, 2, 5} {
				if got := at(size); strings.Join(got, " ") != strings.Join(whole, " ") {
					t.Errorf("%d a page come %v, at once %v", size, got, whole)
				}
			}
		})
	}
	for _, order := range []string{"name", "create_time up", "create_time,name", "-create_time", "CREATE_TIME", strings.Repeat("a", 101)} {
		t.Run("not ordered by "+order[:min(len(order), 20)], func(t *testing.T) {
			_, err := s.sites.ListSites(as(t, s.keyOf[auth.Viewer]), &lifecyclev1.ListSitesRequest{OrderBy: order})
			wantViolation(t, err, "order_by", "")
		})
	}
	for _, size := range []int32{-1, 1001, -1 << 31} {
		_, err := s.sites.ListSites(as(t, s.keyOf[auth.Viewer]), &lifecyclev1.ListSitesRequest{PageSize: size})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("a page of %d is answered %v", size, err)
		}
	}
}
