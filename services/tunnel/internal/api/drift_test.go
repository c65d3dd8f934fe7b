package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/shrink"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

func observeRequest() *tunnelv1.ObserveRequest {
	return &tunnelv1.ObserveRequest{InstallationId: installation, Routes: applyRequest().GetRoutes()}
}

func TestService_Observe_hands_over_and_answers(t *testing.T) {
	since := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	backend := fakeBackend{observed: new(observeCall), found: route.Observation{ConfigVersion: 9, Drifts: []route.Drift{
		{Kind: route.RuleForeign, Hostname: "git.example", Detail: "d\xff", Cause: "c"},
		{Kind: route.RecordChanged, Hostname: "www.example", Detail: "e", Since: since, Cause: "f"},
	}}}
	w := setup(t, backend)
	response, err := w.client(t, "/service/lifecycle").Observe(t.Context(), observeRequest())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&tunnelv1.ObserveResponse{ConfigVersion: 9, Drifts: []*tunnelv1.Drift{
		{Kind: tunnelv1.DriftKind_DRIFT_KIND_RULE_FOREIGN, Hostname: "git.example", Detail: "d\uFFFD", Cause: "c"},
		{Kind: tunnelv1.DriftKind_DRIFT_KIND_RECORD_CHANGED, Hostname: "www.example", Detail: "e", Since: timestamppb.New(since), Cause: "f"},
	}}, response, protocmp.Transform()); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(observeCall{installation, twoRoutes()}, *backend.observed, cmp.AllowUnexported(observeCall{})); diff != "" {
		t.Errorf("the backend was asked (-want +got):\n%s", diff)
	}
	w.wantLine(t, "tunnel drifts", map[string]any{telemetry.KeyHostname: "www.example", "kind": "record_changed", "level": "WARN"})
	w.wantLine(t, "tunnel observed", map[string]any{"drifts": 2.0, "config_version": 9.0})
	if strings.Contains(w.log.String(), "rule_foreign") {
		t.Error("what is left alone is warned of at each look")
	}
	if attributes := w.span(t, "tunnel.observe").Attributes(); !hasAttribute(attributes, attribute.Int("drifts", 2)) {
		t.Errorf("the span has %v", attributes)
	}
}

func TestService_Observe_refuses_a_request_that_makes_no_sense(t *testing.T) {
	client := setup(t, fakeBackend{observed: new(observeCall)}).client(t, "/service/lifecycle")
	for field, spoil := range map[string]func(*tunnelv1.ObserveRequest){
		"routes[1].hostname": func(r *tunnelv1.ObserveRequest) { r.Routes[0], r.Routes[1] = r.Routes[1], r.Routes[0] },
		"routes[0].zone_id":  func(r *tunnelv1.ObserveRequest) { r.Routes[0].ZoneId = "" },
		"installation_id":    func(r *tunnelv1.ObserveRequest) { r.InstallationId = "0123" },
	} {
		request := observeRequest()
		spoil(request)
		_, err := client.Observe(t.Context(), request)
		violations := rpcerr.Violations(err)
		if status.Code(err) != codes.InvalidArgument || len(violations) != 1 || violations[0].Field != field {
			t.Errorf("%s: %v with violations %v", field, err, violations)
		}
	}
}

// Every kind of drift has a name on the wire, and a word of its own in the log.
func TestService_knows_every_kind_of_drift(t *testing.T) {
	words := map[string]bool{}
	for kind := route.RuleMissing; kind <= route.Blocked; kind++ {
		backend := fakeBackend{observed: new(observeCall), found: route.Observation{Drifts: []route.Drift{{Kind: kind}}}}
		response, err := setup(t, backend).client(t, "/service/lifecycle").Observe(t.Context(), observeRequest())
		if err != nil || response.GetDrifts()[0].GetKind() == 0 || response.GetDrifts()[0].GetSince() != nil {
			t.Errorf("%s: response %v, error %v", kind, response, err)
		}
		if words[kind.String()] {
			t.Errorf("two kinds are called %s", kind)
		}
		words[kind.String()] = true
	}
}

// held is a hold of so many of 1,200 names, as long as names can be.
func held(n int) *shrink.HeldError {
	long := strings.Repeat(strings.Repeat("a", 60)+".", 3)
	e := &shrink.HeldError{ID: "hold_1", Held: 1200}
	for i := range n {
		e.Names = append(e.Names, fmt.Sprintf("n%04d.%sexample", i, long))
	}
	return e
}

// F43: the answer to a change that is held names the hold and a hundred of the
// names that would go.
func TestService_Apply_says_what_is_held(t *testing.T) {
	hold := held(700)
	w := setup(t, fakeBackend{applied: new(route.Snapshot), err: hold})
	_, err := w.client(t, "/service/lifecycle").Apply(t.Context(), applyRequest())
	if status.Code(err) != codes.FailedPrecondition || rpcerr.Reason(err) != "HELD_BY_SHRINK_GUARD" {
		t.Fatalf("error is %v", err)
	}
	meta := rpcerr.MetadataOf(err)
	if meta["hold_id"] != "hold_1" || meta["held_count"] != "1200" || meta["unexplained_count"] != "700" || meta["actor"] != "operator" ||
		!strings.Contains(meta["fix"], "siteplane hold confirm hold_1") {
		t.Errorf("metadata is %v", meta)
	}
	violations := rpcerr.Violations(err)
	if len(violations) != 100 || violations[99].Field != hold.Names[99] {
		t.Errorf("%d violations, the last %+v", len(violations), violations[len(violations)-1])
	}
	w.wantLine(t, "tunnel apply is held", map[string]any{"level": "ERROR", "hold_id": "hold_1", "unexplained": 700.0})
}
