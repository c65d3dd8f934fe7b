package api

import (
	"context"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// GetEdge implements the RPC.
func (s *infrastructureService) GetEdge(ctx context.Context, req *lifecyclev1.GetEdgeRequest) (*lifecyclev1.GetEdgeResponse, error) {
	view, look, err := s.cp.GetEdge(ctx, id.Edge(req.GetEdgeId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.GetEdgeResponse{Edge: wireEdge(view), Look: wireLook(look)}, nil
}

// RebuildEdge implements the RPC.
func (s *infrastructureService) RebuildEdge(ctx context.Context, req *lifecyclev1.RebuildEdgeRequest) (*lifecyclev1.RebuildEdgeResponse, error) {
	if err := s.cp.RebuildEdge(ctx, callerOf(ctx), id.Edge(req.GetEdgeId()), app.RequestID(req.GetRequestId())); err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.RebuildEdgeResponse{}, nil
}

// mostSites is how many sites a preview names.
const mostSites = 100

// PreviewEdge implements the RPC.
func (s *infrastructureService) PreviewEdge(ctx context.Context, req *lifecyclev1.PreviewEdgeRequest) (*lifecyclev1.PreviewEdgeResponse, error) {
	preview, err := s.cp.PreviewEdge(ctx, id.Edge(req.GetEdgeId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.PreviewEdgeResponse{SiteCount: int32(len(preview.Sites))}
	for _, siteID := range preview.Sites[:min(mostSites, len(preview.Sites))] {
		out.SiteIds = append(out.SiteIds, string(siteID))
	}
	for _, f := range preview.Files {
		out.Files = append(out.Files, &lifecyclev1.EdgeFileDiff{
			Path: f.Path, Diff: f.Diff, Added: int32(f.Added), Removed: int32(f.Removed), Truncated: f.Truncated,
		})
	}
	return out, nil
}

func wireLook(look *app.EdgeLook) *lifecyclev1.EdgeLook {
	if look == nil {
		return nil
	}
	state := look.State
	out := &lifecyclev1.EdgeLook{
		Unreachable: look.Unreachable, RunningGeneration: state.Running, Intact: state.Intact, SiteCount: int32(state.Sites),
		LastError: state.Fault, SandboxMissing: state.SandboxMissing, SandboxUser: state.SandboxUser,
		DrainingWorkers: int32(state.Draining), Notices: state.Notices,
	}
	for _, i := range state.Incidents {
		out.Incidents = append(out.Incidents, &lifecyclev1.EdgeIncident{Kind: i.Kind, Detail: i.Detail, Time: wireTime(i.At)})
	}
	return out
}

func wireEdgeState(e edge.Edge) lifecyclev1.EdgeState {
	if e.Evicted() {
		return lifecyclev1.EdgeState_EDGE_STATE_EVICTED
	}
	return lifecyclev1.EdgeState_EDGE_STATE_JOINED
}
