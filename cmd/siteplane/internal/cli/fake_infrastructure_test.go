package cli_test

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

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
	// look and preview are the answers about every edge.
	look       *lifecyclev1.EdgeLook
	preview    *lifecyclev1.PreviewEdgeResponse
	placements []*lifecyclev1.Placement
}

func (f *fakeInfrastructure) UpdateEdge(ctx context.Context, request *lifecyclev1.UpdateEdgeRequest) (*lifecyclev1.UpdateEdgeResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	for _, edge := range f.edges {
		if edge.GetEdgeId() != request.GetEdgeId() {
			continue
		}
		if request.GetLabels() != nil {
			edge.Labels = request.GetLabels().GetLabels()
		}
		if request.GetPublicAddresses() != nil {
			edge.PublicAddresses = request.GetPublicAddresses().GetAddresses()
		}
	}
	return &lifecyclev1.UpdateEdgeResponse{}, nil
}

func (f *fakeInfrastructure) PutPlacement(ctx context.Context, request *lifecyclev1.PutPlacementRequest) (*lifecyclev1.PutPlacementResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	put := proto.CloneOf(request.GetPlacement())
	put.CreateTime = ago(time.Minute)
	if len(put.GetEdgeLabels()) > 0 {
		put.EdgeCount, put.CanaryCount = 2, 1
	}
	return &lifecyclev1.PutPlacementResponse{Placement: put}, nil
}

func (f *fakeInfrastructure) ListPlacements(ctx context.Context, request *lifecyclev1.ListPlacementsRequest) (*lifecyclev1.ListPlacementsResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListPlacementsResponse{Placements: f.placements}, nil
}

func (f *fakeInfrastructure) DeletePlacement(ctx context.Context, request *lifecyclev1.DeletePlacementRequest) (*lifecyclev1.DeletePlacementResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.DeletePlacementResponse{}, nil
}

func (f *fakeInfrastructure) GetEdge(ctx context.Context, request *lifecyclev1.GetEdgeRequest) (*lifecyclev1.GetEdgeResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	found := &lifecyclev1.GetEdgeResponse{}
	for _, edge := range f.edges {
		if edge.GetEdgeId() == request.GetEdgeId() {
			found.Edge = edge
		}
	}
	if found.GetEdge().GetEvictTime() == nil {
		found.Look = f.look
	}
	return found, nil
}

func (f *fakeInfrastructure) PreviewEdge(ctx context.Context, request *lifecyclev1.PreviewEdgeRequest) (*lifecyclev1.PreviewEdgeResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return f.preview, nil
}

func (f *fakeInfrastructure) RebuildEdge(ctx context.Context, request *lifecyclev1.RebuildEdgeRequest) (*lifecyclev1.RebuildEdgeResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.RebuildEdgeResponse{}, nil
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
