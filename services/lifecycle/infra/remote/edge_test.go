package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/remote"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// agent is an edge agent that keeps what it is sent and answers as it is told.
type agent struct {
	edgev1.UnimplementedEdgeServiceServer

	header *edgev1.ApplyHeader
	sites  []*edgev1.Site
	parts  int

	early  error // before anything is read
	answer func(*edgev1.ApplyHeader) *edgev1.ApplyResponse
	err    error
	state  *edgev1.GetStateResponse
	probe  *edgev1.ProbeSiteResponse
}

func (a *agent) Apply(stream grpc.ClientStreamingServer[edgev1.ApplyRequest, edgev1.ApplyResponse]) error {
	if a.early != nil {
		return a.early
	}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if h := part.GetHeader(); h != nil {
			a.header = h
		}
		if s := part.GetSites(); s != nil {
			a.parts++
			a.sites = append(a.sites, s.GetSites()...)
		}
	}
	if a.err != nil {
		return a.err
	}
	return stream.SendAndClose(a.answer(a.header))
}

func (a *agent) GetState(context.Context, *edgev1.GetStateRequest) (*edgev1.GetStateResponse, error) {
	return a.state, a.err
}

func (a *agent) ProbeSite(context.Context, *edgev1.ProbeSiteRequest) (*edgev1.ProbeSiteResponse, error) {
	return a.probe, a.err
}

const edgeID = id.Edge("edge_1")

// faithful answers what was sent.
func faithful(h *edgev1.ApplyHeader) *edgev1.ApplyResponse {
	return &edgev1.ApplyResponse{Fence: h.GetFence(), Digest: h.GetDigest(), SiteCount: 7}
}

func setup(t *testing.T, a *agent) *remote.Edges {
	t.Helper()
	if a.answer == nil {
		a.answer = faithful
	}
	conn := serve(t, func(s *grpc.Server) { edgev1.RegisterEdgeServiceServer(s, a) })
	return remote.NewEdges(func(_ context.Context, edge id.Edge) (grpc.ClientConnInterface, error) {
		if edge != edgeID {
			return nil, fmt.Errorf("no address of %s", edge)
		}
		return conn, nil
	})
}

