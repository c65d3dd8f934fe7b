package cli_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

const (
	repair   = lifecyclev1.DriftPolicy_DRIFT_POLICY_REPAIR
	holdBack = lifecyclev1.DriftPolicy_DRIFT_POLICY_HOLD
	joined   = lifecyclev1.EdgeState_EDGE_STATE_JOINED
)

// fileDiff has a line that would command a terminal.
const fileDiff = "--- a/current/maps.conf\n+++ b/current/maps.conf\n@@ -1,2 +1,2 @@\n map $host $x {\n-    a 1;\n+    b 1; # \x1b[2J\n"

// troubled fills the infrastructure with something in every place of the views.
func troubled(f *fakeInfrastructure) {
	f.edges = []*lifecyclev1.Edge{
		{
			EdgeId: "edge_01", Name: "frankfurt", Address: "10.0.0.1:9443", PublicAddresses: []string{"203.0.113.7", "2001:db8::7"},
			Generation: 7, ProvenGeneration: 6, LastSeenTime: ago(3 * time.Second), DriftPolicy: repair, NginxVersion: "1.26.3",
			FaultReason: "EDGE_NOT_PROVEN", FaultMessage: hostile, OpenDrifts: 3,
			Pins:   []*lifecyclev1.Pin{{SiteId: "site_01", Revision: 3, Message: `nginx: unknown "x" variable`, CreateTime: ago(time.Minute)}},
			Labels: map[string]string{"region": "eu", "canary": "true"}, State: joined, RendererVersion: "2",
			JoinTime: ago(72 * time.Hour), CertificateExpireTime: ago(-20 * time.Hour),
		},
		{EdgeId: "edge_02", Name: "paris", Generation: 4, ProvenGeneration: 4, Synced: true, LastSeenTime: ago(time.Second), DriftPolicy: holdBack, State: joined},
		{
			EdgeId: "edge_03", Name: "old", LastSeenTime: ago(time.Hour), DriftPolicy: repair, EvictTime: ago(time.Hour),
			State: lifecyclev1.EdgeState_EDGE_STATE_EVICTED, JoinTime: ago(96 * time.Hour), CertificateExpireTime: ago(time.Minute),
		},
	}
	f.look = &lifecyclev1.EdgeLook{
		RunningGeneration: 6, SiteCount: 12, LastError: hostile, SandboxUser: "nobody", SandboxMissing: "a network of its own", DrainingWorkers: 3,
		Notices: []string{"nginx 1.26.3 has a known weakness", hostile},
		Incidents: []*lifecyclev1.EdgeIncident{
			{Kind: "MASTER_DEAD", Detail: "the master was gone, and was started", Time: ago(time.Hour)}, {Kind: "PORT_TAKEN", Detail: hostile, Time: ago(time.Minute)},
		},
	}
	f.preview = &lifecyclev1.PreviewEdgeResponse{
		SiteIds: []string{"site_01"}, SiteCount: 1,
		Files: []*lifecyclev1.EdgeFileDiff{
			{Path: "current/maps.conf", Diff: fileDiff, Added: 7000, Removed: 1, Truncated: true},
			{Path: "current/status.conf", Diff: "--- a/current/status.conf\n+++ b/current/status.conf\n@@ -1,1 +1,1 @@\n-6\n+7\n", Added: 1, Removed: 1},
		},
	}
	f.tunnels = []*lifecyclev1.Tunnel{
		{
			TunnelId: "tun_01", Name: "main", Generation: 2, ProvenGeneration: 2, Synced: true, LastSeenTime: ago(time.Minute),
			DriftPolicy: repair, OpenDrifts: 1,
		},
	}
	f.drifts = []*lifecyclev1.Drift{
		{
			DriftId: "drift_04", TargetId: "tun_01", Kind: "RULE_FOREIGN", Place: "other.example", Detail: "the tunnel has a rule that is not ours",
			Foreign: true, FindTime: ago(time.Minute),
		},
		{
			DriftId: "drift_03", TargetId: "edge_01", Kind: "FILE_CHANGED", Place: "sites/0007.conf", Detail: hostile,
			Cause: "somebody edited the file by hand", Since: ago(2 * time.Hour), FindTime: ago(5 * time.Minute),
			Diff: fileDiff, Owner: "mallory",
		},
		{DriftId: "drift_02", TargetId: "edge_01", Kind: "NOT_RUNNING", Detail: "no nginx answers", FindTime: ago(6 * time.Minute)},
		{
			DriftId: "drift_01", TargetId: "edge_02", Kind: "RELOADED", Detail: "nginx was reloaded by somebody else",
			FindTime: ago(3 * time.Hour), CloseTime: ago(2 * time.Hour), Outcome: "gone",
		},
	}
	f.holds = []*lifecyclev1.Hold{
		{
			HoldId: "hold_5d41402abc4b2a76b971", TargetKind: "edge", TargetId: "edge_01", Count: 12, Held: 40,
			Names: []string{"www.shop.example", hostile}, Since: ago(time.Hour),
		},
		{HoldId: "hold_01", TargetKind: "dns_lost", Count: 1, Held: 9, Names: []string{"a.example"}, Since: ago(time.Minute), ConfirmedBy: "key:key_02"},
	}
}

