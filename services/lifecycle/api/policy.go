package api

import (
	"context"
	"log/slog"
	"strings"

	"google.golang.org/grpc/metadata"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// policy says which role each RPC demands. A server refuses to start while an
// RPC has no row.
var policy = map[string]auth.Role{
	lifecyclev1.SiteService_CreateSite_FullMethodName:        auth.Operator,
	lifecyclev1.SiteService_GetSite_FullMethodName:           auth.Viewer,
	lifecyclev1.SiteService_ListSites_FullMethodName:         auth.Viewer,
	lifecyclev1.SiteService_UpdateSite_FullMethodName:        auth.Operator,
	lifecyclev1.SiteService_RollbackSite_FullMethodName:      auth.Operator,
	lifecyclev1.SiteService_ListSiteRevisions_FullMethodName: auth.Viewer,
	lifecyclev1.SiteService_DeleteSite_FullMethodName:        auth.Operator,
	lifecyclev1.SiteService_RetrySite_FullMethodName:         auth.Operator,
	lifecyclev1.SiteService_SetPrimaryDomain_FullMethodName:  auth.Operator,
	lifecyclev1.SiteService_GetSiteTimeline_FullMethodName:   auth.Viewer,

	lifecyclev1.DomainService_AddDomain_FullMethodName:    auth.Operator,
	lifecyclev1.DomainService_GetDomain_FullMethodName:    auth.Viewer,
	lifecyclev1.DomainService_ListDomains_FullMethodName:  auth.Viewer,
	lifecyclev1.DomainService_CheckDomain_FullMethodName:  auth.Operator,
	lifecyclev1.DomainService_RemoveDomain_FullMethodName: auth.Operator,

	lifecyclev1.TenantService_CreateTenant_FullMethodName:    auth.PlatformAdmin,
	lifecyclev1.TenantService_GetTenant_FullMethodName:       auth.Viewer, // of its own only
	lifecyclev1.TenantService_ListTenants_FullMethodName:     auth.PlatformAdmin,
	lifecyclev1.TenantService_SetTenantLimits_FullMethodName: auth.PlatformAdmin,
	lifecyclev1.TenantService_SuspendTenant_FullMethodName:   auth.PlatformAdmin,
	lifecyclev1.TenantService_ResumeTenant_FullMethodName:    auth.PlatformAdmin,
	lifecyclev1.TenantService_DeleteTenant_FullMethodName:    auth.PlatformAdmin,

	lifecyclev1.KeyService_CreateKey_FullMethodName: auth.Admin,
	lifecyclev1.KeyService_GetCaller_FullMethodName: auth.Viewer,
	lifecyclev1.KeyService_ListKeys_FullMethodName:  auth.Admin,
	lifecyclev1.KeyService_RevokeKey_FullMethodName: auth.Admin,

	lifecyclev1.EventService_WatchEvents_FullMethodName: auth.Viewer,
	lifecyclev1.EventService_ListEvents_FullMethodName:  auth.Viewer,
	lifecyclev1.EventService_ListAudit_FullMethodName:   auth.Admin,

	lifecyclev1.ZoneService_GrantZone_FullMethodName:      auth.PlatformAdmin,
	lifecyclev1.ZoneService_RevokeZone_FullMethodName:     auth.PlatformAdmin,
	lifecyclev1.ZoneService_ListZoneGrants_FullMethodName: auth.PlatformAdmin,

	lifecyclev1.OperationService_GetOperation_FullMethodName:    auth.Viewer,
	lifecyclev1.OperationService_CancelOperation_FullMethodName: auth.Operator,

	lifecyclev1.InfrastructureService_ListEdges_FullMethodName:       auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_GetEdge_FullMethodName:         auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_UpdateEdge_FullMethodName:      auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_RebuildEdge_FullMethodName:     auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_EvictEdge_FullMethodName:       auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_PreviewEdge_FullMethodName:     auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_CreateJoinToken_FullMethodName: auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_ListJoinTokens_FullMethodName:  auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_DeleteJoinToken_FullMethodName: auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_PutPlacement_FullMethodName:    auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_DeletePlacement_FullMethodName: auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_ListPlacements_FullMethodName:  auth.Viewer,
	lifecyclev1.InfrastructureService_ListTunnels_FullMethodName:     auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_SetDriftPolicy_FullMethodName:  auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_SyncTarget_FullMethodName:      auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_ListDrifts_FullMethodName:      auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_ListHolds_FullMethodName:       auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_ConfirmHold_FullMethodName:     auth.PlatformAdmin,
	lifecyclev1.InfrastructureService_RunChecks_FullMethodName:       auth.PlatformAdmin,

	"/grpc.health.v1.Health/Check": auth.Viewer,
	"/grpc.health.v1.Health/Watch": auth.Viewer,
	"/grpc.health.v1.Health/List":  auth.Viewer,
}

// authorizer is the wall that every public call passes: a bearer key and the
// role of the policy row.
type authorizer struct {
	provider auth.Provider
	// admit counts a call of a caller who may make it.
	admit func(ctx context.Context, caller auth.Principal) error
	// address returns where a call came from.
	address func(ctx context.Context) string
	logger  *slog.Logger
}

// Covers implements rpc.Authorizer.
func (a *authorizer) Covers(method string) bool { _, ok := policy[method]; return ok }

// Authorize implements rpc.Authorizer.
func (a *authorizer) Authorize(ctx context.Context, method string) (context.Context, error) {
	demands, ok := policy[method]
	if !ok {
		return ctx, failure(ctx, a.logger, &auth.DeniedError{})
	}
	caller, err := a.provider.Authenticate(ctx, bearer(metadata.ValueFromIncomingContext(ctx, "authorization")))
	if err != nil {
		return ctx, failure(ctx, a.logger, err)
	}
	if err := a.provider.Authorize(ctx, caller, demands); err != nil {
		return ctx, failure(ctx, a.logger, err)
	}
	if err := a.admit(ctx, caller); err != nil {
		return ctx, failure(ctx, a.logger, err)
	}
	caller.Address = a.address(ctx)
	return context.WithValue(app.ForCaller(ctx, caller), callerKey{}, caller), nil
}

// bearer returns the one bearer credential among the Authorization headers of a
// call or request; none or several give "".
func bearer(values []string) string {
	if len(values) != 1 {
		return ""
	}
	scheme, credential, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return credential
}

type callerKey struct{}

// callerOf returns who called; the authorizer has put it there.
func callerOf(ctx context.Context) auth.Principal {
	caller, _ := ctx.Value(callerKey{}).(auth.Principal)
	return caller
}
