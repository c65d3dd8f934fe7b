package remote_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/remote"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// cloudflare answers as it is told and keeps what it was asked.
type cloudflare struct {
	tunnelv1.UnimplementedTunnelServiceServer

	zone  *tunnelv1.LookupZoneResponse
	apply *tunnelv1.ApplyResponse
	look  *tunnelv1.ObserveResponse
	route *tunnelv1.ReadRouteResponse
	asked proto.Message
	left  time.Duration // until the deadline of the call
	err   error
}

func (c *cloudflare) keep(ctx context.Context, req proto.Message) {
	end, _ := ctx.Deadline()
	c.asked, c.left = req, time.Until(end)
}

func (c *cloudflare) LookupZone(ctx context.Context, req *tunnelv1.LookupZoneRequest) (*tunnelv1.LookupZoneResponse, error) {
	c.keep(ctx, req)
	return c.zone, c.err
}

func (c *cloudflare) Apply(ctx context.Context, req *tunnelv1.ApplyRequest) (*tunnelv1.ApplyResponse, error) {
	c.keep(ctx, req)
	return c.apply, c.err
}

func (c *cloudflare) Observe(ctx context.Context, req *tunnelv1.ObserveRequest) (*tunnelv1.ObserveResponse, error) {
	c.keep(ctx, req)
	return c.look, c.err
}

func (c *cloudflare) ReadRoute(ctx context.Context, req *tunnelv1.ReadRouteRequest) (*tunnelv1.ReadRouteResponse, error) {
	c.keep(ctx, req)
	return c.route, c.err
}

func tunnel(t *testing.T, c *cloudflare) *remote.Tunnel {
	t.Helper()
	return remote.NewTunnel(serve(t, func(s *grpc.Server) { tunnelv1.RegisterTunnelServiceServer(s, c) }))
}

