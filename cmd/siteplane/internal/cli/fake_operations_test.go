package cli_test

import (
	"context"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// fakeOperations is an OperationService that answers what a test told it.
type fakeOperations struct {
	lifecyclev1.UnimplementedOperationServiceServer

	beside *fakeSites
	// operation is every answer.
	operation *lifecyclev1.Operation
}

func (f *fakeOperations) GetOperation(ctx context.Context, request *lifecyclev1.GetOperationRequest) (*lifecyclev1.GetOperationResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.GetOperationResponse{Operation: f.operation}, nil
}

func (f *fakeOperations) CancelOperation(ctx context.Context, request *lifecyclev1.CancelOperationRequest) (*lifecyclev1.CancelOperationResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.CancelOperationResponse{Operation: f.operation}, nil
}
