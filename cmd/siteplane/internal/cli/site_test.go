package cli_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

func twoPages() map[string]*lifecyclev1.ListSitesResponse {
	second := pendingSite().Site
	second.SiteId = "site_02"
	return map[string]*lifecyclev1.ListSitesResponse{
		"":     {Sites: []*lifecyclev1.Site{activeSite().Site}, NextPageToken: "more"},
		"more": {Sites: []*lifecyclev1.Site{second}},
	}
}

func noSites() map[string]*lifecyclev1.ListSitesResponse {
	return map[string]*lifecyclev1.ListSitesResponse{"": {}}
}

func TestCommands(t *testing.T) {
	created := siteIn(lifecyclev1.SiteStatus_SITE_STATUS_CREATED)
	tests := []struct {
		name    string
		answers answers
		args    []string
	}{
		{"create", answers{begun: created}, []string{"site", "create", "shop", "--origin", "127.0.0.1:9000"}},
		{"get_active", answers{looks: []look{{found: activeSite()}}}, []string{"site", "get", "site_01"}},
		{"get_pending", answers{looks: []look{{found: pendingSite()}}}, []string{"site", "get", "site_01"}},
		{"get_redirect", answers{looks: []look{{found: redirectSite()}}}, []string{"site", "get", "site_01"}},
		{"get_hostile", answers{looks: []look{{found: hostileSite()}}}, []string{"site", "get", "site_01"}},
		{"list", answers{pages: twoPages()}, []string{"site", "list"}},
		{"list_empty", answers{pages: noSites()}, []string{"site", "list"}},
		{"delete", answers{begun: siteIn(lifecyclev1.SiteStatus_SITE_STATUS_DELETING)}, []string{"site", "delete", "site_01"}},
		{"retry", answers{begun: siteIn(lifecyclev1.SiteStatus_SITE_STATUS_PROVISIONING)}, []string{"site", "retry", "site_01"}},
		{"timeline", answers{timeline: timeline()}, []string{"site", "timeline", "site_01"}},
		{"timeline_empty", answers{timeline: &lifecyclev1.GetSiteTimelineResponse{}}, []string{"site", "timeline", "site_01"}},
	}
	for _, test := range tests {
		for _, format := range []string{"table", "json"} {
			t.Run(test.name+"/"+format, func(t *testing.T) {
				r := setup(t)
				r.sites.answers = test.answers
				r.golden(test.name+"."+format, cli.ExitOK, append(test.args, "-o", format)...)
			})
		}
	}
}

func TestSiteCreate_sends(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want *lifecyclev1.CreateSiteRequest
	}{
		{
			"an origin with every option",
			[]string{
				"--slug", "s", "--origin", "10.0.0.1:80,3", "--origin", "[::1]:80", "--route", "/a/=10.0.0.2:80", "--route", "/b/=10.0.0.3:80",
				"--route", "/a/=10.0.0.4:80,2", "--strip-prefix", "--max-body", "10MiB", "--connect-timeout", "1500ms", "--read-timeout", "2m",
				"--websocket", "--response-header", "X-A: b: c", "--request-header", "X-D:", "--maintenance", "--request-id", "r",
			},
			&lifecyclev1.CreateSiteRequest{RequestId: "r", Site: &lifecyclev1.Site{Name: "shop", Slug: "s", Spec: &lifecyclev1.SiteSpec{
				Backend: &lifecyclev1.SiteSpec_Origin{Origin: &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{
					{Address: "10.0.0.1:80", Weight: 3}, {Address: "[::1]:80"},
				}}},
				Routes: []*lifecyclev1.Route{
					{PathPrefix: "/a/", StripPrefix: true, Origin: &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{
						{Address: "10.0.0.2:80"}, {Address: "10.0.0.4:80", Weight: 2},
					}}},
					{PathPrefix: "/b/", StripPrefix: true, Origin: &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{{Address: "10.0.0.3:80"}}}},
				},
				Options: &lifecyclev1.SiteOptions{
					MaxBodyBytes: 10 << 20, Websocket: true, Maintenance: true,
					ConnectTimeout: durationpb.New(1500 * time.Millisecond), ReadTimeout: durationpb.New(2 * time.Minute),
					ResponseHeaders: []*lifecyclev1.Header{{Name: "X-A", Value: "b: c"}},
					RequestHeaders:  []*lifecyclev1.Header{{Name: "X-D"}},
				},
			}}},
		},
		{
			"a redirect, and a request id of its own",
			[]string{"--redirect", "https://x.example", "--redirect-code", "302"},
			&lifecyclev1.CreateSiteRequest{RequestId: "new-request-id", Site: &lifecyclev1.Site{Name: "shop", Spec: &lifecyclev1.SiteSpec{
				Backend: &lifecyclev1.SiteSpec_Redirect{Redirect: &lifecyclev1.Redirect{BaseUrl: "https://x.example", StatusCode: 302}},
				Options: &lifecyclev1.SiteOptions{},
			}}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := setup(t)
			r.sites.begun = activeSite()
			if got := r.run(append([]string{"site", "create", "shop"}, test.args...)...); got.code != cli.ExitOK {
				t.Fatal(got.stderr)
			}
			if diff := cmp.Diff([]any{test.want}, r.sites.requests, protocmp.Transform()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"Bearer sp_test_key"}, r.sites.credentials); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSiteList(t *testing.T) {
	t.Run("stops at the limit and asks for pages of the given size", func(t *testing.T) {
		r := setup(t)
		r.sites.pages = twoPages()
		r.golden("list_limit", cli.ExitOK, "site", "list", "--limit", "1", "--page-size", "7")
		want := []any{&lifecyclev1.ListSitesRequest{PageSize: 7}}
		if diff := cmp.Diff(want, r.sites.requests, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("cuts a page that goes beyond the limit", func(t *testing.T) {
		r := setup(t)
		page := &lifecyclev1.ListSitesResponse{Sites: []*lifecyclev1.Site{activeSite().Site, pendingSite().Site}}
		r.sites.pages = map[string]*lifecyclev1.ListSitesResponse{"": page}
		r.golden("list_cut", cli.ExitOK, "site", "list", "--limit", "1")
	})
	t.Run("does not follow a page token in circles", func(t *testing.T) {
		r := setup(t)
		r.sites.pages = map[string]*lifecyclev1.ListSitesResponse{
			"": {NextPageToken: "again"}, "again": {NextPageToken: "again"},
		}
		r.golden("list_circle", cli.ExitError, "site", "list")
	})
}

func TestResult_that_cannot_be_written_is_an_error(t *testing.T) {
	r := setup(t)
	r.sites.pages = noSites()
	for _, format := range []string{"table", "json", "yaml"} {
		root := cli.New(r.deps())
		root.SetOut(fullDisk{})
		root.SetErr(t.Output())
		root.SetArgs([]string{"site", "list", "-o", format})
		if code := cli.Execute(t.Context(), root); code != cli.ExitError {
			t.Errorf("-o %s: exit code %d, want %d", format, code, cli.ExitError)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk is full") }
