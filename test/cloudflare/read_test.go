package cloudflare_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/simulators/cloudflare"
)

func TestReadRoute(t *testing.T) {
	w := setup(t)
	w.apply(t, 1, all()...)
	for _, tt := range []struct {
		route *tunnelv1.Route
		want  tunnelv1.RouteState
	}{
		{record("www.shop.test", shopZone), tunnelv1.RouteState_ROUTE_STATE_READY},
		{record("none.shop.test", shopZone), tunnelv1.RouteState_ROUTE_STATE_ABSENT},
		// Somebody else's, with the very content.
		{record("almost.shop.test", shopZone), tunnelv1.RouteState_ROUTE_STATE_ABSENT},
		{custom("www.tenant.test"), tunnelv1.RouteState_ROUTE_STATE_PARTIAL},
		{custom("none.tenant.test"), tunnelv1.RouteState_ROUTE_STATE_ABSENT},
		{custom("www.someone.test"), tunnelv1.RouteState_ROUTE_STATE_ABSENT},
	} {
		w.sim.ResetLog()
		got := w.read(t, tt.route)
		if got.GetState() != tt.want || len(got.GetObserved()) == 0 || got.GetConfigVersion() != 2 {
			t.Errorf("%s: %v, want %s", tt.route.GetHostname(), got, tt.want)
		}
		if calls := len(w.sim.Log()); calls > 3 || len(w.mutations()) > 0 {
			t.Errorf("%s: reading cost %d calls, %v", tt.route.GetHostname(), calls, w.mutations())
		}
	}
}

func TestReadRoute_of_another_installation_sees_nothing_of_ours(t *testing.T) {
	w := setup(t)
	w.apply(t, 1, all()...)
	response, err := w.client.ReadRoute(t.Context(), &tunnelv1.ReadRouteRequest{
		InstallationId: "fedcba9876543210", Route: record("www.shop.test", shopZone),
	})
	if err != nil || response.GetState() != tunnelv1.RouteState_ROUTE_STATE_ABSENT {
		t.Errorf("response %v, error %v", response, err)
	}
}

// A custom hostname that is not active says what the tenant must write.
func TestReadRoute_of_a_pending_custom_hostname(t *testing.T) {
	w := setup(t)
	w.apply(t, 1, all()...)
	w.read(t, custom("www.tenant.test"))
	got := w.read(t, custom("www.tenant.test"))
	if len(got.GetDiagnoses()) != 1 {
		t.Fatalf("reading is %v", got)
	}
	d := got.GetDiagnoses()[0]
	if d.GetCode() != diagnosisv1.Code_CODE_CUSTOM_HOSTNAME_PENDING || d.GetActor() != diagnosisv1.Actor_ACTOR_TENANT {
		t.Errorf("diagnosis is %v", d)
	}
	if !strings.Contains(d.GetSummary(), "pending") || !slices.Contains(d.GetObserved(), "custom hostname does not CNAME to this zone.") {
		t.Errorf("diagnosis does not have Cloudflare's words: %v", d)
	}
	if !slices.Contains(d.GetFix(), "Add: www.tenant.test CNAME "+target) {
		t.Errorf("fix is %v", d.GetFix())
	}
	var records []string
	for _, r := range got.GetRecords() {
		if r.GetValue() == "" || r.GetPurpose() == "" {
			t.Errorf("record is %v", r)
		}
		records = append(records, r.GetType()+" "+r.GetName())
	}
	if !slices.Equal(records, []string{"TXT _cf-custom-hostname.www.tenant.test", "TXT _acme-challenge.www.tenant.test"}) {
		t.Errorf("records are %q", records)
	}
}

// An error is never an absence (F51).
func TestReadRoute_that_fails_is_not_absent(t *testing.T) {
	w := setupWith(t, 500*time.Millisecond)
	w.apply(t, 1, all()...)
	for _, tt := range trials() {
		for call := range 2 {
			for _, route := range all() {
				tt.fault.Method, tt.fault.Skip, tt.fault.Times = "", call, 1
				if err := w.sim.Inject(tt.fault); err != nil {
					t.Fatal(err)
				}
				response, err := w.client.ReadRoute(t.Context(), &tunnelv1.ReadRouteRequest{InstallationId: installation, Route: route})
				w.sim.Clear()
				// A lost read is asked again below us, on another connection.
				if again := tt.fault.Kind == cloudflare.FaultDropBefore || tt.fault.Kind == cloudflare.FaultApplyThenDrop; err == nil && again &&
					response.GetState() != tunnelv1.RouteState_ROUTE_STATE_ABSENT {
					continue
				}
				wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
			}
		}
	}
}
