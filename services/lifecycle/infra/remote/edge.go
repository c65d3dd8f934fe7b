package remote

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

const (
	applyLimit = 45 * time.Second
	stateLimit = 10 * time.Second
	// listLimit bounds a list of everything that an edge holds.
	listLimit = 30 * time.Second
)

// Dialer returns the connection to the agent of an edge. It is asked before each call, so
// it keeps what it has dialled; the connection stays its own to close.
type Dialer func(ctx context.Context, edge id.Edge) (grpc.ClientConnInterface, error)

// Edges is an infra.EdgeProvider over the agents' gRPC services.
type Edges struct{ dial Dialer }

var _ infra.EdgeProvider = (*Edges)(nil)

// NewEdges returns a provider that calls edges over what dial returns.
func NewEdges(dial Dialer) *Edges { return &Edges{dial: dial} }

func (p *Edges) client(ctx context.Context, edge id.Edge) (edgev1.EdgeServiceClient, error) {
	conn, err := p.dial(ctx, edge)
	if err != nil {
		return nil, &infra.UnavailableError{Service: "edge", Err: err}
	}
	return edgev1.NewEdgeServiceClient(conn), nil
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
		ProbePublicKey: s.GetProbePublicKey(), Fault: s.GetLastError(), Drifts: edgeDrifts(s.GetDrifts()),
		RendererVersion: s.GetRendererVersion(), NginxVersion: s.GetNginxVersion(),
		Sites: int(s.GetReceived().GetSiteCount()), AppliedAt: timeOf(running.GetAppliedAt()),
		Incidents: incidents(s.GetIncidents()), Draining: int(s.GetDrainingWorkers()),
		SandboxUser: s.GetSandbox().GetUser(), SandboxMissing: s.GetSandbox().GetMissing(), Notices: s.GetNotices(),
	}, nil
}

// incidentPrefix is what protobuf puts before a kind of incident.
const incidentPrefix = "INCIDENT_KIND_"

func incidents(wire []*edgev1.Incident) (out []infra.Incident) {
	for _, i := range wire {
		out = append(out, infra.Incident{
			Kind: strings.TrimPrefix(i.GetKind().String(), incidentPrefix), Detail: i.GetDetail(), At: timeOf(i.GetAt()),
		})
	}
	return out
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