func TestTunnel_LookupZone(t *testing.T) {
	t.Run("a zone of ours", func(t *testing.T) {
		got, err := tunnel(t, &cloudflare{zone: &tunnelv1.LookupZoneResponse{
			Backend: "cloudflare", Zone: &tunnelv1.Zone{ZoneId: "z1", Name: "example"}, CustomHostnameTarget: "t.example",
		}}).LookupZone(t.Context(), "a.example")
		want := infra.ZoneAnswer{Found: true, ZoneID: "z1", ZoneName: "example", Backend: "cloudflare", CustomHostnameTarget: "t.example"}
		if err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("none", func(t *testing.T) {
		c := &cloudflare{zone: &tunnelv1.LookupZoneResponse{Backend: "direct"}}
		if got, err := tunnel(t, c).LookupZone(t.Context(), "a.example"); err != nil || got != (infra.ZoneAnswer{Backend: "direct"}) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

var tunnelUpdate = infra.TunnelUpdate{
	Fence: infra.Fence{Era: 1, Epoch: 2, Generation: 3}, Installation: "0123456789abcdef", Digest: "abc",
	Routes: []desired.TunnelRoute{
		{Hostname: "a.example", Kind: desired.ByRecord, ZoneID: "z1"}, {Hostname: "b.example", Kind: desired.ByCustomHostname},
	},
	Removals: map[string]string{"d.example": "op_d", "c.example": "op_c"}, ConfirmedHold: "hold_1",
}

func applied() *tunnelv1.ApplyResponse {
	return &tunnelv1.ApplyResponse{Fence: &tunnelv1.Fence{Era: 1, Epoch: 2, Generation: 3}, Digest: "abc", ConfigVersion: 41, Writes: 5, Changed: []string{"a.example"}}
}

func TestTunnel_Apply(t *testing.T) {
	t.Run("sends everything and returns what was proved", func(t *testing.T) {
		c := &cloudflare{apply: applied()}
		got, err := tunnel(t, c).Apply(t.Context(), tunnelUpdate)
		if diff := cmp.Diff(infra.TunnelProof{Generation: 3, Digest: "abc", ConfigVersion: 41, Writes: 5, Changed: []string{"a.example"}}, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		asked := &tunnelv1.ApplyRequest{
			Fence: &tunnelv1.Fence{Era: 1, Epoch: 2, Generation: 3}, InstallationId: "0123456789abcdef", Digest: "abc",
			Routes: []*tunnelv1.Route{
				{Hostname: "a.example", Kind: tunnelv1.RouteKind_ROUTE_KIND_RECORD, ZoneId: "z1"},
				{Hostname: "b.example", Kind: tunnelv1.RouteKind_ROUTE_KIND_CUSTOM_HOSTNAME},
			},
			Removals:      []*tunnelv1.Removal{{Hostname: "c.example", OperationId: "op_c"}, {Hostname: "d.example", OperationId: "op_d"}},
			ConfirmedHold: "hold_1",
		}
		if diff := cmp.Diff(proto.Message(asked), c.asked, protocmp.Transform()); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
	})
	t.Run("names what is blocked", func(t *testing.T) {
		answer := applied()
		answer.Problems = []*tunnelv1.RouteProblem{{Hostname: "a.example", Diagnosis: &diagnosisv1.Diagnosis{
			Code: diagnosisv1.Code_CODE_RECORD_IN_THE_WAY, Actor: diagnosisv1.Actor_ACTOR_OPERATOR, Summary: "an A record", Fix: []string{"delete it"},
		}}}
		got, err := tunnel(t, &cloudflare{apply: answer}).Apply(t.Context(), tunnelUpdate)
		want := map[string]infra.Diagnosis{"a.example": {Code: "RECORD_IN_THE_WAY", Actor: condition.Operator, Summary: "an A record", Fix: []string{"delete it"}}}
		if diff := cmp.Diff(want, got.Blocked); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
	t.Run("takes an answer about something else for none", func(t *testing.T) {
		for name, change := range map[string]func(*tunnelv1.ApplyResponse){
			"era":        func(r *tunnelv1.ApplyResponse) { r.Fence.Era++ },
			"epoch":      func(r *tunnelv1.ApplyResponse) { r.Fence.Epoch++ },
			"generation": func(r *tunnelv1.ApplyResponse) { r.Fence.Generation-- },
			"digest":     func(r *tunnelv1.ApplyResponse) { r.Digest = "abd" },
			"no fence":   func(r *tunnelv1.ApplyResponse) { r.Fence = nil },
		} {
			answer := applied()
			change(answer)
			if got, err := tunnel(t, &cloudflare{apply: answer}).Apply(t.Context(), tunnelUpdate); !unavailable(0)(err) || got.Digest != "" {
				t.Errorf("another %s gives %+v, %v", name, got, err)
			}
		}
	})
}

func TestTunnel_Observe(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := &cloudflare{look: &tunnelv1.ObserveResponse{Drifts: []*tunnelv1.Drift{
		{Kind: tunnelv1.DriftKind_DRIFT_KIND_RULE_MISSING, Hostname: "a.example", Detail: "no rule", Cause: "the dashboard", Since: timestamppb.New(at)},
		{Kind: tunnelv1.DriftKind_DRIFT_KIND_RULE_FOREIGN, Hostname: "b.example"},
		{Kind: tunnelv1.DriftKind_DRIFT_KIND_BLOCKED, Hostname: "c.example"},
		{Kind: tunnelv1.DriftKind_DRIFT_KIND_CUSTOM_HOSTNAME_SURPLUS, Hostname: "d.example"},
	}}}
	got, err := tunnel(t, c).Observe(t.Context(), tunnelUpdate.Installation, tunnelUpdate.Routes)
	want := []drift.Finding{
		{Kind: "RULE_MISSING", Place: "a.example", Detail: "no rule", Cause: "the dashboard", Since: at},
		{Kind: "RULE_FOREIGN", Place: "b.example", Foreign: true},
		{Kind: "BLOCKED", Place: "c.example", Foreign: true},
		{Kind: "CUSTOM_HOSTNAME_SURPLUS", Place: "d.example"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	asked := &tunnelv1.ObserveRequest{InstallationId: "0123456789abcdef", Routes: []*tunnelv1.Route{
		{Hostname: "a.example", Kind: tunnelv1.RouteKind_ROUTE_KIND_RECORD, ZoneId: "z1"},
		{Hostname: "b.example", Kind: tunnelv1.RouteKind_ROUTE_KIND_CUSTOM_HOSTNAME},
	}}
	if diff := cmp.Diff(proto.Message(asked), c.asked, protocmp.Transform()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestTunnel_ReadRoute(t *testing.T) {
	t.Run("returns what was read", func(t *testing.T) {
		c := &cloudflare{route: &tunnelv1.ReadRouteResponse{
			State: tunnelv1.RouteState_ROUTE_STATE_PARTIAL, Observed: []string{"a rule", "a custom hostname"},
			Diagnoses: []*diagnosisv1.Diagnosis{{Code: diagnosisv1.Code_CODE_CUSTOM_HOSTNAME_PENDING, Actor: diagnosisv1.Actor_ACTOR_CLOUDFLARE, Summary: "wait"}},
			Records:   []*tunnelv1.Record{{Type: "TXT", Name: "_acme-challenge.b.example", Value: "x", Purpose: "the certificate"}},
		}}
		got, err := tunnel(t, c).ReadRoute(t.Context(), tunnelUpdate.Installation, tunnelUpdate.Routes[1])
		want := infra.RouteReading{
			State: infra.RoutePartial, Seen: []string{"a rule", "a custom hostname"},
			Diagnoses: []infra.Diagnosis{{Code: "CUSTOM_HOSTNAME_PENDING", Actor: condition.Cloudflare, Summary: "wait"}},
			Records: []network.Instruction{
				{Purpose: network.Preparation, Type: "TXT", Name: "_acme-challenge.b.example", Value: "x", Note: "the certificate"},
			},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		asked := &tunnelv1.ReadRouteRequest{
			InstallationId: "0123456789abcdef", Route: &tunnelv1.Route{Hostname: "b.example", Kind: tunnelv1.RouteKind_ROUTE_KIND_CUSTOM_HOSTNAME},
		}
		if diff := cmp.Diff(proto.Message(asked), c.asked, protocmp.Transform()); diff != "" {
			t.Errorf("asked (-want +got):\n%s", diff)
		}
	})
	t.Run("a state that is not known says nothing", func(t *testing.T) {
		for wire, want := range map[tunnelv1.RouteState]infra.RouteState{
			tunnelv1.RouteState_ROUTE_STATE_READY: infra.RouteReady, tunnelv1.RouteState_ROUTE_STATE_PARTIAL: infra.RoutePartial,
			tunnelv1.RouteState_ROUTE_STATE_ABSENT: infra.RouteAbsent, tunnelv1.RouteState_ROUTE_STATE_UNSPECIFIED: "", 99: "",
		} {
			got, err := tunnel(t, &cloudflare{route: &tunnelv1.ReadRouteResponse{State: wire}}).ReadRoute(t.Context(), "", tunnelUpdate.Routes[0])
			if got.State != want || (want == "") != unavailable(0)(err) {
				t.Errorf("%v gives %q, %v", wire, got.State, err)
			}
		}
	})
}

// calls is every call that there is, with the longest that it may take.
func calls(t *testing.T, tun *remote.Tunnel) map[string]func() error {
	return map[string]func() error{
		"LookupZone": func() error { _, err := tun.LookupZone(t.Context(), "a.example"); return err },
		"Apply":      func() error { _, err := tun.Apply(t.Context(), tunnelUpdate); return err },
		"Observe":    func() error { _, err := tun.Observe(t.Context(), "", tunnelUpdate.Routes); return err },
		"ReadRoute":  func() error { _, err := tun.ReadRoute(t.Context(), "", tunnelUpdate.Routes[0]); return err },
	}
}

func TestTunnel_errors(t *testing.T) {
	refused := func(want infra.Diagnosis) func(error) bool {
		return func(err error) bool {
			var got *infra.RefusedError
			return errors.As(err, &got) && cmp.Equal(got.Diagnosis, want)
		}
	}
	stale := func(err error) bool { return errors.Is(err, infra.ErrStaleFence) }
	for name, tt := range map[string]struct {
		err  error
		want func(error) bool
	}{
		"an older caller":        {rpcerr.New(codes.Aborted, "STALE_FENCE", "x"), stale},
		"another abort":          {rpcerr.New(codes.Aborted, "X", "x"), unavailable(0)},
		"a fence of another way": {rpcerr.New(codes.Internal, "STALE_FENCE", "x"), unavailable(0)},
		"a shrink guard": {heldStatus(rpcerr.Metadata("hold_id", "hold_1"), rpcerr.Metadata("held_count", "240")),
			heldBack(infra.HeldError{ID: "hold_1", Names: []string{"b.example", "a.example"}, Held: 240, Message: "too much"})},
		"a shrink guard without a hold": {heldStatus(), unavailable(0)},
		"a diagnosis": {rpcerr.New(codes.FailedPrecondition, "CLOUDFLARE_PERMISSION", "the token may not", rpcerr.Metadata("fix", "make another")),
			refused(infra.Diagnosis{Code: "CLOUDFLARE_PERMISSION", Actor: condition.Operator, Summary: "the token may not", Fix: []string{"make another"}})},
		"a diagnosis without a fix": {rpcerr.New(codes.FailedPrecondition, "CLOUDFLARE_PERMISSION", "the token may not"),
			refused(infra.Diagnosis{Code: "CLOUDFLARE_PERMISSION", Actor: condition.Operator, Summary: "the token may not"})},
		"no diagnosis":           {rpcerr.New(codes.FailedPrecondition, "X", "x"), unavailable(0)},
		"the diagnosis of none":  {rpcerr.New(codes.FailedPrecondition, "UNSPECIFIED", "x"), unavailable(0)},
		"a diagnosis of another": {rpcerr.New(codes.Unavailable, "CLOUDFLARE_PERMISSION", "x"), unavailable(0)},
		"no reason":              {status.Error(codes.FailedPrecondition, "x"), unavailable(0)},
		"nothing there":          {status.Error(codes.NotFound, "x"), unavailable(0)},
		"a bad digest":           {rpcerr.New(codes.InvalidArgument, "X", "x"), unavailable(0)},
		"come back later":        {rpcerr.New(codes.Unavailable, "UNAVAILABLE", "x", rpcerr.RetryAfter(time.Minute)), unavailable(time.Minute)},
	} {
		tun := tunnel(t, &cloudflare{err: tt.err})
		for method, call := range calls(t, tun) {
			if err := call(); !tt.want(err) {
				t.Errorf("%s: %s gives %#v", name, method, err)
			}
		}
	}
}

func TestTunnel_deadlines(t *testing.T) {
	c := &cloudflare{zone: &tunnelv1.LookupZoneResponse{}, apply: applied(), look: &tunnelv1.ObserveResponse{}, route: &tunnelv1.ReadRouteResponse{}}
	for method, call := range calls(t, tunnel(t, c)) {
		limit := map[string]time.Duration{"LookupZone": 15 * time.Second, "Apply": 2 * time.Minute, "Observe": time.Minute, "ReadRoute": 30 * time.Second}[method]
		_ = call()
		if c.left > limit || c.left < limit/2 {
			t.Errorf("%s may take %v, want %v", method, c.left, limit)
		}
	}
}
