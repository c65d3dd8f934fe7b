package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// line is a line of the JSON log, as far as steps are concerned.
type line struct {
	Message          string          `json:"msg"`
	Service          string          `json:"service"`
	Operation        string          `json:"operation"`
	OperationID      string          `json:"operation_id"`
	Step             string          `json:"step"`
	Result           string          `json:"result"`
	ExternalResponse json.RawMessage `json:"external_response"`
	TraceID          string          `json:"trace_id"`
}

// lines are what `up` logged; every line must be one JSON object.
func (i *installation) lines() []line {
	i.t.Helper()
	var lines []line
	for text := range strings.Lines(i.running.stderr()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			i.t.Fatalf("%q is no line of JSON: %v", text, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// steps are those of every operation that a site goes through.
var steps = map[string][]string{
	"create_site":     {"provision", "publish_internally"},
	"activate_domain": {"validate", "publish_on_edges", "route", "probe"},
	"release_domain":  {"unroute", "hide_from_edges", "release"},
	"delete_site":     {"release_domains", "withdraw_from_edges", "bury"},
}

func TestLog_has_intent_outcome_and_answer_of_every_step(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	id := i.create("shop", "--origin", startOrigin(t, "shop"))
	i.awaitActive(id)
	i.run("site", "delete", id, "--wait")
	i.awaitStatus(id, lifecyclev1.SiteStatus_SITE_STATUS_DELETED)

	logged := i.lines()
	journal := map[string][]string{}
	for _, e := range i.timeline(id) {
		if e.GetStep().GetPhase() != lifecyclev1.StepPhase_STEP_PHASE_OUTCOME {
			continue
		}
		kind, step := e.GetOperationKind(), e.GetStep().GetStep()
		if !slices.Contains(journal[kind], step) {
			journal[kind] = append(journal[kind], step)
		}
		wantLogged(t, logged, e)
	}
	for kind, want := range steps {
		if !slices.Equal(journal[kind], want) {
			t.Errorf("%s went through %v, want %v", kind, journal[kind], want)
		}
	}
}

// wantLogged fails unless the log has both halves of a step, in the operation
// and the trace that the timeline names, with the answer from outside.
func wantLogged(t *testing.T, logged []line, e *lifecyclev1.TimelineEntry) {
	t.Helper()
	step := e.GetStep()
	name := fmt.Sprintf("%s/%s", e.GetOperationKind(), step.GetStep())
	intent := slices.IndexFunc(logged, func(l line) bool {
		return l.Message == "step intent" && l.OperationID == e.GetOperationId() && l.Step == step.GetStep() && l.TraceID == e.GetTraceId()
	})
	outcome := slices.IndexFunc(logged, func(l line) bool {
		return l.Message == "step outcome" && l.OperationID == e.GetOperationId() && l.Step == step.GetStep() &&
			l.TraceID == e.GetTraceId() && l.Result == step.GetResult()
	})
	if intent < 0 || outcome < intent {
		t.Errorf("%s: intent is line %d of the log, outcome %s line %d", name, intent, step.GetResult(), outcome)
		return
	}
	if len(e.GetOperationId()) == 0 || len(e.GetTraceId()) != 32 {
		t.Errorf("%s: operation %q, trace %q", name, e.GetOperationId(), e.GetTraceId())
	}
	if got := logged[outcome].ExternalResponse; len(got) == 0 || string(got) != step.GetExternalResponse() {
		t.Errorf("%s: the log has the answer %s, the timeline %s", name, got, step.GetExternalResponse())
	}
}

// collector receives spans as a real one would.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	address string

	mu    sync.Mutex
	spans map[string][]span // by trace
}

// span is a span with the service that made it.
type span struct {
	*tracepb.Span
	service string
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	c := &collector{address: listener.Addr().String(), spans: map[string][]span{}}
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return c
}

// Export implements the OTLP service.
func (c *collector) Export(_ context.Context, request *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		service := attribute(resource.GetResource().GetAttributes(), "service.name")
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				trace := fmt.Sprintf("%x", s.GetTraceId())
				c.spans[trace] = append(c.spans[trace], span{Span: s, service: service})
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

func attribute(attributes []*commonpb.KeyValue, key string) string {
	for _, a := range attributes {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// trace returns the spans of a trace.
func (c *collector) trace(id string) []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans[id])
}

// hops are the calls between services that bring a site up: callee, and the path
// of its identity. Lifecycle makes all of them.
var hops = map[string]string{
	"siteplane.edge.v1.EdgeService/Apply":                          "edge-agent /edge/",
	"siteplane.edge.v1.EdgeService/ProbeSite":                      "edge-agent /edge/",
	"siteplane.tunnel.v1.TunnelService/LookupZone":                 "tunnel /service/tunnel",
	"siteplane.dnsvalidator.v1.DNSValidatorService/CheckAddresses": "dnsvalidator /service/dnsvalidator",
	"siteplane.dnsvalidator.v1.DNSValidatorService/ProbeHostname":  "dnsvalidator /service/dnsvalidator",
}

const trustDomain = "spiffe://siteplane.local"

// S17: one trace goes from the request through all four services, and each hop
// bears the verified identity of who called and of who answered.
func TestTrace_goes_through_four_services_with_verified_peers(t *testing.T) {
	t.Parallel()
	collector := startCollector(t)
	i := startInstallation(t, "--otlp-endpoint", collector.address)
	id := i.create("shop", "--origin", startOrigin(t, "shop"))
	i.awaitActive(id)
	trace := i.timeline(id)[0].GetTraceId()

	var problems []string
	eventually(t, "the trace is whole", func() (string, bool) {
		problems = incomplete(collector.trace(trace))
		return strings.Join(problems, "; "), len(problems) == 0
	})
}

// incomplete says what a trace lacks.
func incomplete(spans []span) []string {
	var problems []string
	for _, service := range []string{"lifecycle", "edge-agent", "tunnel", "dnsvalidator"} {
		if !slices.ContainsFunc(spans, func(s span) bool { return s.service == service }) {
			problems = append(problems, "no span of "+service)
		}
	}
	for method, who := range hops {
		service, callee, _ := strings.Cut(who, " ")
		if !hop(spans, method, tracepb.Span_SPAN_KIND_SERVER, service, trustDomain+"/service/lifecycle") {
			problems = append(problems, fmt.Sprintf("%s has no span of %s that lifecycle called", method, service))
		}
		if !hop(spans, method, tracepb.Span_SPAN_KIND_CLIENT, "lifecycle", trustDomain+callee) {
			problems = append(problems, fmt.Sprintf("lifecycle has no span that %s answered %s", callee, method))
		}
	}
	return problems
}

// hop tells whether every span of one side of a call bears the right peer, and
// there is one.
func hop(spans []span, method string, kind tracepb.Span_SpanKind, service, peer string) bool {
	found := false
	for _, s := range spans {
		if s.GetName() != method || s.GetKind() != kind {
			continue
		}
		found = true
		if s.service != service || !strings.HasPrefix(attribute(s.GetAttributes(), "siteplane.peer"), peer) {
			return false
		}
	}
	return found
}
