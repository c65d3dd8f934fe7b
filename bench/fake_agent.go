package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

// fakeAgents are agents of edges without nginx, in this process: each takes what it is
// sent, counts the sites, and confirms.
type fakeAgents struct {
	agents []*fakeAgent
	serve  sync.WaitGroup
}

// startFakeAgents starts the agent of every edge of an installation.
func startFakeAgents(p programs) (*fakeAgents, error) {
	all := &fakeAgents{}
	for _, name := range p.edges {
		if err := all.start(p, name); err != nil {
			return nil, errors.Join(fmt.Errorf("start the agent of %s: %w", name, err), all.stop())
		}
	}
	return all, nil
}

func (f *fakeAgents) start(p programs, name string) error {
	edgeID, as, err := p.edge(name)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	agent := &fakeAgent{edgeID: edgeID, name: name, address: listener.Addr().String(), whole: make(chan int, 1)}
	agent.server = grpc.NewServer(grpc.Creds(credentials.NewTLS(as.ServerTLS())))
	edgev1.RegisterEdgeServiceServer(agent.server, agent)
	healthpb.RegisterHealthServer(agent.server, health.NewServer())
	f.agents = append(f.agents, agent)
	f.serve.Go(func() { _ = agent.server.Serve(listener) }) // it ends with stop
	return nil
}

// flags tell lifecycle where the agents are; none for nil.
func (f *fakeAgents) flags() (flags []string) {
	if f == nil {
		return nil
	}
	for _, agent := range f.agents {
		flags = append(flags, "--edge", agent.name+"="+agent.edgeID+"@"+agent.address)
	}
	return flags
}

// await returns when every agent has been sent a whole snapshot; one that is not of so
// many sites is an error.
func (f *fakeAgents) await(ctx context.Context, sites int) error {
	if f == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, memoryLimit, fmt.Errorf("not all edges had a snapshot after %s", memoryLimit))
	defer cancel()
	for _, agent := range f.agents {
		select {
		case got := <-agent.whole:
			if got != sites {
				return fmt.Errorf("the snapshot of %s has %d sites, not %d", agent.name, got, sites)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (f *fakeAgents) stop() error {
	for _, agent := range f.agents {
		agent.server.Stop()
	}
	f.serve.Wait()
	return nil
}

// fakeAgent is the agent of one edge.
type fakeAgent struct {
	edgev1.UnimplementedEdgeServiceServer

	edgeID, name, address string
	server                *grpc.Server
	// whole gets the number of sites of the first whole snapshot.
	whole chan int

	mu    sync.Mutex
	holds edgev1.Received
}

// Apply implements the RPC.
func (a *fakeAgent) Apply(stream grpc.ClientStreamingServer[edgev1.ApplyRequest, edgev1.ApplyResponse]) error {
	var header *edgev1.ApplyHeader
	sites := 0
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if part.GetHeader() != nil {
			header = part.GetHeader()
		}
		sites += len(part.GetSites().GetSites())
	}
	a.mu.Lock()
	a.holds.Fence, a.holds.Digest = header.GetFence(), header.GetDigest()
	a.mu.Unlock()
	answered := stream.SendAndClose(&edgev1.ApplyResponse{Fence: header.GetFence(), Digest: header.GetDigest(), SiteCount: int32(sites)})
	if header.GetWhole() {
		select {
		case a.whole <- sites:
		default: // the first is enough
		}
	}
	return answered
}

// GetState implements the RPC.
func (a *fakeAgent) GetState(context.Context, *edgev1.GetStateRequest) (*edgev1.GetStateResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return &edgev1.GetStateResponse{
		EdgeId: a.edgeID, Received: &edgev1.Received{Fence: a.holds.GetFence(), Digest: a.holds.GetDigest()},
		Running: &edgev1.Running{Generation: a.holds.GetFence().GetGeneration()}, ProbePublicKey: make([]byte, 32),
	}, nil
}

// ListHeld implements the RPC.
func (a *fakeAgent) ListHeld(_ *edgev1.ListHeldRequest, stream grpc.ServerStreamingServer[edgev1.ListHeldResponse]) error {
	return stream.Send(&edgev1.ListHeldResponse{})
}
