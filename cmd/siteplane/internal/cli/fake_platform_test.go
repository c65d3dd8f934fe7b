package cli_test

import (
	"context"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// fakeTenants is a TenantService that answers what a test told it.
type fakeTenants struct {
	lifecyclev1.UnimplementedTenantServiceServer

	beside *fakeSites
	// created is the answer to CreateTenant.
	created *lifecyclev1.CreateTenantResponse
	// tenants are the answer to ListTenants; the first one is that to calls about one.
	tenants []*lifecyclev1.Tenant
}

func (f *fakeTenants) GetTenant(ctx context.Context, request *lifecyclev1.GetTenantRequest) (*lifecyclev1.GetTenantResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.GetTenantResponse{Tenant: f.tenants[0]}, nil
}

func (f *fakeTenants) SetTenantLimits(ctx context.Context, request *lifecyclev1.SetTenantLimitsRequest) (*lifecyclev1.SetTenantLimitsResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	f.tenants[0].OwnLimits = request.GetLimits()
	return &lifecyclev1.SetTenantLimitsResponse{Tenant: f.tenants[0]}, nil
}

func (f *fakeTenants) SuspendTenant(ctx context.Context, request *lifecyclev1.SuspendTenantRequest) (*lifecyclev1.SuspendTenantResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	f.tenants[0].State, f.tenants[0].SuspendReason = lifecyclev1.TenantState_TENANT_STATE_SUSPENDED, request.GetReason()
	return &lifecyclev1.SuspendTenantResponse{Tenant: f.tenants[0]}, nil
}

func (f *fakeTenants) ResumeTenant(ctx context.Context, request *lifecyclev1.ResumeTenantRequest) (*lifecyclev1.ResumeTenantResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	f.tenants[0].State, f.tenants[0].SuspendReason = lifecyclev1.TenantState_TENANT_STATE_ACTIVE, ""
	return &lifecyclev1.ResumeTenantResponse{Tenant: f.tenants[0]}, nil
}

func (f *fakeTenants) DeleteTenant(ctx context.Context, request *lifecyclev1.DeleteTenantRequest) (*lifecyclev1.DeleteTenantResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	f.tenants[0].State = lifecyclev1.TenantState_TENANT_STATE_DELETED
	return &lifecyclev1.DeleteTenantResponse{Tenant: f.tenants[0]}, nil
}

func (f *fakeTenants) CreateTenant(ctx context.Context, request *lifecyclev1.CreateTenantRequest) (*lifecyclev1.CreateTenantResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return f.created, nil
}

func (f *fakeTenants) ListTenants(ctx context.Context, request *lifecyclev1.ListTenantsRequest) (*lifecyclev1.ListTenantsResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListTenantsResponse{Tenants: f.tenants}, nil
}

// fakeZones is a ZoneService that answers what a test told it.
type fakeZones struct {
	lifecyclev1.UnimplementedZoneServiceServer

	beside *fakeSites
	// grants are the answer to ListZoneGrants; the first one is that to GrantZone.
	grants []*lifecyclev1.ZoneGrant
}

func (f *fakeZones) GrantZone(ctx context.Context, request *lifecyclev1.GrantZoneRequest) (*lifecyclev1.GrantZoneResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.GrantZoneResponse{Grant: f.grants[0]}, nil
}

func (f *fakeZones) RevokeZone(ctx context.Context, request *lifecyclev1.RevokeZoneRequest) (*lifecyclev1.RevokeZoneResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.RevokeZoneResponse{}, nil
}

func (f *fakeZones) ListZoneGrants(ctx context.Context, request *lifecyclev1.ListZoneGrantsRequest) (*lifecyclev1.ListZoneGrantsResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListZoneGrantsResponse{Grants: f.grants}, nil
}
