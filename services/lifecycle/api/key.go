package api

import (
	"context"
	"log/slog"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// keyService implements lifecyclev1.KeyServiceServer.
type keyService struct {
	lifecyclev1.UnimplementedKeyServiceServer

	cp     *app.ControlPlane
	logger *slog.Logger
}

// CreateKey implements the RPC.
func (s *keyService) CreateKey(ctx context.Context, req *lifecyclev1.CreateKeyRequest) (*lifecyclev1.CreateKeyResponse, error) {
	in, err := keyAsked(req)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	made, err := s.cp.CreateKey(ctx, callerOf(ctx), in, app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.CreateKeyResponse{Key: wireKey(made.Key), ApiKey: made.Text.Reveal()}, nil
}

func keyAsked(req *lifecyclev1.CreateKeyRequest) (app.KeyAsked, error) {
	in := app.KeyAsked{TenantID: id.Tenant(req.GetTenantId()), Name: req.GetName(), Role: rolesOf[req.GetRole()]}
	for _, site := range req.GetSiteIds() {
		in.Sites = append(in.Sites, id.Site(site))
	}
	var problems lifecycle.Violations
	if at := req.GetExpireTime(); at.IsValid() {
		in.ExpiresAt = at.AsTime()
	} else if at != nil {
		problems.Add("expire_time", "is no time")
	}
	return in, problems.Err()
}

// GetCaller implements the RPC.
func (s *keyService) GetCaller(ctx context.Context, _ *lifecyclev1.GetCallerRequest) (*lifecyclev1.GetCallerResponse, error) {
	key, tenant, err := s.cp.Caller(ctx, callerOf(ctx))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.GetCallerResponse{Key: wireKey(key), Tenant: wireTenant(tenant)}, nil
}

// ListKeys implements the RPC.
func (s *keyService) ListKeys(ctx context.Context, req *lifecyclev1.ListKeysRequest) (*lifecyclev1.ListKeysResponse, error) {
	list, err := listOf(req, nil, id.ParseKey)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	page := auth.Page{All: req.GetAll(), Before: list.last, Limit: list.size + 1}
	keys, err := s.cp.ListKeys(ctx, callerOf(ctx), id.Tenant(req.GetTenantId()), page)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	shown, next := pageOf(list, keys, wireKey, func(k auth.Key) id.Key { return k.ID })
	return &lifecyclev1.ListKeysResponse{Keys: shown, NextPageToken: next}, nil
}

// RevokeKey implements the RPC.
func (s *keyService) RevokeKey(ctx context.Context, req *lifecyclev1.RevokeKeyRequest) (*lifecyclev1.RevokeKeyResponse, error) {
	key, err := s.cp.RevokeKey(ctx, callerOf(ctx), id.Key(req.GetKeyId()), app.RequestID(req.GetRequestId()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	return &lifecyclev1.RevokeKeyResponse{Key: wireKey(key)}, nil
}

func wireKey(k auth.Key) *lifecyclev1.Key {
	w := &lifecyclev1.Key{
		KeyId: string(k.ID), TenantId: string(k.TenantID), Name: k.Name, Role: wireRole(k.Role),
		CreateTime: wireTime(k.CreatedAt), ExpireTime: wireTime(k.ExpiresAt), RevokeTime: wireTime(k.RevokedAt), LastUseTime: wireTime(k.UsedAt),
	}
	for _, site := range k.Sites {
		w.SiteIds = append(w.SiteIds, string(site))
	}
	return w
}

var rolesOf = map[lifecyclev1.Role]auth.Role{
	lifecyclev1.Role_ROLE_VIEWER:         auth.Viewer,
	lifecyclev1.Role_ROLE_OPERATOR:       auth.Operator,
	lifecyclev1.Role_ROLE_ADMIN:          auth.Admin,
	lifecyclev1.Role_ROLE_PLATFORM_ADMIN: auth.PlatformAdmin,
}

func wireRole(role auth.Role) lifecyclev1.Role {
	for w, r := range rolesOf {
		if r == role {
			return w
		}
	}
	return lifecyclev1.Role_ROLE_UNSPECIFIED
}
