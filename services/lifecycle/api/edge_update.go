package api

import (
	"context"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// UpdateEdge implements the RPC.
func (s *infrastructureService) UpdateEdge(ctx context.Context, req *lifecyclev1.UpdateEdgeRequest) (*lifecyclev1.UpdateEdgeResponse, error) {
	view, err := s.cp.UpdateEdge(ctx, callerOf(ctx), id.Edge(req.GetEdgeId()), edgeChangeOf(req), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.UpdateEdgeResponse{Edge: wireEdge(view)}, nil
}

func edgeChangeOf(req *lifecyclev1.UpdateEdgeRequest) (change app.EdgeChange) {
	if w := req.GetLabels(); w != nil {
		labels := edge.Labels(w.GetLabels())
		change.Labels = &labels
	}
	if w := req.GetPublicAddresses(); w != nil {
		addresses := w.GetAddresses()
		change.PublicAddresses = &addresses
	}
	return change
}
