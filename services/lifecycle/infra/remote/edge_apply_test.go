package remote_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func update() infra.EdgeUpdate {
	return infra.EdgeUpdate{
		Fence: infra.Fence{Era: 1, Epoch: 2, Generation: 3}, Whole: true, Digest: strings.Repeat("ab", 32),
		Removals: map[id.Site]string{"site_9": "op_9", "site_8": "op_8"}, Explanations: map[id.Site]string{"site_7": "op_7", "site_6": "op_6"},
		ConfirmedHold: "hold_1", HoldDrift: true,
		Sites: []desired.EdgeSite{
			{SiteID: "site_1", Revision: 4, Hostnames: []string{"a.example", "b.example"}, Spec: site.Spec{
				Origin: &site.Origin{Targets: []site.Target{{Address: "192.0.2.1:80", Weight: 2}}},
				Routes: []site.Route{{PathPrefix: "/a/", StripPrefix: true, Origin: site.Origin{Targets: []site.Target{{Address: "192.0.2.2:80", Weight: 1}}}}},
				Options: site.Options{
					MaxBodyBytes: 5, ConnectTimeout: 1500 * time.Millisecond, ReadTimeout: time.Minute, Websocket: true,
					ResponseHeaders: []site.Header{{Name: "A", Value: "1"}}, RequestHeaders: []site.Header{{Name: "B", Value: "2"}},
					Maintenance: true,
				},
			}},
			{SiteID: "site_2", Revision: 1, Spec: site.Spec{Redirect: &site.Redirect{BaseURL: "https://a.example", StatusCode: 302}}},
		},
	}
}

