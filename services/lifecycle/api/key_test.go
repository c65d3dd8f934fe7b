package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

func TestKeyService(t *testing.T) {
	s := setup(t)
	siteID, other := s.create("Shop"), s.create("Other")
	admin, platform := as(t, s.keyOf[auth.Admin]), as(t, s.keyOf[auth.PlatformAdmin])
	ends := s.world.Clock.Now().Add(time.Hour)
	made, err := s.keys.CreateKey(admin, &lifecyclev1.CreateKeyRequest{
		Name: "ci", Role: lifecyclev1.Role_ROLE_OPERATOR, SiteIds: []string{siteID}, ExpireTime: timestamppb.New(ends),
	})
	s.must(err)
	key := made.GetKey()
	t.Run("makes one that works", func(t *testing.T) {
		if !strings.HasPrefix(key.GetKeyId(), "key_") || key.GetTenantId() != string(s.world.Caller.TenantID) || key.GetName() != "ci" ||
			key.GetRole() != lifecyclev1.Role_ROLE_OPERATOR || !slices.Equal(key.GetSiteIds(), []string{siteID}) || !key.GetExpireTime().AsTime().Equal(ends) ||
			key.GetCreateTime() == nil || key.GetRevokeTime() != nil || key.GetLastUseTime() != nil {
			t.Errorf("made %v", key)
		}
		caller, err := s.keys.GetCaller(as(t, made.GetApiKey()), &lifecyclev1.GetCallerRequest{})
		s.must(err)
		if caller.GetKey().GetKeyId() != key.GetKeyId() || caller.GetTenant().GetTenantId() != key.GetTenantId() || caller.GetKey().GetLastUseTime() == nil {
			t.Errorf("it says that it is %v", caller)
		}
	})
	t.Run("for single sites, which sees no other and makes none", func(t *testing.T) {
		theirs := as(t, made.GetApiKey())
		list, err := s.sites.ListSites(theirs, &lifecyclev1.ListSitesRequest{})
		s.must(err)
		if len(list.GetSites()) != 1 || list.GetSites()[0].GetSiteId() != siteID {
			t.Errorf("listed %v", list)
		}
		domains, err := s.domains.ListDomains(theirs, &lifecyclev1.ListDomainsRequest{})
		s.must(err)
		for _, d := range domains.GetDomains() {
			if d.GetSiteId() != siteID {
				t.Errorf("listed %v", d)
			}
		}
		wantError(t, methods["GetSite"](theirs, s.sites, other), codes.NotFound, "NOT_FOUND")
		_, err = s.sites.CreateSite(theirs, newSite("Third"))
		wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
	})
	t.Run("none above its maker", func(t *testing.T) {
		before := s.changes()
		_, err := s.keys.CreateKey(admin, &lifecyclev1.CreateKeyRequest{Name: "more", Role: lifecyclev1.Role_ROLE_PLATFORM_ADMIN})
		wantError(t, err, codes.PermissionDenied, "NOT_ALLOWED")
		_, err = s.keys.CreateKey(platform, &lifecyclev1.CreateKeyRequest{Name: "more", Role: lifecyclev1.Role_ROLE_ADMIN, SiteIds: []string{siteID}})
		wantViolation(t, err, "role", "")
		_, err = s.keys.CreateKey(admin, &lifecyclev1.CreateKeyRequest{Name: "more", Role: lifecyclev1.Role_ROLE_VIEWER, ExpireTime: timestamppb.New(s.world.Clock.Now())})
		wantViolation(t, err, "expire_time", "")
		_, err = s.keys.CreateKey(admin, &lifecyclev1.CreateKeyRequest{Name: "more", Role: lifecyclev1.Role_ROLE_VIEWER, ExpireTime: &timestamppb.Timestamp{Seconds: 1 << 60}})
		wantError(t, err, codes.InvalidArgument, "INVALID_FIELDS")
		_, err = s.keys.CreateKey(admin, &lifecyclev1.CreateKeyRequest{Name: "more", Role: lifecyclev1.Role_ROLE_VIEWER, ExpireTime: &timestamppb.Timestamp{Seconds: 1 << 36, Nanos: -1}})
		wantError(t, err, codes.InvalidArgument, "INVALID_FIELDS")
		for _, role := range []lifecyclev1.Role{0, 5, -1} {
			_, err = s.keys.CreateKey(platform, &lifecyclev1.CreateKeyRequest{Name: "more", Role: role})
			wantViolation(t, err, "role", "")
		}
		if after := s.changes(); after != before {
			t.Errorf("before there were %+v, then %+v", before, after)
		}
	})
	t.Run("lists them without secrets", func(t *testing.T) {
		a := s.call("GET", "/v1/keys?pageSize=1000", s.keyOf[auth.Admin], nil)
		if a.code != http.StatusOK || a.at("keys", 0, "keyId") != key.GetKeyId() || strings.Contains(string(a.raw), strings.Split(made.GetApiKey(), "_")[2]) || strings.Contains(string(a.raw), "hash") {
			t.Errorf("listed %d %v", a.code, a.body)
		}
	})
	t.Run("one that has expired opens nothing", func(t *testing.T) {
		s.world.Clock.Advance(time.Hour)
		_, err := s.sites.ListSites(as(t, made.GetApiKey()), &lifecyclev1.ListSitesRequest{})
		wantError(t, err, codes.Unauthenticated, "BAD_CREDENTIAL")
		wantRefused(t, s.call("GET", "/v1/sites", made.GetApiKey(), nil), http.StatusUnauthorized, "16", "BAD_CREDENTIAL")
		list, err := s.keys.ListKeys(admin, &lifecyclev1.ListKeysRequest{})
		s.must(err)
		all, err := s.keys.ListKeys(admin, &lifecyclev1.ListKeysRequest{All: true})
		s.must(err)
		if len(all.GetKeys()) != len(list.GetKeys())+1 {
			t.Errorf("%d keys are valid of %d", len(list.GetKeys()), len(all.GetKeys()))
		}
	})
	t.Run("revokes, once and again", func(t *testing.T) {
		text, keyID := s.newKey(s.world.Caller, auth.Viewer)
		first, err := s.keys.RevokeKey(admin, &lifecyclev1.RevokeKeyRequest{KeyId: keyID})
		s.must(err)
		_, err = s.sites.ListSites(as(t, text), &lifecyclev1.ListSitesRequest{})
		wantError(t, err, codes.Unauthenticated, "BAD_CREDENTIAL")
		s.world.Clock.Advance(time.Minute)
		again, err := s.keys.RevokeKey(admin, &lifecyclev1.RevokeKeyRequest{KeyId: keyID})
		s.must(err)
		if first.GetKey().GetRevokeTime() == nil || !again.GetKey().GetRevokeTime().AsTime().Equal(first.GetKey().GetRevokeTime().AsTime()) {
			t.Errorf("revoked %v, then %v", first, again)
		}
	})
	if strings.Contains(s.logs.String(), made.GetApiKey()) || strings.Contains(s.logs.String(), strings.Split(made.GetApiKey(), "_")[2]) {
		t.Error("the key is in the log")
	}
}
