package api

import (
	"context"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// EvictEdge implements the RPC.
func (s *infrastructureService) EvictEdge(ctx context.Context, req *lifecyclev1.EvictEdgeRequest) (*lifecyclev1.EvictEdgeResponse, error) {
	view, err := s.cp.EvictEdge(ctx, callerOf(ctx), id.Edge(req.GetEdgeId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.EvictEdgeResponse{Edge: wireEdge(view)}, nil
}
