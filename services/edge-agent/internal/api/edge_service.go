// Package api is the gRPC face of the agent: it translates messages, and turns
// errors into statuses in one place. It must not decide anything about nginx.
package api

import (
	"context"
	"errors"
	"io"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/rpc"

	"github.com/siteplane/siteplane/services/edge-agent/internal/apply"
	"github.com/siteplane/siteplane/services/edge-agent/internal/probe"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// Policy says who may call what: lifecycle, and nobody else.
func Policy() rpc.Policy {
	lifecycle := []string{"/service/lifecycle"}
	return rpc.Policy{
		edgev1.EdgeService_Apply_FullMethodName:     lifecycle,
		edgev1.EdgeService_GetState_FullMethodName:  lifecycle,
		edgev1.EdgeService_ProbeSite_FullMethodName: lifecycle,
	}
}

// Config is what an EdgeService works with.
type Config struct {
	EdgeID         string
	Applier        *apply.Applier
	InternalSocket string
	ProbePublicKey []byte
	NginxVersion   string
}

// EdgeService implements siteplane.edge.v1.EdgeService.
type EdgeService struct {
	edgev1.UnimplementedEdgeServiceServer
	config Config
}

// NewEdgeService returns the service.
func NewEdgeService(config Config) *EdgeService { return &EdgeService{config: config} }

// Apply collects the stream and applies it.
func (s *EdgeService) Apply(stream edgev1.EdgeService_ApplyServer) error {
	change, err := s.receive(stream)
	if err != nil {
		return statusOf(err)
	}
	result, err := s.config.Applier.Apply(stream.Context(), change)
	if err != nil {
		return statusOf(err)
	}
	return stream.SendAndClose(&edgev1.ApplyResponse{
		Fence:      result.Fence.Message(),
		Digest:     result.Digest,
		RenderTime: durationpb.New(result.Timing.Render),
		TestTime:   durationpb.New(result.Timing.Test),
		ProofTime:  durationpb.New(result.Timing.Proof),
		SiteCount:  int32(result.Sites),
	})
}

func (s *EdgeService) receive(stream edgev1.EdgeService_ApplyServer) (snapshot.Change, error) {
	first, err := stream.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return snapshot.Change{}, err
	}
	header := first.GetHeader()
	if header == nil {
		return snapshot.Change{}, &malformedError{Field: "header", Problem: "the first message is not the header"}
	}
	if header.GetEdgeId() != s.config.EdgeID {
		return snapshot.Change{}, &wrongEdgeError{Asked: header.GetEdgeId(), Here: s.config.EdgeID}
	}
	change := snapshot.Change{Fence: snapshot.FenceOf(header.GetFence()), Whole: header.GetWhole(), Digest: header.GetDigest()}
	for _, removal := range header.GetRemovals() {
		change.Removed = append(change.Removed, removal.GetSiteId())
	}
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return change, nil
		}
		if err != nil {
			return snapshot.Change{}, err
		}
		if message.GetHeader() != nil {
			return snapshot.Change{}, &malformedError{Field: "header", Problem: "there is a second header"}
		}
		change.Sites = append(change.Sites, message.GetSites().GetSites()...)
	}
}

// GetState says what the edge received and what its workers run.
func (s *EdgeService) GetState(ctx context.Context, _ *edgev1.GetStateRequest) (*edgev1.GetStateResponse, error) {
	state, err := s.config.Applier.State(ctx)
	if err != nil {
		return nil, statusOf(err)
	}
	return &edgev1.GetStateResponse{
		EdgeId:          s.config.EdgeID,
		Received:        receivedMessage(state.Received),
		Running:         runningMessage(state.Running),
		ProbePublicKey:  s.config.ProbePublicKey,
		NginxVersion:    s.config.NginxVersion,
		RendererVersion: render.Version,
		LastError:       state.LastError,
	}, nil
}

func receivedMessage(received *snapshot.Snapshot) *edgev1.Received {
	if received == nil {
		return nil
	}
	return &edgev1.Received{Fence: received.Fence().Message(), Digest: received.Digest(), SiteCount: int32(received.Len())}
}

func runningMessage(running *apply.Running) *edgev1.Running {
	if running == nil {
		return nil
	}
	message := &edgev1.Running{
		Generation:  running.Generation,
		WorkersHash: running.Hash,
		FilesHash:   running.FilesHash,
		WantedHash:  running.WantedHash,
		MasterPid:   int32(running.Master),
	}
	if !running.AppliedAt.IsZero() {
		message.AppliedAt = timestamppb.New(running.AppliedAt)
	}
	return message
}

// ProbeSite asks the running workers for a site under its internal name.
func (s *EdgeService) ProbeSite(ctx context.Context, request *edgev1.ProbeSiteRequest) (*edgev1.ProbeSiteResponse, error) {
	name, site, err := probe.AskSite(ctx, s.config.InternalSocket, request.GetSiteId())
	if errors.Is(err, probe.ErrNotServed) {
		return nil, notServed(request.GetSiteId())
	}
	if err != nil {
		return nil, unanswered(err)
	}
	return &edgev1.ProbeSiteResponse{InternalName: name, SiteId: site.SiteID, Revision: site.Revision, Generation: site.Generation}, nil
}
