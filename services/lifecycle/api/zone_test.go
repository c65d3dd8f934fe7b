package api_test

import (
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

func TestZoneService(t *testing.T) {
	s := setup(t)
	ctx := as(t, s.keyOf[auth.PlatformAdmin])
	tenant := string(s.world.Caller.TenantID)
	grant := func(zone, tenant string) (*lifecyclev1.GrantZoneResponse, error) {
		return s.zones.GrantZone(ctx, &lifecyclev1.GrantZoneRequest{ZoneName: zone, TenantId: tenant})
	}
	t.Run("grants a zone of ours", func(t *testing.T) {
		got, err := grant("ours.test", tenant)
		if g := got.GetGrant(); err != nil || g.GetZoneName() != "ours.test" || g.GetTenantId() != tenant || g.GetCreateTime() == nil {
			t.Errorf("granted %v, %v", got, err)
		}
	})
	t.Run("the same over REST", func(t *testing.T) {
		key := s.keyOf[auth.PlatformAdmin]
		if a := s.call("POST", "/v1/zones/ours.test:grant", key, `{"tenantId": "`+tenant+`"}`); a.code != http.StatusOK || a.at("grant", "zoneName") != "ours.test" {
			t.Errorf("granted %d %v", a.code, a.body)
		}
		if a := s.call("GET", "/v1/zoneGrants", key, nil); a.code != http.StatusOK || a.at("grants", 0, "tenantId") != tenant || a.at("grants", 1, "tenantId") != "" {
			t.Errorf("listed %d %v", a.code, a.body)
		}
		wantRefused(t, s.call("GET", "/v1/zoneGrants", s.keyOf[auth.Admin], nil), http.StatusForbidden, "7", "NOT_ALLOWED")
		wantRefused(t, s.call("POST", "/v1/zones/ours.test:grant", s.keyOf[auth.Admin], `{"tenantId": "`+tenant+`"}`), http.StatusForbidden, "7", "NOT_ALLOWED")
	})
	t.Run("no other", func(t *testing.T) {
		for _, zone := range []string{"theirs.test", "below.ours.test", "Ours.test", "", "*"} {
			_, err := grant(zone, tenant)
			wantViolation(t, err, "zone_name", "")
		}
	})
	t.Run("to nobody else", func(t *testing.T) {
		_, err := grant("ours.test", string(id.NewTenant()))
		wantError(t, err, codes.NotFound, "NOT_FOUND")
		_, err = grant("ours.test", "")
		wantViolation(t, err, "tenant_id", "")
	})
	t.Run("not while the provider is away or refuses", func(t *testing.T) {
		s.world.Tunnel.SetDown(true)
		_, err := grant("ours.test", tenant)
		wantError(t, err, codes.Unavailable, "UNAVAILABLE")
		if after, ok := rpcerr.RetryDelay(err); !ok || after <= 0 {
			t.Errorf("retry after %s", after)
		}
		s.world.Tunnel.SetDown(false)
		s.world.Tunnel.Refuse(infra.Diagnosis{Code: "CLOUDFLARE_PERMISSION", Actor: condition.Operator, Summary: "the token may not read zones"})
		_, err = grant("ours.test", tenant)
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
	})
}
