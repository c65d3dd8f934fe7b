package api_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/tunnel/internal/diagnosis"
	"github.com/siteplane/siteplane/services/tunnel/internal/direct"
	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
	"github.com/siteplane/siteplane/services/tunnel/internal/fence"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

const installation = "0123456789abcdef"

func twoRoutes() []route.Route {
	return []route.Route{
		{Hostname: "a.example", Kind: route.KindRecord, ZoneID: "z1"},
		{Hostname: "b.example", Kind: route.KindCustomHostname},
	}
}

func applyRequest() *tunnelv1.ApplyRequest {
	return &tunnelv1.ApplyRequest{
		Fence: &tunnelv1.Fence{Era: 1, Epoch: 2, Generation: 3}, InstallationId: installation,
		Routes: []*tunnelv1.Route{
			{Hostname: "a.example", Kind: tunnelv1.RouteKind_ROUTE_KIND_RECORD, ZoneId: "z1"},
			{Hostname: "b.example", Kind: tunnelv1.RouteKind_ROUTE_KIND_CUSTOM_HOSTNAME},
		},
		Digest: route.Digest(twoRoutes()),
	}
}

func emptyRequest() *tunnelv1.ApplyRequest {
	return &tunnelv1.ApplyRequest{Fence: &tunnelv1.Fence{Era: 1}, InstallationId: installation, Digest: route.Digest(nil)}
}

// inTheWay is a diagnosis with every field, and one that is no UTF-8.
func inTheWay() (diagnosis.Diagnosis, *diagnosisv1.Diagnosis) {
	return diagnosis.Diagnosis{
			Code: diagnosis.RecordInTheWay, Actor: diagnosis.Operator, Summary: "s",
			Expected: []string{"e"}, Observed: []string{"o\xff"}, Fix: []string{"f", "g"},
		}, &diagnosisv1.Diagnosis{
			Code: diagnosisv1.Code_CODE_RECORD_IN_THE_WAY, Actor: diagnosisv1.Actor_ACTOR_OPERATOR,
			Severity: diagnosisv1.Severity_SEVERITY_ERROR, Summary: "s",
			Expected: []string{"e"}, Observed: []string{"o\uFFFD"}, Fix: []string{"f", "g"},
		}
}

