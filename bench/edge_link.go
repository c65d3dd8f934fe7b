package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/grpc"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// edgeLink is a connection to an edge agent, and what that has been sent over it, as
// lifecycle keeps it.
type edgeLink struct {
	edgeID     string
	conn       *grpc.ClientConn
	client     edgev1.EdgeServiceClient
	digests    *digest.Set
	generation uint64
}

// dialEdge connects as lifecycle does.
func dialEdge(address, edgeID string, caller *identity.Identity) (*edgeLink, error) {
	conn, err := rpc.Dial(address, rpc.DialConfig{TLS: caller.ClientTLS("/edge/" + edgeID), Telemetry: telemetry.Discard("bench")})
	if err != nil {
		return nil, err
	}
	return &edgeLink{edgeID: edgeID, conn: conn, client: edgev1.NewEdgeServiceClient(conn), digests: digest.NewSet()}, nil
}

// fill gives an agent that was just started its sites; without any it is left to others.
func (l *edgeLink) fill(ctx context.Context, sites []*edgev1.Site, ended <-chan struct{}) error {
	if err := l.waitReady(ctx, ended); err != nil || len(sites) == 0 {
		return err
	}
	_, err := l.apply(ctx, true, sites)
	return err
}

// waitReady returns when the agent answers, or early when it ends.
func (l *edgeLink) waitReady(ctx context.Context, ended <-chan struct{}) error {
	ready := make(chan error, 1)
	go func() {
		_, err := l.client.GetState(ctx, &edgev1.GetStateRequest{}, grpc.WaitForReady(true))
		ready <- err
	}()
	select {
	case err := <-ready:
		return err
	case <-ended:
		return errors.New("the agent ended")
	}
}

// changeSite applies another revision of the site of that number with another origin.
func (l *edgeLink) changeSite(ctx context.Context, number int) (time.Duration, error) {
	site := benchSite(number, int64(l.generation)+1)
	begun := time.Now()
	_, err := l.apply(ctx, false, []*edgev1.Site{site})
	return time.Since(begun), err
}

// apply sends the next generation: sites that come or change, or all there are.
func (l *edgeLink) apply(ctx context.Context, whole bool, sites []*edgev1.Site) (*edgev1.ApplyResponse, error) {
	l.generation++
	for _, site := range sites {
		l.digests.Put(site.GetSiteId(), benchSum(site))
	}
	stream, err := l.client.Apply(ctx)
	if err != nil {
		return nil, err
	}
	messages := []*edgev1.ApplyRequest{{Part: &edgev1.ApplyRequest_Header{Header: &edgev1.ApplyHeader{
		EdgeId: l.edgeID, Fence: &edgev1.Fence{Era: 1, Epoch: 1, Generation: l.generation}, Whole: whole, Digest: l.digests.Digest(),
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
