package api

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
)

// PutPlacement implements the RPC.
func (s *infrastructureService) PutPlacement(ctx context.Context, req *lifecyclev1.PutPlacementRequest) (*lifecyclev1.PutPlacementResponse, error) {
	view, err := s.cp.PutPlacement(ctx, callerOf(ctx), placementOf(req.GetPlacement()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.PutPlacementResponse{Placement: wirePlacement(view)}, nil
}

// ListPlacements implements the RPC.
func (s *infrastructureService) ListPlacements(ctx context.Context, _ *lifecyclev1.ListPlacementsRequest) (*lifecyclev1.ListPlacementsResponse, error) {
	views, err := s.cp.ListPlacements(ctx)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.ListPlacementsResponse{}
	for _, view := range views {
		out.Placements = append(out.Placements, wirePlacement(view))
	}
	return out, nil
}

// DeletePlacement implements the RPC.
func (s *infrastructureService) DeletePlacement(ctx context.Context, req *lifecyclev1.DeletePlacementRequest) (*lifecyclev1.DeletePlacementResponse, error) {
	if err := s.cp.DeletePlacement(ctx, callerOf(ctx), req.GetName(), app.RequestID(req.GetRequestId())); err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.DeletePlacementResponse{}, nil
}

// placementOf reads a placement; a soak that is no duration is too long or too short.
func placementOf(w *lifecyclev1.Placement) edge.Placement {
	return edge.Placement{
		Name: w.GetName(), EdgeLabels: w.GetEdgeLabels(), MinReady: int(w.GetMinReady()), CanarySoak: w.GetCanarySoak().AsDuration(),
	}
}

func wirePlacement(view app.PlacementView) *lifecyclev1.Placement {
	p := view.Placement
	return &lifecyclev1.Placement{
		Name: p.Name, EdgeLabels: p.EdgeLabels, MinReady: int32(p.MinReady), CanarySoak: durationpb.New(p.CanarySoak),
		EdgeCount: int32(view.Edges), CanaryCount: int32(view.Canaries), CreateTime: wireTime(p.CreatedAt),
	}
}