func TestService_Apply_hands_over_and_answers(t *testing.T) {
	problem, want := inTheWay()
	backend := fakeBackend{applied: new(route.Snapshot), result: route.Result{
		ConfigVersion: 7, Writes: 4, Added: []string{"a.example"}, Removed: []string{"old.example"},
		Changed:  []string{"a.example", "old.example"},
		Problems: []route.Problem{{Hostname: "b.example", Diagnosis: problem}}, Warnings: []string{"another writer"},
	}}
	w := setup(t, backend)
	request := applyRequest()
	request.Removals = []*tunnelv1.Removal{{Hostname: "old.example", OperationId: "op_1"}}
	request.ConfirmedHold = "hold_1"
	response, err := w.client(t, "/service/lifecycle").Apply(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&tunnelv1.ApplyResponse{
		Fence: applyRequest().GetFence(), Digest: applyRequest().GetDigest(), ConfigVersion: 7, Writes: 4,
		Changed:  []string{"a.example", "old.example"},
		Problems: []*tunnelv1.RouteProblem{{Hostname: "b.example", Diagnosis: want}},
	}, response, protocmp.Transform()); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(route.Snapshot{
		Fence: fence.Fence{Era: 1, Epoch: 2, Generation: 3}, InstallationID: installation,
		Routes: twoRoutes(), Digest: route.Digest(twoRoutes()),
		Removals: []route.Removal{{Hostname: "old.example", OperationID: "op_1"}}, ConfirmedHold: "hold_1",
	}, *backend.applied); diff != "" {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
	w.wantLine(t, "tunnel apply begins", map[string]any{"fence": "1/2/3", "routes": 2.0, "removals": 1.0, telemetry.KeyDigest: applyRequest().GetDigest()})
	w.wantLine(t, "tunnel applied", map[string]any{
		"fence": "1/2/3", "writes": 4.0, "config_version": 7.0, "added": []any{"a.example"}, "removed": []any{"old.example"},
	})
	w.wantLine(t, "route is blocked", map[string]any{telemetry.KeyHostname: "b.example", "level": "WARN", telemetry.KeyReason: "RECORD_IN_THE_WAY"})
	w.wantLine(t, "tunnel configuration has another writer", map[string]any{"warning": "another writer", "level": "WARN"})
	span := w.span(t, "tunnel.apply")
	if attributes := span.Attributes(); !hasAttribute(attributes, attribute.Int("writes", 4)) || !hasAttribute(attributes, attribute.String("fence", "1/2/3")) {
		t.Errorf("the span has %v", attributes)
	}
}

func hasAttribute(all []attribute.KeyValue, want attribute.KeyValue) bool {
	for _, a := range all {
		if a == want {
			return true
		}
	}
	return false
}

// span returns the only span of a name.
func (w world) span(t *testing.T, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	var found []sdktrace.ReadOnlySpan
	for _, span := range w.spans.Ended() {
		if span.Name() == name {
			found = append(found, span)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d spans %s", len(found), name)
	}
	return found[0]
}

// wantLine fails unless one line of the log has a message and all attributes.
func (w world) wantLine(t *testing.T, message string, want map[string]any) {
	t.Helper()
	for line := range strings.Lines(w.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		same := fields["msg"] == message && fields["backend"] == "fake" && fields[telemetry.KeyTraceID] != nil
		for key, value := range want {
			same = same && cmp.Equal(fields[key], value)
		}
		if same {
			return
		}
	}
	t.Errorf("no line %q with %v in\n%s", message, want, w.log)
}

func TestService_Apply_refuses_a_request_that_does_not_come_out(t *testing.T) {
	backend := fakeBackend{applied: new(route.Snapshot)}
	client := setup(t, backend).client(t, "/service/lifecycle")
	for field, spoil := range map[string]func(*tunnelv1.ApplyRequest){
		"digest":             func(r *tunnelv1.ApplyRequest) { r.Digest = route.Digest(nil) },
		"routes[1].hostname": func(r *tunnelv1.ApplyRequest) { r.Routes[0], r.Routes[1] = r.Routes[1], r.Routes[0] },
		"routes[0].hostname": func(r *tunnelv1.ApplyRequest) { r.Routes[0].Hostname = "A.example" },
		"routes[0].zone_id":  func(r *tunnelv1.ApplyRequest) { r.Routes[0].ZoneId = "" },
		"routes[0].kind":     func(r *tunnelv1.ApplyRequest) { r.Routes[0].Kind = 0 },
		"installation_id":    func(r *tunnelv1.ApplyRequest) { r.InstallationId = "0123" },
		"fence":              func(r *tunnelv1.ApplyRequest) { r.Fence = nil },
	} {
		request := applyRequest()
		spoil(request)
		_, err := client.Apply(t.Context(), request)
		violations := rpcerr.Violations(err)
		if status.Code(err) != codes.InvalidArgument || len(violations) != 1 || violations[0].Field != field {
			t.Errorf("%s: %v with violations %v", field, err, violations)
		}
	}
	if backend.applied.InstallationID != "" {
		t.Error("the backend was asked")
	}
}

// One switch says what a failure is called, for every method.
func TestService_names_failures(t *testing.T) {
	for _, tt := range []struct {
		err    error
		code   codes.Code
		reason string
		retry  time.Duration
		says   string
	}{
		{&fence.Stale{Got: fence.Fence{Era: 1}, Seen: fence.Fence{Era: 2}}, codes.Aborted, "STALE_FENCE", 0, "1/0/0 is older than 2/0/0"},
		{&fault.Permission{Needed: "Zone:Read", Message: "needs Zone:Read"}, codes.FailedPrecondition, "CLOUDFLARE_PERMISSION", 0, "needs Zone:Read"},
		{&fault.Unsupported{Message: "cannot"}, codes.FailedPrecondition, "TUNNEL_UNSUPPORTED", 0, "cannot"},
		{&fault.Unavailable{Message: "busy", RetryAfter: time.Minute}, codes.Unavailable, "UNAVAILABLE", time.Minute, "busy"},
		{&fault.Unavailable{Message: "lost"}, codes.Unavailable, "UNAVAILABLE", 5 * time.Second, "lost"},
		{held(3), codes.FailedPrecondition, "HELD_BY_SHRINK_GUARD", 0, "3 of 1200 names would go"},
		{errors.New("secret cause"), codes.Unavailable, "UNAVAILABLE", 5 * time.Second, "the fake backend could not do it"},
	} {
		w := setup(t, fakeBackend{applied: new(route.Snapshot), read: new(readCall), observed: new(observeCall), err: tt.err})
		client := w.client(t, "/service/lifecycle")
		_, applyErr := client.Apply(t.Context(), applyRequest())
		_, readErr := client.ReadRoute(t.Context(), &tunnelv1.ReadRouteRequest{InstallationId: installation, Route: applyRequest().GetRoutes()[0]})
		_, lookupErr := client.LookupZone(t.Context(), lookup("a.example"))
		_, observeErr := client.Observe(t.Context(), observeRequest())
		for method, err := range map[string]error{"Apply": applyErr, "Observe": observeErr, "ReadRoute": readErr, "LookupZone": lookupErr} {
			delay, _ := rpcerr.RetryDelay(err)
			if status.Code(err) != tt.code || rpcerr.Reason(err) != tt.reason || delay != tt.retry || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s with %v: %v, reason %s, again after %s", method, tt.err, err, rpcerr.Reason(err), delay)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%s tells the cause: %v", method, err)
			}
		}
	}
}

