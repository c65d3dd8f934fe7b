package api

import (
	"context"
	"log/slog"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// tenantService implements lifecyclev1.TenantServiceServer.
type tenantService struct {
	lifecyclev1.UnimplementedTenantServiceServer

	cp     *app.ControlPlane
	logger *slog.Logger
}

// CreateTenant implements the RPC.
func (s *tenantService) CreateTenant(ctx context.Context, req *lifecyclev1.CreateTenantRequest) (*lifecyclev1.CreateTenantResponse, error) {
	tenant, key, err := s.cp.CreateTenant(ctx, req.GetName())
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.CreateTenantResponse{Tenant: wireTenant(tenant), ApiKey: key.Reveal()}, nil
}

// ListTenants implements the RPC.
func (s *tenantService) ListTenants(ctx context.Context, _ *lifecyclev1.ListTenantsRequest) (*lifecyclev1.ListTenantsResponse, error) {
	tenants, err := s.cp.ListTenants(ctx)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.ListTenantsResponse{}
	for _, t := range tenants {
		out.Tenants = append(out.Tenants, wireTenant(t))
	}
	return out, nil
}

func wireTenant(t auth.Tenant) *lifecyclev1.Tenant {
	return &lifecyclev1.Tenant{TenantId: string(t.ID), Name: t.Name, CreateTime: wireTime(t.CreatedAt)}
}
