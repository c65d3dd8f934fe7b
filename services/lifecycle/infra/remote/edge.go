package remote

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

const (
	applyLimit = 45 * time.Second
	stateLimit = 10 * time.Second
	// chunk is how many sites one message carries, well below the message limit.
	chunk = 500
)

// Dialer connects to the agent of an edge. The connection stays the dialer's to
// close.
type Dialer func(ctx context.Context, edge id.Edge) (grpc.ClientConnInterface, error)

// Edges is an infra.EdgeProvider over the agents' gRPC services. It keeps one
// connection per edge.
type Edges struct {
	dial Dialer

	mu    sync.Mutex
	conns map[id.Edge]grpc.ClientConnInterface
}

// NewEdges returns a provider that dials with dial when an edge is first called.
func NewEdges(dial Dialer) *Edges {
	return &Edges{dial: dial, conns: map[id.Edge]grpc.ClientConnInterface{}}
}

func (p *Edges) client(ctx context.Context, edge id.Edge) (edgev1.EdgeServiceClient, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if conn, ok := p.conns[edge]; ok {
		return edgev1.NewEdgeServiceClient(conn), nil
	}
	conn, err := p.dial(ctx, edge)
	if err != nil {
		return nil, &infra.UnavailableError{Service: "edge", Err: err}
	}
	p.conns[edge] = conn
	return edgev1.NewEdgeServiceClient(conn), nil
}