func TestEdges_Apply(t *testing.T) {
	t.Run("carries everything, and nothing is lost on the way", func(t *testing.T) {
		a := &agent{}
		proof, err := setup(t, a).Apply(t.Context(), edgeID, update())
		if err != nil || proof.Generation != 3 || proof.Digest != strings.Repeat("ab", 32) || proof.Sites != 7 {
			t.Errorf("proof %+v, %v", proof, err)
		}
		want := &edgev1.ApplyHeader{
			EdgeId: "edge_1", Whole: true, Digest: strings.Repeat("ab", 32), Fence: &edgev1.Fence{Era: 1, Epoch: 2, Generation: 3},
			Removals:      []*edgev1.Removal{{SiteId: "site_8", OperationId: "op_8"}, {SiteId: "site_9", OperationId: "op_9"}},
			Explanations:  []*edgev1.Removal{{SiteId: "site_6", OperationId: "op_6"}, {SiteId: "site_7", OperationId: "op_7"}},
			ConfirmedHold: "hold_1", HoldDrift: true,
		}
		if diff := cmp.Diff(want, a.header, protocmp.Transform()); diff != "" {
			t.Errorf("header (-want +got):\n%s", diff)
		}
		sites := []*edgev1.Site{
			{SiteId: "site_1", Revision: 4, Hostnames: []string{"a.example", "b.example"}, Spec: &edgev1.Spec{
				Backend: &edgev1.Spec_Origin{Origin: &edgev1.Origin{Targets: []*edgev1.Target{{Address: "192.0.2.1:80", Weight: 2}}}},
				Routes:  []*edgev1.Route{{PathPrefix: "/a/", StripPrefix: true, Origin: &edgev1.Origin{Targets: []*edgev1.Target{{Address: "192.0.2.2:80", Weight: 1}}}}},
				Options: &edgev1.Options{
					MaxBodyBytes: 5, ConnectTimeoutMs: 1500, ReadTimeoutMs: 60000, Websocket: true,
					ResponseHeaders: []*edgev1.Header{{Name: "A", Value: "1"}}, RequestHeaders: []*edgev1.Header{{Name: "B", Value: "2"}},
					Maintenance: true,
				},
			}},
			{SiteId: "site_2", Revision: 1, Spec: &edgev1.Spec{
				Backend: &edgev1.Spec_Redirect{Redirect: &edgev1.Redirect{BaseUrl: "https://a.example", StatusCode: 302}}, Options: &edgev1.Options{},
			}},
		}
		if diff := cmp.Diff(sites, a.sites, protocmp.Transform()); diff != "" {
			t.Errorf("sites (-want +got):\n%s", diff)
		}
	})
	t.Run("many sites go in several messages", func(t *testing.T) {
		a, u := &agent{}, update()
		one := u.Sites[0]
		u.Sites = nil
		for range 1201 {
			u.Sites = append(u.Sites, one)
		}
		if _, err := setup(t, a).Apply(t.Context(), edgeID, u); err != nil {
			t.Fatal(err)
		}
		if len(a.sites) != 1201 || a.parts != 3 {
			t.Errorf("%d sites in %d messages", len(a.sites), a.parts)
		}
	})
	t.Run("names what was rejected and what had drifted", func(t *testing.T) {
		a := &agent{answer: func(h *edgev1.ApplyHeader) *edgev1.ApplyResponse {
			return &edgev1.ApplyResponse{
				Fence: h.GetFence(), Digest: "of what is held instead",
				Rejected: []*edgev1.Rejection{{SiteId: "site_1", Revision: 4, Message: "bad", KeptRevision: 3}},
				Drifts:   []*edgev1.Drift{{Kind: edgev1.DriftKind_DRIFT_KIND_RELOADED}},
			}
		}}
		got, err := setup(t, a).Apply(t.Context(), edgeID, update())
		want := infra.EdgeProof{
			Generation: 3, Digest: "of what is held instead", Took: got.Took,
			Rejected: []infra.Rejection{{SiteID: "site_1", Revision: 4, Message: "bad", KeptRevision: 3}}, Drifts: []drift.Finding{{Kind: "RELOADED"}},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
	for name, answer := range map[string]func(*edgev1.ApplyHeader) *edgev1.ApplyResponse{
		"another digest": func(h *edgev1.ApplyHeader) *edgev1.ApplyResponse {
			return &edgev1.ApplyResponse{Fence: h.GetFence(), Digest: "other"}
		},
		"another generation": func(h *edgev1.ApplyHeader) *edgev1.ApplyResponse {
			return &edgev1.ApplyResponse{Fence: &edgev1.Fence{Generation: 2}, Digest: h.GetDigest()}
		},
		"rejected sites and another generation": func(h *edgev1.ApplyHeader) *edgev1.ApplyResponse {
			return &edgev1.ApplyResponse{Fence: &edgev1.Fence{Generation: 2}, Digest: h.GetDigest(), Rejected: []*edgev1.Rejection{{SiteId: "site_1"}}}
		},
		"rejected sites and no digest": func(h *edgev1.ApplyHeader) *edgev1.ApplyResponse {
			return &edgev1.ApplyResponse{Fence: h.GetFence(), Rejected: []*edgev1.Rejection{{SiteId: "site_1"}}}
		},
		"nothing": func(*edgev1.ApplyHeader) *edgev1.ApplyResponse { return &edgev1.ApplyResponse{} },
	} {
		t.Run("an answer with "+name+" proves nothing", func(t *testing.T) {
			var unproved *infra.NotProvenError
			if _, err := setup(t, &agent{answer: answer}).Apply(t.Context(), edgeID, update()); !errors.As(err, &unproved) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What an agent's status becomes, whether it comes before or after the sites.
func TestEdges_Apply_errors(t *testing.T) {
	big := update()
	for range 3000 { // more than fits on the way
		big.Sites = append(big.Sites, big.Sites[0])
	}
	for name, tt := range map[string]struct {
		status error
		check  func(error) bool
	}{
		"SNAPSHOT_NEEDED": {rpcerr.New(codes.FailedPrecondition, "SNAPSHOT_NEEDED", "x"), func(err error) bool { return errors.Is(err, infra.ErrSnapshotNeeded) }},
		"STALE_FENCE":     {rpcerr.New(codes.Aborted, "STALE_FENCE", "x"), func(err error) bool { return errors.Is(err, infra.ErrStaleFence) }},
		"CONFIG_REJECTED of a site": {rpcerr.New(codes.InvalidArgument, "CONFIG_REJECTED", "bad", rpcerr.Metadata("site_id", "site_1")),
			func(err error) bool {
				var e *infra.RejectedError
				return errors.As(err, &e) && e.SiteID == "site_1" && e.Message == "bad"
			}},
		"CONFIG_REJECTED": {rpcerr.New(codes.InvalidArgument, "CONFIG_REJECTED", "bad"), func(err error) bool {
			var e *infra.RejectedError
			return errors.As(err, &e) && e.SiteID == ""
		}},
		"EDGE_NOT_PROVEN": {rpcerr.New(codes.Unavailable, "EDGE_NOT_PROVEN", "old workers"), notProven("old workers")},
		"NGINX_DOWN":      {rpcerr.New(codes.Unavailable, "NGINX_DOWN", "no nginx"), notProven("no nginx")},
		"EDGE_DISK_FULL":  {rpcerr.New(codes.Unavailable, "EDGE_DISK_FULL", "no room"), notProven("no room")},
		"EDGE_DRAINING":   {rpcerr.New(codes.Unavailable, "EDGE_DRAINING", "workers"), notProven("workers")},
		"DRIFT_HELD": {rpcerr.New(codes.FailedPrecondition, "DRIFT_HELD", "FILE_CHANGED servers.conf"), func(err error) bool {
			var e *infra.DriftError
			return errors.As(err, &e) && e.Message == "FILE_CHANGED servers.conf" && e.Uncounted()
		}},
		"HELD_BY_SHRINK_GUARD": {heldStatus(rpcerr.Metadata("hold_id", "hold_1"), rpcerr.Metadata("held_count", "240")),
			heldBack(infra.HeldError{ID: "hold_1", Names: []string{"b.example", "a.example"}, Held: 240, Message: "too much"})},
		"HELD_BY_SHRINK_GUARD of a number that is none": {heldStatus(rpcerr.Metadata("hold_id", "hold_1"), rpcerr.Metadata("held_count", "many")),
			heldBack(infra.HeldError{ID: "hold_1", Names: []string{"b.example", "a.example"}, Message: "too much"})},
		"HELD_BY_SHRINK_GUARD without the name of the hold": {heldStatus(rpcerr.Metadata("held_count", "240")), unavailable(0)},
		"WRONG_EDGE":        {rpcerr.New(codes.InvalidArgument, "WRONG_EDGE", "x"), unavailable(0)},
		"an unknown reason": {rpcerr.New(codes.ResourceExhausted, "NEW", "x", rpcerr.RetryAfter(3*time.Second)), unavailable(3 * time.Second)},
		"no reason":         {status.Error(codes.Unavailable, "x"), unavailable(0)},
		"a deadline":        {status.Error(codes.DeadlineExceeded, "x"), unavailable(0)},
		"a denied caller":   {status.Error(codes.PermissionDenied, "x"), unavailable(0)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := setup(t, &agent{err: tt.status}).Apply(t.Context(), edgeID, update()); !tt.check(err) {
				t.Errorf("at the end: %v", err)
			}
			if _, err := setup(t, &agent{early: tt.status}).Apply(t.Context(), edgeID, big); !tt.check(err) {
				t.Errorf("at the start: %v", err)
			}
		})
	}
	t.Run("a hold names a hundred at most", func(t *testing.T) {
		opts := []rpcerr.Option{rpcerr.Metadata("hold_id", "hold_1")}
		for i := range 150 {
			opts = append(opts, rpcerr.Violation(fmt.Sprintf("n%d.example", i), "no operation says why"))
		}
		var held *infra.HeldError
		if _, err := setup(t, &agent{err: heldStatus(opts...)}).Apply(t.Context(), edgeID, update()); !errors.As(err, &held) || len(held.Names) != 100 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an edge that cannot be dialled", func(t *testing.T) {
		p := setup(t, &agent{})
		if _, err := p.Apply(t.Context(), "edge_2", update()); !unavailable(0)(err) {
			t.Errorf("apply: %v", err)
		}
		if _, err := p.State(t.Context(), "edge_2"); !unavailable(0)(err) {
			t.Errorf("state: %v", err)
		}
		if _, err := p.ProbeSite(t.Context(), "edge_2", "site_1"); !unavailable(0)(err) {
			t.Errorf("probe: %v", err)
		}
		if _, err := p.ListHeld(t.Context(), "edge_2", nil); !unavailable(0)(err) {
			t.Errorf("list: %v", err)
		}
	})
}

// heldStatus is what a shrink guard answers.
func heldStatus(opts ...rpcerr.Option) error {
	opts = append(opts, rpcerr.Violation("b.example", "no operation says why"), rpcerr.Violation("a.example", "no operation says why"))
	return rpcerr.New(codes.FailedPrecondition, "HELD_BY_SHRINK_GUARD", "too much", opts...)
}

func heldBack(want infra.HeldError) func(error) bool {
	return func(err error) bool {
		var got *infra.HeldError
		return errors.As(err, &got) && cmp.Equal(*got, want) && got.Uncounted()
	}
}

func notProven(message string) func(error) bool {
	return func(err error) bool {
		var e *infra.NotProvenError
		return errors.As(err, &e) && e.Message == message
	}
}
