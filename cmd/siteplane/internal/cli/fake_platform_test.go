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
	// tenants are the answer to ListTenants.
	tenants []*lifecyclev1.Tenant
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

func (f *fakeZones) ListZoneGrants(ctx context.Context, request *lifecyclev1.ListZoneGrantsRequest) (*lifecyclev1.ListZoneGrantsResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListZoneGrantsResponse{Grants: f.grants}, nil
}
