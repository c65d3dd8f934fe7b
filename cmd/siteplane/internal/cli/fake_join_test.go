package cli_test

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// joinToken is one that can be used for a while.
func joinToken() *lifecyclev1.JoinToken {
	return &lifecyclev1.JoinToken{
		JoinTokenId: "join_01", EdgeId: "edge_03", Name: "fra1", Labels: map[string]string{"region": "eu", "zone": "a"},
		PublicAddresses: []string{"203.0.113.7", "2001:db8::7"}, ExpireTime: timestamppb.New(start.Add(10 * time.Minute)), CreateTime: ago(0),
	}
}

func (f *fakeInfrastructure) CreateJoinToken(ctx context.Context, request *lifecyclev1.CreateJoinTokenRequest) (*lifecyclev1.CreateJoinTokenResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	made := &lifecyclev1.CreateJoinTokenResponse{JoinToken: joinToken(), Token: "join_01.secret.digest"}
	if request.GetRequestId() == "repeated" {
		made.Token = ""
	}
	return made, nil
}

func (f *fakeInfrastructure) ListJoinTokens(ctx context.Context, request *lifecyclev1.ListJoinTokensRequest) (*lifecyclev1.ListJoinTokensResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListJoinTokensResponse{JoinTokens: []*lifecyclev1.JoinToken{joinToken()}}, nil
}

func (f *fakeInfrastructure) DeleteJoinToken(ctx context.Context, request *lifecyclev1.DeleteJoinTokenRequest) (*lifecyclev1.DeleteJoinTokenResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.DeleteJoinTokenResponse{}, nil
}

func (f *fakeInfrastructure) EvictEdge(ctx context.Context, request *lifecyclev1.EvictEdgeRequest) (*lifecyclev1.EvictEdgeResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	for _, edge := range f.edges {
		if edge.GetEdgeId() == request.GetEdgeId() {
			edge.State, edge.EvictTime = lifecyclev1.EdgeState_EDGE_STATE_EVICTED, ago(0)
		}
	}
	return &lifecyclev1.EvictEdgeResponse{}, nil
}
