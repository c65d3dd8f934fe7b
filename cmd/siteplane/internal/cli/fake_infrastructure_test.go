package cli_test

import (
	"context"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// fakeInfrastructure is an InfrastructureService that answers what a test told it.
type fakeInfrastructure struct {
	lifecyclev1.UnimplementedInfrastructureServiceServer

	beside  *fakeSites
	edges   []*lifecyclev1.Edge
	tunnels []*lifecyclev1.Tunnel
	drifts  []*lifecyclev1.Drift
	// holds are the answer to ListHolds; the first one is that to ConfirmHold.
	holds  []*lifecyclev1.Hold
	checks []*lifecyclev1.Check
}

func (f *fakeInfrastructure) ListEdges(ctx context.Context, request *lifecyclev1.ListEdgesRequest) (*lifecyclev1.ListEdgesResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListEdgesResponse{Edges: f.edges}, nil
}

func (f *fakeInfrastructure) ListTunnels(ctx context.Context, request *lifecyclev1.ListTunnelsRequest) (*lifecyclev1.ListTunnelsResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListTunnelsResponse{Tunnels: f.tunnels}, nil
}

func (f *fakeInfrastructure) SetDriftPolicy(ctx context.Context, request *lifecyclev1.SetDriftPolicyRequest) (*lifecyclev1.SetDriftPolicyResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	for _, edge := range f.edges {
		if edge.GetEdgeId() == request.GetTargetId() {
			edge.DriftPolicy = request.GetPolicy()
		}
	}
	return &lifecyclev1.SetDriftPolicyResponse{}, nil
}

func (f *fakeInfrastructure) SyncTarget(ctx context.Context, request *lifecyclev1.SyncTargetRequest) (*lifecyclev1.SyncTargetResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.SyncTargetResponse{}, nil
}

func (f *fakeInfrastructure) ListDrifts(ctx context.Context, request *lifecyclev1.ListDriftsRequest) (*lifecyclev1.ListDriftsResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListDriftsResponse{Drifts: f.drifts}, nil
}

func (f *fakeInfrastructure) ListHolds(ctx context.Context, request *lifecyclev1.ListHoldsRequest) (*lifecyclev1.ListHoldsResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListHoldsResponse{Holds: f.holds}, nil
}

func (f *fakeInfrastructure) ConfirmHold(ctx context.Context, request *lifecyclev1.ConfirmHoldRequest) (*lifecyclev1.ConfirmHoldResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	f.holds[0].ConfirmedBy = "key:key_01"
	return &lifecyclev1.ConfirmHoldResponse{Hold: f.holds[0]}, nil
}

func (f *fakeInfrastructure) RunChecks(ctx context.Context, request *lifecyclev1.RunChecksRequest) (*lifecyclev1.RunChecksResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.RunChecksResponse{Checks: f.checks}, nil
}
