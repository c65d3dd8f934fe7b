package api

import (
	"context"
	"log/slog"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// zoneService implements lifecyclev1.ZoneServiceServer.
type zoneService struct {
	lifecyclev1.UnimplementedZoneServiceServer

	cp     *app.ControlPlane
	logger *slog.Logger
}

// GrantZone implements the RPC.
func (s *zoneService) GrantZone(ctx context.Context, req *lifecyclev1.GrantZoneRequest) (*lifecyclev1.GrantZoneResponse, error) {
	grant, err := s.cp.GrantZone(ctx, callerOf(ctx), req.GetZoneName(), id.Tenant(req.GetTenantId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.GrantZoneResponse{Grant: wireGrant(grant)}, nil
}

// RevokeZone implements the RPC.
func (s *zoneService) RevokeZone(ctx context.Context, req *lifecyclev1.RevokeZoneRequest) (*lifecyclev1.RevokeZoneResponse, error) {
	err := s.cp.RevokeZone(ctx, callerOf(ctx), req.GetZoneName(), id.Tenant(req.GetTenantId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.RevokeZoneResponse{}, nil
}

// ListZoneGrants implements the RPC.
func (s *zoneService) ListZoneGrants(ctx context.Context, _ *lifecyclev1.ListZoneGrantsRequest) (*lifecyclev1.ListZoneGrantsResponse, error) {
	grants, err := s.cp.ListZoneGrants(ctx)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.ListZoneGrantsResponse{}
	for _, g := range grants {
		out.Grants = append(out.Grants, wireGrant(g))
	}
	return out, nil
}

func wireGrant(g network.ZoneGrant) *lifecyclev1.ZoneGrant {
	return &lifecyclev1.ZoneGrant{ZoneName: g.ZoneName, TenantId: string(g.TenantID), CreateTime: wireTime(g.CreatedAt)}
}