func update() infra.EdgeUpdate {
	return infra.EdgeUpdate{
		Fence: infra.Fence{Era: 1, Epoch: 2, Generation: 3}, Whole: true, Digest: strings.Repeat("ab", 32),
		Removals: map[id.Site]string{"site_9": "op_9", "site_8": "op_8"},
		Sites: []desired.EdgeSite{
			{SiteID: "site_1", Revision: 4, Hostnames: []string{"a.example", "b.example"}, Spec: site.Spec{
				Origin: &site.Origin{Targets: []site.Target{{Address: "192.0.2.1:80", Weight: 2}}},
				Routes: []site.Route{{PathPrefix: "/a/", StripPrefix: true, Origin: site.Origin{Targets: []site.Target{{Address: "192.0.2.2:80", Weight: 1}}}}},
				Options: site.Options{
					MaxBodyBytes: 5, ConnectTimeout: 1500 * time.Millisecond, ReadTimeout: time.Minute, Websocket: true,
					ResponseHeaders: []site.Header{{Name: "A", Value: "1"}}, RequestHeaders: []site.Header{{Name: "B", Value: "2"}},
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
			Removals: []*edgev1.Removal{{SiteId: "site_8", OperationId: "op_8"}, {SiteId: "site_9", OperationId: "op_9"}},
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
	for name, answer := range map[string]func(*edgev1.ApplyHeader) *edgev1.ApplyResponse{
		"another digest": func(h *edgev1.ApplyHeader) *edgev1.ApplyResponse {
			return &edgev1.ApplyResponse{Fence: h.GetFence(), Digest: "other"}
		},
		"another generation": func(h *edgev1.ApplyHeader) *edgev1.ApplyResponse {
			return &edgev1.ApplyResponse{Fence: &edgev1.Fence{Generation: 2}, Digest: h.GetDigest()}
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
		"EDGE_NOT_PROVEN":   {rpcerr.New(codes.Unavailable, "EDGE_NOT_PROVEN", "old workers"), notProven("old workers")},
		"NGINX_DOWN":        {rpcerr.New(codes.Unavailable, "NGINX_DOWN", "no nginx"), notProven("no nginx")},
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
	})
}

func unavailable(after time.Duration) func(error) bool {
	return func(err error) bool {
		var e *infra.UnavailableError
		return errors.As(err, &e) && e.RetryAfter == after && e.Uncounted()
	}
}

func notProven(message string) func(error) bool {
	return func(err error) bool {
		var e *infra.NotProvenError
		return errors.As(err, &e) && e.Message == message
	}
}

func TestEdges_State(t *testing.T) {
	full := func() *edgev1.GetStateResponse {
		return &edgev1.GetStateResponse{
			EdgeId: "edge_1", ProbePublicKey: []byte("key"), LastError: "why",
			Received: &edgev1.Received{Fence: &edgev1.Fence{Generation: 3}, Digest: "abc"},
			Running:  &edgev1.Running{Generation: 3, WorkersHash: "h", FilesHash: "h", WantedHash: "h"},
		}
	}
	t.Run("says what the edge holds and runs", func(t *testing.T) {
		got, err := setup(t, &agent{state: full()}).State(t.Context(), edgeID)
		want := infra.EdgeState{Generation: 3, Digest: "abc", Running: 3, Intact: true, ProbePublicKey: []byte("key"), Fault: "why"}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
	for name, change := range map[string]func(*edgev1.GetStateResponse){
		"other files":   func(s *edgev1.GetStateResponse) { s.Running.FilesHash = "x" },
		"other workers": func(s *edgev1.GetStateResponse) { s.Running.WorkersHash = "x" },
		"both the same, but not as wanted": func(s *edgev1.GetStateResponse) {
			s.Running.FilesHash, s.Running.WorkersHash = "x", "x"
		},
	} {
		t.Run(name+" are not intact", func(t *testing.T) {
			s := full()
			change(s)
			if got, err := setup(t, &agent{state: s}).State(t.Context(), edgeID); err != nil || got.Intact {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	t.Run("an nginx that does not run runs no generation", func(t *testing.T) {
		s := full()
		s.Running = nil
		if got, err := setup(t, &agent{state: s}).State(t.Context(), edgeID); err != nil || got.Running != 0 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("the agent of another edge is not believed", func(t *testing.T) {
		s := full()
		s.EdgeId = "edge_2"
		if _, err := setup(t, &agent{state: s}).State(t.Context(), edgeID); !unavailable(0)(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an error is no state", func(t *testing.T) {
		if _, err := setup(t, &agent{err: status.Error(codes.Internal, "x")}).State(t.Context(), edgeID); !unavailable(0)(err) {
			t.Errorf("got %v", err)
		}
	})
}

func TestEdges_ProbeSite(t *testing.T) {
	proof := &edgev1.ProbeSiteResponse{InternalName: "site_1.site.internal", SiteId: "site_1", Revision: 4, Generation: 3}
	t.Run("says what answered", func(t *testing.T) {
		got, err := setup(t, &agent{probe: proof}).ProbeSite(t.Context(), edgeID, "site_1")
		if want := (infra.SiteProof{InternalName: "site_1.site.internal", Revision: 4, Generation: 3}); err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("the answer of another site is none", func(t *testing.T) {
		if _, err := setup(t, &agent{probe: proof}).ProbeSite(t.Context(), edgeID, "site_2"); !errors.Is(err, infra.ErrNotServed) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not served is an answer, anything else is not", func(t *testing.T) {
		for err, served := range map[error]bool{
			rpcerr.New(codes.NotFound, "SITE_NOT_SERVED", "x"): false,
			rpcerr.New(codes.Unavailable, "NGINX_DOWN", "x"):   true,
			status.Error(codes.NotFound, "x"):                  true,
			status.Error(codes.Unimplemented, "x"):             true,
		} {
			_, got := setup(t, &agent{err: err}).ProbeSite(t.Context(), edgeID, "site_1")
			if notServed := errors.Is(got, infra.ErrNotServed); notServed == served || served && !unavailable(0)(got) {
				t.Errorf("%v gives %v", err, got)
			}
		}
	})
}
