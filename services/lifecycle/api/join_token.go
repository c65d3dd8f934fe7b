package api

import (
	"context"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// CreateJoinToken implements the RPC.
func (s *infrastructureService) CreateJoinToken(ctx context.Context, req *lifecyclev1.CreateJoinTokenRequest) (*lifecyclev1.CreateJoinTokenResponse, error) {
	made, err := s.cp.CreateJoinToken(ctx, callerOf(ctx), app.TokenAsked{
		Name: req.GetName(), Labels: req.GetLabels().GetLabels(), PublicAddresses: req.GetPublicAddresses().GetAddresses(),
		Lifetime: req.GetLifetime().AsDuration(),
	}, app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.CreateJoinTokenResponse{JoinToken: wireToken(made.Token), Token: made.Text.Reveal()}, nil
}

// ListJoinTokens implements the RPC.
func (s *infrastructureService) ListJoinTokens(ctx context.Context, _ *lifecyclev1.ListJoinTokensRequest) (*lifecyclev1.ListJoinTokensResponse, error) {
	tokens, err := s.cp.ListJoinTokens(ctx)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.ListJoinTokensResponse{}
	for _, t := range tokens {
		out.JoinTokens = append(out.JoinTokens, wireToken(t))
	}
	return out, nil
}

// DeleteJoinToken implements the RPC.
func (s *infrastructureService) DeleteJoinToken(ctx context.Context, req *lifecyclev1.DeleteJoinTokenRequest) (*lifecyclev1.DeleteJoinTokenResponse, error) {
	if err := s.cp.DeleteJoinToken(ctx, callerOf(ctx), id.JoinToken(req.GetJoinTokenId()), app.RequestID(req.GetRequestId())); err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.DeleteJoinTokenResponse{}, nil
}

func wireToken(t edge.JoinToken) *lifecyclev1.JoinToken {
	return &lifecyclev1.JoinToken{
		JoinTokenId: string(t.ID), EdgeId: string(t.EdgeID), Name: t.Name, Labels: t.Labels, PublicAddresses: t.PublicAddresses,
		ExpireTime: wireTime(t.ExpiresAt), UseTime: wireTime(t.UsedAt), CreateTime: wireTime(t.CreatedAt),
	}
}
