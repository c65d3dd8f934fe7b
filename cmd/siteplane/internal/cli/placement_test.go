package cli_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

func somePlacements() []*lifecyclev1.Placement {
	return []*lifecyclev1.Placement{
		{Name: "default", EdgeCount: 3, CanaryCount: 1, CanarySoak: durationpb.New(5 * time.Minute), CreateTime: ago(time.Hour)},
		{Name: "eu", EdgeLabels: map[string]string{"region": "eu", "disk": "fast"}, EdgeCount: 2, MinReady: 2, CreateTime: ago(time.Minute)},
		{Name: "hostile", EdgeLabels: map[string]string{"region": hostile}},
	}
}

func TestPlacement(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
	}{
		{"placement_list", []string{"placement", "list"}},
		{"placement_put", []string{"placement", "put", "eu", "--edge-label", "region=eu", "--edge-label", "disk=", "--min-ready", "2", "--canary-soak", "10s"}},
		{"placement_put_bare", []string{"placement", "put", "nobodys"}},
		{"placement_delete", []string{"placement", "delete", "eu"}},
		{"edge_label", []string{"edge", "label", "paris", "region=eu", "canary=true"}},
		{"edge_update", []string{"edge", "update", "paris", "--public-address", "203.0.113.7,2001:db8::7"}},
	} {
		for _, format := range []string{"table", "json"} {
			t.Run(test.name+"/"+format, func(t *testing.T) {
				r := setup(t)
				troubled(r.infrastructure)
				r.infrastructure.placements = somePlacements()
				r.golden(test.name+"."+format, cli.ExitOK, append(test.args, "-o", format)...)
			})
		}
	}
}

func TestPlacement_sends(t *testing.T) {
	const id = "new-request-id"
	labels := func(l map[string]string) *lifecyclev1.UpdateEdgeRequest {
		return &lifecyclev1.UpdateEdgeRequest{EdgeId: "edge_02", Labels: &lifecyclev1.EdgeLabels{Labels: l}, RequestId: id}
	}
	addresses := func(list ...string) *lifecyclev1.UpdateEdgeRequest {
		return &lifecyclev1.UpdateEdgeRequest{EdgeId: "edge_02", PublicAddresses: &lifecyclev1.EdgeAddresses{Addresses: list}, RequestId: id}
	}
	none := durationpb.New(0)
	for _, test := range []struct {
		args []string
		want any
	}{
		{[]string{"placement", "put", "eu"}, &lifecyclev1.PutPlacementRequest{Placement: &lifecyclev1.Placement{Name: "eu", CanarySoak: none}, RequestId: id}},
		{
			[]string{"placement", "put", "eu", "--edge-label", "a=b=c", "--edge-label", "d=", "--min-ready", "2", "--canary-soak", "1m30s"},
			&lifecyclev1.PutPlacementRequest{RequestId: id, Placement: &lifecyclev1.Placement{
				Name: "eu", EdgeLabels: map[string]string{"a": "b=c", "d": ""}, MinReady: 2, CanarySoak: durationpb.New(90 * time.Second),
			}},
		},
		{[]string{"placement", "delete", "eu"}, &lifecyclev1.DeletePlacementRequest{Name: "eu", RequestId: id}},
		{[]string{"edge", "label", "paris", "region=us"}, labels(map[string]string{"region": "us", "disk": "fast"})},
		{[]string{"edge", "label", "edge_02", "disk-", "canary=true"}, labels(map[string]string{"region": "eu", "canary": "true"})},
		{[]string{"edge", "label", "paris", "region-", "disk-", "other-"}, labels(nil)},
		{[]string{"edge", "update", "paris", "--public-address", "203.0.113.7", "--public-address", "::1"}, addresses("203.0.113.7", "::1")},
		{[]string{"edge", "update", "paris", "--no-public-address"}, addresses()},
	} {
		r := setup(t)
		troubled(r.infrastructure)
		r.infrastructure.edges[1].Labels = map[string]string{"region": "eu", "disk": "fast"}
		if got := r.run(test.args...); got.code != cli.ExitOK {
			t.Errorf("%v: %s", test.args, got.stderr)
		}
		if !slices.ContainsFunc(r.sites.requests, func(request any) bool { return cmp.Equal(request, test.want, protocmp.Transform()) }) {
			t.Errorf("%v sent %v, and not %v", test.args, r.sites.requests, test.want)
		}
	}
}

func TestPlacement_usage(t *testing.T) {
	for _, args := range [][]string{
		{"placement", "put"}, {"placement", "put", "eu", "--edge-label", "region"}, {"placement", "put", "eu", "--edge-label", "=eu"},
		{"placement", "put", "eu", "--canary-soak", "soon"}, {"placement", "delete"}, {"placement", "list", "eu"},
		{"edge", "label", "paris"}, {"edge", "label", "paris", "region"}, {"edge", "label", "paris", "-"}, {"edge", "label", "paris", "=eu"},
		{"edge", "label", "paris", "region=eu", "region-"}, {"edge", "update", "paris"},
		{"edge", "update", "paris", "--public-address", "::1", "--no-public-address"},
	} {
		r := setup(t)
		troubled(r.infrastructure)
		if got := r.run(args...); got.code != cli.ExitUsage || len(r.sites.requests) != 0 {
			t.Errorf("%v: exit code %d, sent %v, said %s", args, got.code, r.sites.requests, got.stderr)
		}
	}
}

func TestPlacement_that_is_not_there(t *testing.T) {
	r := setup(t)
	troubled(r.infrastructure)
	r.golden("placement_list_empty", cli.ExitOK, "placement", "list")
	r.golden("edge_label_missing", cli.ExitNotFound, "edge", "label", "rome", "region=eu")
	r.sites.fail = rpcerr.New(codes.NotFound, "NOT_FOUND", `placement "us" not found`)
	r.golden("placement_missing", cli.ExitNotFound, "placement", "delete", "us")
	r.sites.fail = rpcerr.New(codes.FailedPrecondition, "PRECONDITION", "sites have the placement eu")
	r.golden("placement_in_use", cli.ExitConflict, "placement", "delete", "eu")
}

func TestSite_with_a_placement(t *testing.T) {
	r := setup(t)
	placed := activeSite()
	placed.GetSite().Placement = "eu"
	r.sites.begun = placed
	if got := r.run("site", "create", "shop", "--origin", "127.0.0.1:9000", "--placement", "eu"); got.code != cli.ExitOK {
		t.Fatal(got.stderr)
	}
	if sent := r.sites.requests[0].(*lifecyclev1.CreateSiteRequest); sent.GetSite().GetPlacement() != "eu" {
		t.Errorf("sent %v", sent)
	}
	r.sites.looks = []look{{found: placed}}
	r.golden("get_placed", cli.ExitOK, "site", "get", "site_01")
}