// Apply implements infra.EdgeProvider.
func (p *Edges) Apply(ctx context.Context, edge id.Edge, update infra.EdgeUpdate) (infra.EdgeProof, error) {
	client, err := p.client(ctx, edge)
	if err != nil {
		return infra.EdgeProof{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, applyLimit)
	defer cancel()
	begun := time.Now()
	stream, err := client.Apply(ctx)
	if err != nil {
		return infra.EdgeProof{}, applyError(err)
	}
	if err := sendAll(stream, edge, update); err != nil {
		return infra.EdgeProof{}, err
	}
	answer, err := stream.CloseAndRecv()
	if err != nil {
		return infra.EdgeProof{}, applyError(err)
	}
	if got := answer.GetFence().GetGeneration(); got != update.Fence.Generation || answer.GetDigest() != update.Digest {
		return infra.EdgeProof{}, &infra.NotProvenError{Message: fmt.Sprintf(
			"it answers with generation %d and digest %.12s, sent were %d and %.12s", got, answer.GetDigest(), update.Fence.Generation, update.Digest)}
	}
	return infra.EdgeProof{
		Generation: answer.GetFence().GetGeneration(), Digest: answer.GetDigest(),
		Sites: int(answer.GetSiteCount()), Took: time.Since(begun),
	}, nil
}

// sendAll streams the header and the sites. An error of Send only says that the
// stream ended; the reason comes with the answer.
func sendAll(stream grpc.ClientStreamingClient[edgev1.ApplyRequest, edgev1.ApplyResponse], edge id.Edge, update infra.EdgeUpdate) error {
	messages := []*edgev1.ApplyRequest{{Part: &edgev1.ApplyRequest_Header{Header: header(edge, update)}}}
	for sites := range slices.Chunk(update.Sites, chunk) {
		part := &edgev1.ApplySites{}
		for _, s := range sites {
			part.Sites = append(part.Sites, wireSite(s))
		}
		messages = append(messages, &edgev1.ApplyRequest{Part: &edgev1.ApplyRequest_Sites{Sites: part}})
	}
	for _, m := range messages {
		if stream.Send(m) != nil {
			_, err := stream.CloseAndRecv()
			return applyError(err)
		}
	}
	return nil
}

func header(edge id.Edge, update infra.EdgeUpdate) *edgev1.ApplyHeader {
	h := &edgev1.ApplyHeader{
		EdgeId: string(edge), Whole: update.Whole, Digest: update.Digest,
		Fence: &edgev1.Fence{Era: update.Fence.Era, Epoch: update.Fence.Epoch, Generation: update.Fence.Generation},
	}
	for site, op := range update.Removals {
		h.Removals = append(h.Removals, &edgev1.Removal{SiteId: string(site), OperationId: op})
	}
	slices.SortFunc(h.Removals, func(a, b *edgev1.Removal) int { return strings.Compare(a.SiteId, b.SiteId) })
	return h
}

// State implements infra.EdgeProvider.
func (p *Edges) State(ctx context.Context, edge id.Edge) (infra.EdgeState, error) {
	client, err := p.client(ctx, edge)
	if err != nil {
		return infra.EdgeState{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, stateLimit)
	defer cancel()
	s, err := client.GetState(ctx, &edgev1.GetStateRequest{})
	if err != nil {
		return infra.EdgeState{}, edgeError(err)
	}
	if s.GetEdgeId() != string(edge) {
		return infra.EdgeState{}, &infra.UnavailableError{Service: "edge", Err: fmt.Errorf("its address belongs to edge %s", s.GetEdgeId())}
	}
	running := s.GetRunning()
	wanted := running.GetWantedHash()
	return infra.EdgeState{
		Generation: s.GetReceived().GetFence().GetGeneration(), Digest: s.GetReceived().GetDigest(),
		Running:        running.GetGeneration(),
		Intact:         running.GetWorkersHash() == wanted && running.GetFilesHash() == wanted,
		ProbePublicKey: s.GetProbePublicKey(), Fault: s.GetLastError(),
	}, nil
}

// ProbeSite implements infra.EdgeProvider.
func (p *Edges) ProbeSite(ctx context.Context, edge id.Edge, site id.Site) (infra.SiteProof, error) {
	client, err := p.client(ctx, edge)
	if err != nil {
		return infra.SiteProof{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, stateLimit)
	defer cancel()
	proof, err := client.ProbeSite(ctx, &edgev1.ProbeSiteRequest{SiteId: string(site)})
	if err != nil {
		return infra.SiteProof{}, edgeError(err)
	}
	if proof.GetSiteId() != string(site) {
		return infra.SiteProof{}, infra.ErrNotServed
	}
	return infra.SiteProof{InternalName: proof.GetInternalName(), Revision: proof.GetRevision(), Generation: proof.GetGeneration()}, nil
}

// applyError translates the status of an apply. An agent whose nginx is down can
// be reached, but proves nothing.
func applyError(err error) error {
	if rpcerr.Reason(err) == "NGINX_DOWN" {
		return &infra.NotProvenError{Message: status.Convert(err).Message()}
	}
	return edgeError(err)
}

// edgeError translates a status to the error that package infra promises.
func edgeError(err error) error {
	message := status.Convert(err).Message()
	switch rpcerr.Reason(err) {
	case "SNAPSHOT_NEEDED":
		return infra.ErrSnapshotNeeded
	case "STALE_FENCE":
		return infra.ErrStaleFence
	case "CONFIG_REJECTED":
		return &infra.RejectedError{SiteID: rpcerr.MetadataOf(err)["site_id"], Message: message}
	case "EDGE_NOT_PROVEN":
		return &infra.NotProvenError{Message: message}
	case "SITE_NOT_SERVED":
		return infra.ErrNotServed
	}
	if status.Code(err) == codes.OK {
		return &infra.UnavailableError{Service: "edge", Err: fmt.Errorf("the stream ended without an answer")}
	}
	return unavailable("edge", err)
}

func wireSite(s desired.EdgeSite) *edgev1.Site {
	spec := &edgev1.Spec{Options: wireOptions(s.Spec.Options)}
	if o := s.Spec.Origin; o != nil {
		spec.Backend = &edgev1.Spec_Origin{Origin: wireOrigin(*o)}
	} else if r := s.Spec.Redirect; r != nil {
		spec.Backend = &edgev1.Spec_Redirect{Redirect: &edgev1.Redirect{BaseUrl: r.BaseURL, StatusCode: uint32(r.StatusCode)}}
	}
	for _, r := range s.Spec.Routes {
		spec.Routes = append(spec.Routes, &edgev1.Route{
			PathPrefix: r.PathPrefix, StripPrefix: r.StripPrefix, Origin: wireOrigin(r.Origin),
		})
	}
	return &edgev1.Site{SiteId: string(s.SiteID), Revision: s.Revision, Hostnames: s.Hostnames, Spec: spec}
}
