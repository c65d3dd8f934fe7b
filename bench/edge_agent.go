package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/grpc"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/edge-agent/app"
)

const edgeID = "edge_01h455vb4pex5vsknk084sn02q"

// agent is an edge agent in this process, driven over gRPC.
type agent struct {
	config     app.Config
	conn       *grpc.ClientConn
	client     edgev1.EdgeServiceClient
	digests    *digest.Set
	generation uint64
	cancel     context.CancelFunc
	ended      chan error
}

// startAgent runs an agent with its own CA and gives it sites.
func startAgent(ctx context.Context, dir string, sites []*edgev1.Site) (*agent, error) {
	ca, err := identity.LoadOrCreateCA(filepath.Join(dir, "ca"), "bench.example")
	if err != nil {
		return nil, err
	}
	server, err := ca.Issue("/edge/"+edgeID, time.Hour)
	if err != nil {
		return nil, err
	}
	caller, err := ca.Issue("/service/lifecycle", time.Hour)
	if err != nil {
		return nil, err
	}
	public, err := freeAddress()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	a := &agent{digests: digest.NewSet(), ended: make(chan error, 1)}
	a.config = app.Config{
		EdgeID: edgeID, Listener: listener, Identity: server, Telemetry: telemetry.Discard("edge-agent"),
		Dir: filepath.Join(dir, "data"), RuntimeDir: filepath.Join(dir, "run"), PublicListen: []string{public},
	}
	running, cancel := context.WithCancel(ctx)
	a.cancel = cancel
	go func() { a.ended <- app.Run(running, a.config) }()
	a.conn, err = rpc.Dial(listener.Addr().String(), rpc.DialConfig{TLS: caller.ClientTLS(server.Path()), Telemetry: telemetry.Discard("bench")})
	if err != nil {
		return nil, errors.Join(err, a.stop())
	}
	a.client = edgev1.NewEdgeServiceClient(a.conn)
	if err := a.fill(ctx, sites); err != nil {
		return nil, errors.Join(err, a.stop())
	}
	return a, nil
}

func (a *agent) fill(ctx context.Context, sites []*edgev1.Site) error {
	if err := a.waitReady(ctx); err != nil {
		return err
	}
	_, err := a.apply(ctx, true, sites)
	return err
}

// waitReady returns early with the reason when the agent ends.
func (a *agent) waitReady(ctx context.Context) error {
	ready := make(chan error, 1)
	go func() {
		_, err := a.client.GetState(ctx, &edgev1.GetStateRequest{}, grpc.WaitForReady(true))
		ready <- err
	}()
	select {
	case err := <-ready:
		return err
	case err := <-a.ended:
		a.ended <- nil
		return err
	}
}

// changeSite applies another revision of the site of that number with another origin.
func (a *agent) changeSite(ctx context.Context, number int) (time.Duration, error) {
	site := benchSite(number, int64(a.generation)+1)
	begun := time.Now()
	_, err := a.apply(ctx, false, []*edgev1.Site{site})
	return time.Since(begun), err
}

// apply sends the next generation: sites that come or change, or all there are.
func (a *agent) apply(ctx context.Context, whole bool, sites []*edgev1.Site) (*edgev1.ApplyResponse, error) {
	a.generation++
	for _, site := range sites {
		a.digests.Put(site.GetSiteId(), benchSum(site))
	}
	stream, err := a.client.Apply(ctx)
	if err != nil {
		return nil, err
	}
	messages := []*edgev1.ApplyRequest{{Part: &edgev1.ApplyRequest_Header{Header: &edgev1.ApplyHeader{
		EdgeId: edgeID, Fence: &edgev1.Fence{Era: 1, Epoch: 1, Generation: a.generation}, Whole: whole, Digest: a.digests.Digest(),
	}}}}
	for chunk := range slices.Chunk(sites, 500) {
		messages = append(messages, &edgev1.ApplyRequest{Part: &edgev1.ApplyRequest_Sites{Sites: &edgev1.ApplySites{Sites: chunk}}})
	}
	for _, message := range messages {
		// The reason for a refused message comes with the answer.
		if stream.Send(message) != nil {
			break
		}
	}
	return stream.CloseAndRecv()
}

func (a *agent) stop() error {
	var closed error
	if a.conn != nil {
		closed = a.conn.Close()
	}
	a.cancel()
	ended := <-a.ended
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return errors.Join(closed, ended, app.StopNginx(ctx, a.config))
}

// freeAddress is on a loopback address that nobody else uses.
func freeAddress() (string, error) {
	host := fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250))
	listener, err := net.Listen("tcp", host)
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}
