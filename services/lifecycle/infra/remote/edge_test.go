package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/remote"
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
	sums   [][]byte
	held   []*edgev1.ListHeldResponse
	files  []*edgev1.FileDiff
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

func (a *agent) ListHeld(req *edgev1.ListHeldRequest, stream grpc.ServerStreamingServer[edgev1.ListHeldResponse]) error {
	a.sums = req.GetBucketSums()
	for _, part := range a.held {
		if err := stream.Send(part); err != nil {
			return err
		}
	}
	return a.err
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

func unavailable(after time.Duration) func(error) bool {
	return func(err error) bool {
		var e *infra.UnavailableError
		return errors.As(err, &e) && e.RetryAfter == after && e.Uncounted()
	}
}

func TestEdges_State(t *testing.T) {
	applied := time.Date(2026, 1, 1, 2, 3, 4, 0, time.UTC)
	full := func() *edgev1.GetStateResponse {
		return &edgev1.GetStateResponse{
			EdgeId: "edge_1", ProbePublicKey: []byte("key"), LastError: "why",
			RendererVersion: "7", NginxVersion: "1.22.1",
			Received: &edgev1.Received{Fence: &edgev1.Fence{Generation: 3}, Digest: "abc", SiteCount: 5},
			Running:  &edgev1.Running{Generation: 3, WorkersHash: "h", FilesHash: "h", WantedHash: "h", AppliedAt: timestamppb.New(applied)},
			Sandbox:  &edgev1.TestSandbox{User: "nobody", Missing: "no network"}, DrainingWorkers: 2, Notices: []string{"nginx 1.22.1 is old"},
			Incidents: []*edgev1.Incident{
				{Kind: edgev1.IncidentKind_INCIDENT_KIND_MASTER_DEAD, Detail: "it was gone", At: timestamppb.New(applied)}, {Kind: 99},
			},
		}
	}
	t.Run("says what the edge holds and runs", func(t *testing.T) {
		got, err := setup(t, &agent{state: full()}).State(t.Context(), edgeID)
		want := infra.EdgeState{Generation: 3, Digest: "abc", Running: 3, Intact: true, ProbePublicKey: []byte("key"), Fault: "why",
			RendererVersion: "7", NginxVersion: "1.22.1", Sites: 5, AppliedAt: applied, Draining: 2,
			Incidents:   []infra.Incident{{Kind: "MASTER_DEAD", Detail: "it was gone", At: applied}, {Kind: "99"}},
			SandboxUser: "nobody", SandboxMissing: "no network", Notices: []string{"nginx 1.22.1 is old"}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
	t.Run("says how the host drifted", func(t *testing.T) {
		s, at := full(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		s.Drifts = []*edgev1.Drift{
			{Kind: edgev1.DriftKind_DRIFT_KIND_FILE_CHANGED, Path: "servers.conf", Detail: "it has other contents", Cause: "edited by root", Since: timestamppb.New(at), Diff: "+a\n", Owner: "root"},
			{Kind: edgev1.DriftKind_DRIFT_KIND_NOT_RUNNING}, {Kind: 99},
		}
		got, err := setup(t, &agent{state: s}).State(t.Context(), edgeID)
		want := []drift.Finding{
			{Kind: "FILE_CHANGED", Place: "servers.conf", Detail: "it has other contents", Cause: "edited by root", Since: at, Diff: "+a\n", Owner: "root"},
			{Kind: "NOT_RUNNING"}, {Kind: "99"},
		}
		if diff := cmp.Diff(want, got.Drifts); diff != "" || err != nil {
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