func TestService_ReadRoute_hands_over_and_answers(t *testing.T) {
	problem, want := inTheWay()
	pending := diagnosis.Diagnosis{Code: diagnosis.CustomHostnamePending, Minor: true, Actor: diagnosis.Tenant, Summary: "wait"}
	backend := fakeBackend{read: new(readCall), reading: route.Reading{
		State: route.Partial, Observed: []string{"seen"}, ConfigVersion: 3, Diagnoses: []diagnosis.Diagnosis{problem, pending},
		Records: []route.Record{{Type: "TXT", Name: "n", Value: "v", Purpose: "p"}},
	}}
	w := setup(t, backend)
	response, err := w.client(t, "/service/lifecycle").ReadRoute(t.Context(), &tunnelv1.ReadRouteRequest{
		InstallationId: installation, Route: applyRequest().GetRoutes()[1],
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&tunnelv1.ReadRouteResponse{
		State: tunnelv1.RouteState_ROUTE_STATE_PARTIAL, Observed: []string{"seen"}, ConfigVersion: 3,
		Records: []*tunnelv1.Record{{Type: "TXT", Name: "n", Value: "v", Purpose: "p"}},
		Diagnoses: []*diagnosisv1.Diagnosis{want, {
			Code: diagnosisv1.Code_CODE_CUSTOM_HOSTNAME_PENDING, Severity: diagnosisv1.Severity_SEVERITY_WARN,
			Actor: diagnosisv1.Actor_ACTOR_TENANT, Summary: "wait",
		}},
	}, response, protocmp.Transform()); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	if got := *backend.read; got.installation != installation || got.route != twoRoutes()[1] {
		t.Errorf("the backend was asked for %+v", got)
	}
	w.span(t, "tunnel.read_route")
	w.wantLine(t, "route read", map[string]any{telemetry.KeyHostname: "b.example", "state": "partial"})
}

// Every code, actor and state that a backend can give has a name on the wire.
func TestService_knows_every_word(t *testing.T) {
	for _, code := range []diagnosis.Code{
		diagnosis.TunnelNoRule, diagnosis.RecordInTheWay, diagnosis.CloudflarePermission,
		diagnosis.CustomHostnamePending, diagnosis.ServiceUnavailable,
	} {
		if diagnosisv1.Code_value["CODE_"+string(code)] == 0 {
			t.Errorf("code %s is not on the wire", code)
		}
	}
	for _, state := range []route.State{route.Ready, route.Partial, route.Absent} {
		for _, actor := range []diagnosis.Actor{diagnosis.Operator, diagnosis.Tenant, diagnosis.Cloudflare, diagnosis.Nobody} {
			backend := fakeBackend{read: new(readCall), reading: route.Reading{State: state, Diagnoses: []diagnosis.Diagnosis{{Code: diagnosis.TunnelNoRule, Actor: actor}}}}
			response, err := setup(t, backend).client(t, "/service/lifecycle").ReadRoute(t.Context(), &tunnelv1.ReadRouteRequest{
				InstallationId: installation, Route: applyRequest().GetRoutes()[0],
			})
			if err != nil || response.GetState() == 0 || response.GetDiagnoses()[0].GetActor() == 0 {
				t.Errorf("response %v, error %v", response, err)
			}
		}
	}
}

func TestService_with_direct_holds_no_routes(t *testing.T) {
	client := setup(t, direct.Backend{}).client(t, "/service/lifecycle")
	response, err := client.Apply(t.Context(), emptyRequest())
	if err != nil || !proto.Equal(response.GetFence(), emptyRequest().GetFence()) || response.GetWrites() != 0 {
		t.Errorf("response %v, error %v", response, err)
	}
	if _, err := client.Apply(t.Context(), applyRequest()); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("error is %v", err)
	}
	found, err := client.Observe(t.Context(), &tunnelv1.ObserveRequest{InstallationId: installation})
	if err != nil || len(found.GetDrifts()) > 0 {
		t.Errorf("found %v, error %v", found, err)
	}
	if _, err := client.Observe(t.Context(), observeRequest()); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("error is %v", err)
	}
	reading, err := client.ReadRoute(t.Context(), &tunnelv1.ReadRouteRequest{InstallationId: installation, Route: applyRequest().GetRoutes()[0]})
	if err != nil || reading.GetState() != tunnelv1.RouteState_ROUTE_STATE_ABSENT {
		t.Errorf("reading %v, error %v", reading, err)
	}
}
