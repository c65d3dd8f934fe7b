// Package api is the gRPC face of the agent: it translates messages, and turns
// errors into statuses in one place. It must not decide anything about nginx.
package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/internal/platform/rpc"

	"github.com/siteplane/siteplane/services/edge-agent/internal/apply"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/probe"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
	"github.com/siteplane/siteplane/services/edge-agent/internal/unified"
)

// Policy says who may call what: lifecycle, and nobody else.
func Policy() rpc.Policy {
	lifecycle := []string{"/service/lifecycle"}
	return rpc.Policy{
		edgev1.EdgeService_Apply_FullMethodName:     lifecycle,
		edgev1.EdgeService_GetState_FullMethodName:  lifecycle,
		edgev1.EdgeService_ProbeSite_FullMethodName: lifecycle,
		edgev1.EdgeService_ListHeld_FullMethodName:  lifecycle,
		edgev1.EdgeService_Preview_FullMethodName:   lifecycle,
	}
}

// Config is what an EdgeService works with.
type Config struct {
	EdgeID         string
	Applier        *apply.Applier
	Preview        *apply.Preview
	InternalSocket string
	ProbePublicKey []byte
	NginxVersion   string
	Sandbox        nginx.Sandbox
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
	request, err := receive(s.config.EdgeID, stream.Recv)
	if err != nil {
		return statusOf(err)
	}
	result, err := s.config.Applier.Apply(stream.Context(), request)
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
		Rejected:   snapshot.RejectionMessages(result.Rejected),
		Drifts:     driftMessages(result.Drifts),
	})
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
		Rejected:        snapshot.RejectionMessages(state.Rejected),
		Drifts:          driftMessages(state.Drifts),
		Sandbox:         sandboxMessage(s.config.Sandbox),
		Incidents:       incidentMessages(state.Incidents),
		DrainingWorkers: int32(state.Draining),
		Notices:         state.Notices,
	}, nil
}

func sandboxMessage(sandbox nginx.Sandbox) *edgev1.TestSandbox {
	return &edgev1.TestSandbox{
		User: sandbox.User, Network: sandbox.Network, Files: sandbox.Files, Limits: sandbox.Limits, Missing: sandbox.Missing,
	}
}

func incidentMessages(incidents []nginx.Incident) []*edgev1.Incident {
	messages := make([]*edgev1.Incident, 0, len(incidents))
	for _, incident := range incidents {
		messages = append(messages, &edgev1.Incident{Kind: kindMessage(incident.Kind), Detail: incident.Detail, At: timestamppb.New(incident.At)})
	}
	return messages
}

func kindMessage(kind nginx.IncidentKind) edgev1.IncidentKind {
	switch kind {
	case nginx.MasterDead:
		return edgev1.IncidentKind_INCIDENT_KIND_MASTER_DEAD
	case nginx.OrphanedWorkers:
		return edgev1.IncidentKind_INCIDENT_KIND_ORPHANED_WORKERS
	case nginx.PIDFileLost:
		return edgev1.IncidentKind_INCIDENT_KIND_PID_FILE_LOST
	case nginx.Stopped:
		return edgev1.IncidentKind_INCIDENT_KIND_STOPPED
	case nginx.PortTaken:
		return edgev1.IncidentKind_INCIDENT_KIND_PORT_TAKEN
	}
	return edgev1.IncidentKind_INCIDENT_KIND_UNSPECIFIED
}

func driftMessages(drifts []apply.Drift) []*edgev1.Drift {
	messages := make([]*edgev1.Drift, 0, len(drifts))
	for _, drift := range drifts {
		message := &edgev1.Drift{
			Kind: drift.Kind, Path: unified.Harmless(drift.Path), Detail: drift.Detail, Cause: drift.Cause,
			Diff: drift.Diff, Owner: drift.Owner,
		}
		if !drift.Since.IsZero() {
			message.Since = timestamppb.New(drift.Since)
		}
		messages = append(messages, message)
	}
	return messages
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

// heldPerMessage keeps a message of ListHeld small.
const heldPerMessage = 500

// ListHeld streams what the edge holds.
func (s *EdgeService) ListHeld(request *edgev1.ListHeldRequest, stream edgev1.EdgeService_ListHeldServer) error {
	sums := request.GetBucketSums()
	if len(sums) != 0 && len(sums) != digest.Buckets {
		problem := fmt.Sprintf("there are %d sums, not %d", len(sums), digest.Buckets)
		return statusOf(&malformedError{Field: "bucket_sums", Problem: problem})
	}
	held, err := s.config.Applier.Held(stream.Context(), sums)
	if err != nil {
		return statusOf(err)
	}
	// The first message goes even when there is no site to tell of.
	message := &edgev1.ListHeldResponse{HostnameCount: int32(held.Names)}
	for {
		part := held.Sites[:min(heldPerMessage, len(held.Sites))]
		held.Sites = held.Sites[len(part):]
		message.Sites = heldMessages(part)
		if err := stream.Send(message); err != nil || len(held.Sites) == 0 {
			return err
		}
		message = &edgev1.ListHeldResponse{}
	}
}

func heldMessages(sites []*edgev1.Site) []*edgev1.HeldSite {
	messages := make([]*edgev1.HeldSite, 0, len(sites))
	for _, site := range sites {
		messages = append(messages, &edgev1.HeldSite{SiteId: site.GetSiteId(), Hostnames: slices.Sorted(slices.Values(site.GetHostnames()))})
	}
	return messages
}
