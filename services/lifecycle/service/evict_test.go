package service

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// slowAgent is an edge that never ends an apply by itself.
type slowAgent struct {
	edgev1.UnimplementedEdgeServiceServer

	id            id.Edge
	applying, cut chan struct{}
}

// GetState implements edgev1.EdgeServiceServer.
func (a *slowAgent) GetState(context.Context, *edgev1.GetStateRequest) (*edgev1.GetStateResponse, error) {
	return &edgev1.GetStateResponse{EdgeId: string(a.id)}, nil
}

// ListHeld implements edgev1.EdgeServiceServer: it holds nothing.
func (a *slowAgent) ListHeld(_ *edgev1.ListHeldRequest, _ grpc.ServerStreamingServer[edgev1.ListHeldResponse]) error {
	return nil
}

// Apply implements edgev1.EdgeServiceServer.
func (a *slowAgent) Apply(stream grpc.ClientStreamingServer[edgev1.ApplyRequest, edgev1.ApplyResponse]) error {
	signal(a.applying)
	<-stream.Context().Done()
	signal(a.cut)
	return stream.Context().Err()
}

func signal(to chan struct{}) {
	select {
	case to <- struct{}{}:
	default: // it was said already
	}
}

func await(t *testing.T, what string, signalled <-chan struct{}) {
	t.Helper()
	select {
	case <-signalled:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s in vain", what)
	}
}

// serveAgent serves the agent with a certificate, and returns where.
func serveAgent(t *testing.T, ca *identity.CA, a *slowAgent) string {
	t.Helper()
	listener := listenAnywhere(t)
	s, err := rpc.NewServer(rpc.ServerConfig{
		Listener: listener, TLS: issued(t, ca, EdgePath(a.id)).ServerTLS(), Telemetry: telemetry.Discard("edge-agent"),
		Authorizer: rpc.Policy{
			edgev1.EdgeService_Apply_FullMethodName:     {LifecyclePath},
			edgev1.EdgeService_GetState_FullMethodName:  {LifecyclePath},
			edgev1.EdgeService_ListHeld_FullMethodName:  {LifecyclePath},
			edgev1.EdgeService_ProbeSite_FullMethodName: nil,
			edgev1.EdgeService_Preview_FullMethodName:   nil,
		},
	})
	must(t, err)
	edgev1.RegisterEdgeServiceServer(s.GRPC(), a)
	run(t, s.Serve)
	return listener.Addr().String()
}

// run runs something until the test ends.
func run(t *testing.T, serve func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func listenAnywhere(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	return l
}

func issued(t *testing.T, ca *identity.CA, path string) *identity.Identity {
	t.Helper()
	i, err := ca.Issue(path, time.Hour)
	must(t, err)
	return i
}

// An edge that is evicted, by whichever replica, is cut off in the midst of an apply.
func TestService_cuts_off_an_evicted_edge(t *testing.T) {
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	must(t, err)
	agent := &slowAgent{id: id.NewEdge(), applying: make(chan struct{}, 1), cut: make(chan struct{}, 1)}
	address := serveAgent(t, ca, agent)
	db := open(t)
	public, err := ca.IssueServer([]string{"127.0.0.1"}, time.Hour)
	must(t, err)
	s, err := Start(t.Context(), Config{
		Lifecycle: lifecycle.Defaults(), Store: db, GRPC: listenAnywhere(t), REST: listenAnywhere(t), Admin: listenAnywhere(t),
		Public: &tls.Config{Certificates: []tls.Certificate{public}, MinVersion: tls.VersionTLS13}, Identity: issued(t, ca, LifecyclePath), Tunnel: "127.0.0.1:1", DNSValidator: "127.0.0.1:1",
		Telemetry: telemetry.Discard("lifecycle"),
	})
	must(t, err)
	run(t, s.Serve)
	// A host joins after the start, where nobody has named its address.
	must(t, app.EnsureEdge(t.Context(), db, edge.Edge{ID: agent.id, Name: "fra1", Address: address, NeedsWhole: true}))
	await(t, "waited for the first apply", agent.applying)
	must(t, db.Update(t.Context(), func(tx store.Tx) error {
		_, err := reconcile.EvictEdge(t.Context(), tx, agent.id, lifecycle.Cause{Actor: "another replica", At: db.Now()})
		return err
	}))
	await(t, "waited for the end of the apply", agent.cut)
	if got := target(t, s.edges, agent.id); got != "" {
		t.Errorf("the evicted edge is called at %s", got)
	}
}