func TestInfrastructure(t *testing.T) {
	tests := []struct {
		name string
		args []string
	}{
		{"edge_list", []string{"edge", "list"}},
		{"edge_get", []string{"edge", "get", "frankfurt"}},
		{"edge_get_synced", []string{"edge", "get", "edge_02"}},
		{"edge_get_evicted", []string{"edge", "get", "old"}},
		{"edge_rebuild", []string{"edge", "rebuild", "paris"}},
		{"edge_policy", []string{"edge", "policy", "paris", "repair"}},
		{"edge_sync", []string{"edge", "sync", "paris"}},
		{"tunnel_list", []string{"tunnel", "list"}},
		{"tunnel_get", []string{"tunnel", "get", "main"}},
		{"tunnel_sync", []string{"tunnel", "sync", "tun_01"}},
		{"drift_list", []string{"drift", "list"}},
		{"drift_list_diff", []string{"drift", "list", "--diff"}},
		{"hold_list", []string{"hold", "list"}},
		{"hold_confirm", []string{"hold", "confirm", "hold_5d41402abc4b2a76b971"}},
	}
	for _, test := range tests {
		for _, format := range []string{"table", "json"} {
			t.Run(test.name+"/"+format, func(t *testing.T) {
				r := setup(t)
				troubled(r.infrastructure)
				r.golden(test.name+"."+format, cli.ExitOK, append(test.args, "-o", format)...)
			})
		}
	}
}

func TestInfrastructure_sends(t *testing.T) {
	for _, test := range []struct {
		args []string
		want any
	}{
		{[]string{"edge", "policy", "frankfurt", "hold"}, &lifecyclev1.SetDriftPolicyRequest{TargetId: "edge_01", Policy: holdBack, RequestId: "new-request-id"}},
		{[]string{"edge", "policy", "edge_02", "repair"}, &lifecyclev1.SetDriftPolicyRequest{TargetId: "edge_02", Policy: repair, RequestId: "new-request-id"}},
		{[]string{"tunnel", "policy", "main", "hold"}, &lifecyclev1.SetDriftPolicyRequest{TargetId: "tun_01", Policy: holdBack, RequestId: "new-request-id"}},
		{[]string{"edge", "sync", "paris"}, &lifecyclev1.SyncTargetRequest{TargetId: "edge_02", RequestId: "new-request-id"}},
		{[]string{"tunnel", "sync", "main"}, &lifecyclev1.SyncTargetRequest{TargetId: "tun_01", RequestId: "new-request-id"}},
		{[]string{"edge", "get", "paris"}, &lifecyclev1.GetEdgeRequest{EdgeId: "edge_02"}},
		{[]string{"edge", "rebuild", "frankfurt"}, &lifecyclev1.RebuildEdgeRequest{EdgeId: "edge_01", RequestId: "new-request-id"}},
		{[]string{"drift", "list"}, &lifecyclev1.ListDriftsRequest{PageSize: 100}},
		{[]string{"drift", "list", "--all", "--limit", "4"}, &lifecyclev1.ListDriftsRequest{All: true, PageSize: 4}},
		{[]string{"hold", "confirm", "hold_01"}, &lifecyclev1.ConfirmHoldRequest{HoldId: "hold_01", RequestId: "new-request-id"}},
	} {
		r := setup(t)
		troubled(r.infrastructure)
		if got := r.run(test.args...); got.code != cli.ExitOK {
			t.Errorf("%v: %s", test.args, got.stderr)
		}
		sent := false
		for _, request := range r.sites.requests {
			sent = sent || cmp.Equal(request, test.want, protocmp.Transform())
		}
		if !sent {
			t.Errorf("%v sent %v, and not %v", test.args, r.sites.requests, test.want)
		}
	}
}

func TestInfrastructure_that_is_not_there(t *testing.T) {
	r := setup(t)
	troubled(r.infrastructure)
	r.golden("edge_missing", cli.ExitNotFound, "edge", "get", "tun_01")
	r.golden("tunnel_missing", cli.ExitNotFound, "tunnel", "sync", "frankfurt")
	r.sites.fail = rpcerr.New(codes.NotFound, "NOT_FOUND", `hold "hold_02" not found`)
	r.golden("hold_missing", cli.ExitNotFound, "hold", "confirm", "hold_02")
	r.sites.fail = rpcerr.New(codes.PermissionDenied, "NOT_ALLOWED", "the key has the role admin, the call demands platform_admin")
	r.golden("edge_denied", cli.ExitDenied, "edge", "list")
}

func TestInfrastructure_where_all_is_well(t *testing.T) {
	r := setup(t)
	r.golden("drift_list_empty", cli.ExitOK, "drift", "list")
	r.golden("hold_list_empty", cli.ExitOK, "hold", "list")
}

// A name that looks like another one's id does not hide that one.
func TestInfrastructure_prefers_ids(t *testing.T) {
	r := setup(t)
	troubled(r.infrastructure)
	r.infrastructure.edges[0].Name = "edge_02"
	if got := r.run("edge", "sync", "edge_02"); got.code != cli.ExitOK {
		t.Fatal(got.stderr)
	}
	want := &lifecyclev1.SyncTargetRequest{TargetId: "edge_02", RequestId: "new-request-id"}
	if diff := cmp.Diff(any(want), r.sites.requests[1], protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestDriftList_says_when_it_is_cut(t *testing.T) {
	r := setup(t)
	troubled(r.infrastructure)
	r.golden("drift_list_cut", cli.ExitOK, "drift", "list", "--all", "--limit", "4")
}
