package api

import (
	"context"
	"log/slog"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// tenantService implements lifecyclev1.TenantServiceServer.
type tenantService struct {
	lifecyclev1.UnimplementedTenantServiceServer

	cp     *app.ControlPlane
	logger *slog.Logger
}

// CreateTenant implements the RPC.
func (s *tenantService) CreateTenant(ctx context.Context, req *lifecyclev1.CreateTenantRequest) (*lifecyclev1.CreateTenantResponse, error) {
	made, err := s.cp.CreateTenant(ctx, callerOf(ctx), req.GetName(), limitsOf(req.GetLimits()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.CreateTenantResponse{Tenant: wireTenant(made.TenantView), ApiKey: made.Key.Reveal()}, nil
}

// own is how callers name their own tenant without its id.
const own = "me"

// GetTenant implements the RPC.
func (s *tenantService) GetTenant(ctx context.Context, req *lifecyclev1.GetTenantRequest) (*lifecyclev1.GetTenantResponse, error) {
	tenant := id.Tenant(req.GetTenantId())
	if tenant == own {
		tenant = callerOf(ctx).TenantID
	}
	view, err := s.cp.GetTenant(ctx, callerOf(ctx), tenant)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.GetTenantResponse{Tenant: wireTenant(view)}, nil
}

// ListTenants implements the RPC.
func (s *tenantService) ListTenants(ctx context.Context, req *lifecyclev1.ListTenantsRequest) (*lifecyclev1.ListTenantsResponse, error) {
	list, err := listOf(req, nil, anyText)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	views, err := s.cp.ListTenants(ctx, admin.Page{After: list.last, Limit: list.size + 1})
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	tenants, next := pageOf(list, views, wireTenant, func(v app.TenantView) string { return v.Tenant.Name })
	return &lifecyclev1.ListTenantsResponse{Tenants: tenants, NextPageToken: next}, nil
}

// SetTenantLimits implements the RPC.
func (s *tenantService) SetTenantLimits(ctx context.Context, req *lifecyclev1.SetTenantLimitsRequest) (*lifecyclev1.SetTenantLimitsResponse, error) {
	view, err := s.cp.SetTenantLimits(ctx, callerOf(ctx), id.Tenant(req.GetTenantId()), limitsOf(req.GetLimits()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.SetTenantLimitsResponse{Tenant: wireTenant(view)}, nil
}

// SuspendTenant implements the RPC.
func (s *tenantService) SuspendTenant(ctx context.Context, req *lifecyclev1.SuspendTenantRequest) (*lifecyclev1.SuspendTenantResponse, error) {
	view, err := s.cp.SuspendTenant(ctx, callerOf(ctx), id.Tenant(req.GetTenantId()), req.GetReason(), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.SuspendTenantResponse{Tenant: wireTenant(view)}, nil
}

// ResumeTenant implements the RPC.
func (s *tenantService) ResumeTenant(ctx context.Context, req *lifecyclev1.ResumeTenantRequest) (*lifecyclev1.ResumeTenantResponse, error) {
	view, err := s.cp.ResumeTenant(ctx, callerOf(ctx), id.Tenant(req.GetTenantId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.ResumeTenantResponse{Tenant: wireTenant(view)}, nil
}

// DeleteTenant implements the RPC.
func (s *tenantService) DeleteTenant(ctx context.Context, req *lifecyclev1.DeleteTenantRequest) (*lifecyclev1.DeleteTenantResponse, error) {
	view, err := s.cp.DeleteTenant(ctx, callerOf(ctx), id.Tenant(req.GetTenantId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.DeleteTenantResponse{Tenant: wireTenant(view)}, nil
}

func wireTenant(view app.TenantView) *lifecyclev1.Tenant {
	t := view.Tenant
	return &lifecyclev1.Tenant{
		TenantId: string(t.ID), Name: t.Name, CreateTime: wireTime(t.CreatedAt),
		State: tenantState(t), SuspendReason: t.SuspendReason,
		Limits: wireLimits(view.Limits), OwnLimits: wireOwnLimits(t.Limits),
		Usage: &lifecyclev1.TenantUsage{Sites: view.Usage.Sites, Domains: view.Usage.Domains, PendingClaims: view.Usage.PendingClaims},
	}
}

func tenantState(t admin.Tenant) lifecyclev1.TenantState {
	switch {
	case t.Deleted():
		return lifecyclev1.TenantState_TENANT_STATE_DELETED
	case t.Suspended():
		return lifecyclev1.TenantState_TENANT_STATE_SUSPENDED
	}
	return lifecyclev1.TenantState_TENANT_STATE_ACTIVE
}

func limitsOf(w *lifecyclev1.TenantLimits) admin.Limits {
	if w == nil {
		return admin.Limits{}
	}
	return admin.Limits{Sites: w.Sites, Domains: w.Domains, PendingClaims: w.PendingClaims, RequestsPerSecond: w.RequestsPerSecond}
}

func wireOwnLimits(l admin.Limits) *lifecyclev1.TenantLimits {
	return &lifecyclev1.TenantLimits{
		Sites: l.Sites, Domains: l.Domains, PendingClaims: l.PendingClaims, RequestsPerSecond: l.RequestsPerSecond,
	}
}

func wireLimits(l lifecycle.TenantLimits) *lifecyclev1.TenantLimits {
	return wireOwnLimits(admin.Limits{
		Sites: &l.Sites, Domains: &l.Domains, PendingClaims: &l.PendingClaims, RequestsPerSecond: &l.RequestsPerSecond,
	})
}
