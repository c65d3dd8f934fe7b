package api

import (
	"context"
	"log/slog"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// operationService implements lifecyclev1.OperationServiceServer.
type operationService struct {
	lifecyclev1.UnimplementedOperationServiceServer

	cp     *app.ControlPlane
	logger *slog.Logger
}

// GetOperation implements the RPC.
func (s *operationService) GetOperation(ctx context.Context, req *lifecyclev1.GetOperationRequest) (*lifecyclev1.GetOperationResponse, error) {
	op, err := s.cp.GetOperation(ctx, callerOf(ctx), id.Operation(req.GetOperationId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.GetOperationResponse{Operation: activeOperation(s.cp, &op)}, nil
}

// CancelOperation implements the RPC.
func (s *operationService) CancelOperation(ctx context.Context, req *lifecyclev1.CancelOperationRequest) (*lifecyclev1.CancelOperationResponse, error) {
	op, err := s.cp.CancelOperation(ctx, callerOf(ctx), id.Operation(req.GetOperationId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.CancelOperationResponse{Operation: activeOperation(s.cp, &op)}, nil
}
