package api_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	dnsvalidatorv1 "github.com/siteplane/siteplane/gen/siteplane/dnsvalidator/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/api"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/check"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/probe"
)

// fakeWorld looks as it is told and keeps what it was asked.
type fakeWorld struct {
	check     check.Evidence
	probe     probe.Evidence
	wanted    check.Destination
	owned     check.Ownership
	requested probe.Request
	left      time.Duration
}

func (f *fakeWorld) CheckOwnership(_ context.Context, wanted check.Ownership) check.Evidence {
	f.owned = wanted
	return f.check
}

func (f *fakeWorld) CheckAddresses(ctx context.Context, wanted check.Destination) check.Evidence {
	f.wanted = wanted
	end, _ := ctx.Deadline()
	f.left = time.Until(end)
	return f.check
}

func (f *fakeWorld) Probe(_ context.Context, request probe.Request) probe.Evidence {
	f.requested = request
	return f.probe
}

// server is a running service with its CA and spans.
type server struct {
	ca       *identity.CA
	listener *bufconn.Listener
	spans    *tracetest.SpanRecorder
}

// setup serves the fake behind the real interceptors and mTLS.
func setup(t *testing.T, fake *fakeWorld) server {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	s := server{ca: ca, listener: bufconn.Listen(1 << 16), spans: tracetest.NewSpanRecorder()}
	tel, err := telemetry.New(t.Context(), telemetry.Config{
		Service: "dnsvalidator", SpanProcessors: []sdktrace.SpanProcessor{s.spans},
	})
	if err != nil {
		t.Fatal(err)
	}
	built, err := rpc.NewServer(rpc.ServerConfig{
		Listener: s.listener, TLS: s.issue(t, "/service/dnsvalidator").ServerTLS(), Authorizer: api.Policy(), Telemetry: tel,
	})
	if err != nil {
		t.Fatal(err)
	}
	api.New(api.Config{Checker: fake, Prober: fake, Telemetry: tel}).Register(built.GRPC())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- built.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s server) issue(t *testing.T, path string) *identity.Identity {
	t.Helper()
	id, err := s.ca.Issue(path, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// client connects as the given caller.
func (s server) client(t *testing.T, path string) dnsvalidatorv1.DNSValidatorServiceClient {
	t.Helper()
	conn, err := rpc.Dial("passthrough:///dnsvalidator", rpc.DialConfig{
		TLS: s.issue(t, path).ClientTLS("/service/dnsvalidator"), Telemetry: telemetry.Discard("test"),
		Dialer: func(ctx context.Context, _ string) (net.Conn, error) { return s.listener.DialContext(ctx) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return dnsvalidatorv1.NewDNSValidatorServiceClient(conn)
}

func checkRequest() *dnsvalidatorv1.CheckAddressesRequest {
	return &dnsvalidatorv1.CheckAddressesRequest{Hostname: "www.example.com", EdgeAddresses: []string{"9.9.9.9"}}
}

func probeRequest() *dnsvalidatorv1.ProbeHostnameRequest {
	return &dnsvalidatorv1.ProbeHostnameRequest{
		Hostname: "www.example.com", Policy: dnsvalidatorv1.ProbePolicy_PROBE_POLICY_PUBLIC,
		AcceptedEdges: []*dnsvalidatorv1.AcceptedEdge{{EdgeId: "edge_1", PublicKey: make([]byte, 32)}},
	}
}

func TestService_CheckAddresses_returns_the_evidence(t *testing.T) {
	rr, err := dns.NewRR("www.example.com. 60 IN A 8.8.8.8")
	if err != nil {
		t.Fatal(err)
	}
	fault := diagnosis.New(diagnosis.DNSWrongTarget, "it is wrong \xff")
	fault.Expected, fault.Observed, fault.Fix = []string{"e"}, []string{"o \xff"}, []string{"f"}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	fake := &fakeWorld{check: check.Evidence{
		Outcome: evidence.Contradicted, Addresses: []netip.Addr{netip.MustParseAddr("8.8.8.8")}, At: at,
		Diagnoses: []diagnosis.Diagnosis{fault},
		Answers: []dnsq.Answer{
			{Question: dnsq.Question{Server: "192.0.2.1:53", Name: "www.example.com.", Type: dns.TypeA},
				Authoritative: true, Records: []dns.RR{rr}, Duration: time.Second},
			{Question: dnsq.Question{Server: "192.0.2.2:53", Name: "www.example.com.", Type: dns.TypeAAAA}, Err: errors.New("timeout")},
		},
	}}
	got, err := setup(t, fake).client(t, "/service/lifecycle").CheckAddresses(t.Context(), checkRequest())
	if err != nil {
		t.Fatal(err)
	}
	if got.GetOutcome() != dnsvalidatorv1.Outcome_OUTCOME_CONTRADICTED || !got.GetCheckedAt().AsTime().Equal(at) ||
		!slices.Equal(got.GetAddresses(), []string{"8.8.8.8"}) {
		t.Errorf("response is %v", got)
	}
	d := got.GetDiagnoses()[0]
	if d.GetCode() != diagnosisv1.Code_CODE_DNS_WRONG_TARGET || d.GetSeverity() != diagnosisv1.Severity_SEVERITY_ERROR ||
		d.GetActor() != diagnosisv1.Actor_ACTOR_TENANT || d.GetSummary() != "it is wrong \uFFFD" ||
		d.GetExpected()[0] != "e" || d.GetObserved()[0] != "o \uFFFD" || d.GetFix()[0] != "f" {
		t.Errorf("diagnosis is %v", d)
	}
	first, second := got.GetObservations()[0], got.GetObservations()[1]
	if first.GetServer() != "192.0.2.1:53" || first.GetName() != "www.example.com." || first.GetType() != "A" ||
		first.GetRcode() != "NOERROR" || !first.GetAuthoritative() || first.GetError() != "" ||
		first.GetAnswers()[0] != "www.example.com. 60 IN A 8.8.8.8" || first.GetDuration().AsDuration() != time.Second {
		t.Errorf("observation is %v", first)
	}
	if second.GetRcode() != "" || second.GetError() != "timeout" || second.GetType() != "AAAA" {
		t.Errorf("observation is %v", second)
	}
}

func TestService_CheckAddresses_reads_addresses_in_one_form(t *testing.T) {
	fake := &fakeWorld{check: check.Evidence{Outcome: evidence.Confirmed}}
	request := checkRequest()
	request.EdgeAddresses = []string{"::ffff:9.9.9.9", "2620:FE::0:1"}
	if _, err := setup(t, fake).client(t, "/service/lifecycle").CheckAddresses(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	want := []netip.Addr{netip.MustParseAddr("9.9.9.9"), netip.MustParseAddr("2620:fe::1")}
	if !slices.Equal(fake.wanted.Edges, want) {
		t.Errorf("edges are %v", fake.wanted.Edges)
	}
}

func TestService_CheckAddresses_passes_on_what_is_right(t *testing.T) {
	fake := &fakeWorld{check: check.Evidence{Outcome: evidence.Confirmed}}
	request := &dnsvalidatorv1.CheckAddressesRequest{Hostname: "www.example.com", Target: "sites.example.net", AcceptCloudflare: true}
	if _, err := setup(t, fake).client(t, "/service/lifecycle").CheckAddresses(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if fake.wanted.Hostname != "www.example.com" || fake.wanted.Target != "sites.example.net" || !fake.wanted.AcceptCloudflare || len(fake.wanted.Edges) != 0 {
		t.Errorf("wanted is %+v", fake.wanted)
	}
}

func ownershipRequest() *dnsvalidatorv1.CheckOwnershipRequest {
	return &dnsvalidatorv1.CheckOwnershipRequest{
		Hostname: "www.example.com", RecordName: "_siteplane-challenge.www.example.com", Token: "siteplane-verify=0123456789abcdef",
	}
}

func TestService_CheckOwnership_returns_the_evidence(t *testing.T) {
	rr, err := dns.NewRR(`_siteplane-challenge.www.example.com. 60 IN TXT "\226\128" "x"`)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	fake := &fakeWorld{check: check.Evidence{
		Outcome: evidence.Unknown, At: at, Diagnoses: []diagnosis.Diagnosis{diagnosis.New(diagnosis.DNSTXTDoubleLabel, "s")},
		Answers: []dnsq.Answer{{Question: dnsq.Question{Server: "192.0.2.1:53", Type: dns.TypeTXT}, Records: []dns.RR{rr}}},
	}}
	got, err := setup(t, fake).client(t, "/service/lifecycle").CheckOwnership(t.Context(), ownershipRequest())
	if err != nil {
		t.Fatal(err)
	}
	if got.GetOutcome() != dnsvalidatorv1.Outcome_OUTCOME_UNKNOWN || !got.GetCheckedAt().AsTime().Equal(at) ||
		got.GetDiagnoses()[0].GetCode() != diagnosisv1.Code_CODE_DNS_TXT_DOUBLE_LABEL {
		t.Errorf("response is %v", got)
	}
	if o := got.GetObservations()[0]; o.GetType() != "TXT" || o.GetAnswers()[0] != `_siteplane-challenge.www.example.com. 60 IN TXT "\226\128" "x"` {
		t.Errorf("observation is %v", o)
	}
	want := check.Ownership{Hostname: "www.example.com", RecordName: "_siteplane-challenge.www.example.com", Token: "siteplane-verify=0123456789abcdef"}
	if fake.owned != want {
		t.Errorf("wanted is %+v", fake.owned)
	}
}

func TestService_passes_on_a_bounded_number_of_addresses(t *testing.T) {
	fake := &fakeWorld{check: check.Evidence{
		Outcome: evidence.Contradicted, Addresses: slices.Repeat([]netip.Addr{netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6666")}, 200_000),
	}}
	got, err := setup(t, fake).client(t, "/service/lifecycle").CheckAddresses(t.Context(), checkRequest())
	if err != nil || got.GetOutcome() != dnsvalidatorv1.Outcome_OUTCOME_CONTRADICTED || len(got.GetAddresses()) != 256 {
		t.Errorf("%d addresses with %s, %v", len(got.GetAddresses()), got.GetOutcome(), err)
	}
}

func TestService_passes_on_a_bounded_part_of_the_answers(t *testing.T) {
	var answer dnsq.Answer
	for i := range 300 {
		rr, err := dns.NewRR(fmt.Sprintf("_x.www.example.com. 60 IN TXT %q", fmt.Sprintf("%0200d", i)))
		if err != nil {
			t.Fatal(err)
		}
		answer.Records = append(answer.Records, rr)
	}
	fake := &fakeWorld{check: check.Evidence{Outcome: evidence.Unknown, Answers: slices.Repeat([]dnsq.Answer{answer}, 4000)}}
	got, err := setup(t, fake).client(t, "/service/lifecycle").CheckOwnership(t.Context(), ownershipRequest())
	if err != nil {
		t.Fatal(err)
	}
	lines := got.GetObservations()[999].GetAnswers()
	if last := lines[len(lines)-1]; len(got.GetObservations()) != 1000 || last != fmt.Sprintf("and %d more records", 301-len(lines)) {
		t.Errorf("%d observations, the last line is %q", len(got.GetObservations()), last)
	}
}

func TestService_keeps_time_to_answer(t *testing.T) {
	fake := &fakeWorld{check: check.Evidence{Outcome: evidence.Unknown}}
	client := setup(t, fake).client(t, "/service/lifecycle")
	for _, timeout := range []time.Duration{2 * time.Second, time.Hour} {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		_, err := client.CheckAddresses(ctx, checkRequest())
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if most := min(timeout-30*time.Millisecond, 20*time.Second); fake.left <= 0 || fake.left > most {
			t.Errorf("of %s the look may take %s", timeout, fake.left)
		}
	}
}

func TestService_ProbeHostname_returns_the_evidence(t *testing.T) {
	fake := &fakeWorld{probe: probe.Evidence{Outcome: evidence.Unknown, At: time.Now(), Attempts: []probe.Attempt{
		{Address: netip.MustParseAddrPort("9.9.9.9:80"), EdgeID: "edge_1", Status: 200, Duration: time.Second},
		{Address: netip.MustParseAddrPort("[2620:fe::1]:80"), Err: errors.New("refused \xff")},
	}, Diagnoses: []diagnosis.Diagnosis{diagnosis.New(diagnosis.ProbeUnreachable, "s")}}}
	got, err := setup(t, fake).client(t, "/service/lifecycle").ProbeHostname(t.Context(), probeRequest())
	if err != nil {
		t.Fatal(err)
	}
	if got.GetOutcome() != dnsvalidatorv1.Outcome_OUTCOME_UNKNOWN || got.GetDiagnoses()[0].GetActor() != diagnosisv1.Actor_ACTOR_OPERATOR {
		t.Errorf("response is %v", got)
	}
	first, second := got.GetAttempts()[0], got.GetAttempts()[1]
	if first.GetAddress() != "9.9.9.9:80" || first.GetEdgeId() != "edge_1" || first.GetHttpStatus() != 200 || first.GetError() != "" {
		t.Errorf("attempt is %v", first)
	}
	if second.GetAddress() != "[2620:fe::1]:80" || second.GetEdgeId() != "" || second.GetError() != "refused \uFFFD" {
		t.Errorf("attempt is %v", second)
	}
	if fake.requested.Addresses != nil || fake.requested.Edges[0].ID != "edge_1" || len(fake.requested.Edges[0].Key) != ed25519.PublicKeySize {
		t.Errorf("requested is %+v", fake.requested)
	}
}

func TestService_ProbeHostname_dials_edges_by_policy_only(t *testing.T) {
	fake := &fakeWorld{probe: probe.Evidence{Outcome: evidence.Confirmed}}
	client := setup(t, fake).client(t, "/service/lifecycle")
	for policy, want := range map[dnsvalidatorv1.ProbePolicy][]netip.Addr{
		dnsvalidatorv1.ProbePolicy_PROBE_POLICY_PUBLIC: nil,
		dnsvalidatorv1.ProbePolicy_PROBE_POLICY_EDGE:   {netip.MustParseAddr("9.9.9.9")},
	} {
		request := probeRequest()
		request.Policy, request.EdgeAddresses = policy, []string{"9.9.9.9"}
		if _, err := client.ProbeHostname(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(fake.requested.Addresses, want) {
			t.Errorf("%s dials %v", policy, fake.requested.Addresses)
		}
	}
}

func TestService_refuses_bad_requests(t *testing.T) {
	client := setup(t, new(fakeWorld)).client(t, "/service/lifecycle")
	checks := map[string]func(*dnsvalidatorv1.CheckAddressesRequest){
		"hostname":          func(r *dnsvalidatorv1.CheckAddressesRequest) { r.Hostname = "https://example.com" },
		"edge_addresses":    func(r *dnsvalidatorv1.CheckAddressesRequest) { r.EdgeAddresses = nil },
		"edge_addresses[0]": func(r *dnsvalidatorv1.CheckAddressesRequest) { r.EdgeAddresses = []string{"edge.example.com"} },
		"target":            func(r *dnsvalidatorv1.CheckAddressesRequest) { r.Target = "192.0.2.1" },
	}
	for field, spoil := range checks {
		request := checkRequest()
		spoil(request)
		_, err := client.CheckAddresses(t.Context(), request)
		assertInvalid(t, err, field)
	}
	owners := []struct {
		field string
		spoil func(*dnsvalidatorv1.CheckOwnershipRequest)
	}{
		{"hostname", func(r *dnsvalidatorv1.CheckOwnershipRequest) { r.Hostname = "_x.example.com" }},
		{"record_name", func(r *dnsvalidatorv1.CheckOwnershipRequest) { r.RecordName = "" }},
		{"record_name", func(r *dnsvalidatorv1.CheckOwnershipRequest) { r.RecordName = r.Hostname }},
		{"record_name", func(r *dnsvalidatorv1.CheckOwnershipRequest) { r.RecordName = "_x.example.com" }},
		{"record_name", func(r *dnsvalidatorv1.CheckOwnershipRequest) { r.RecordName = "_x.evil-www.example.com" }},
		{"record_name", func(r *dnsvalidatorv1.CheckOwnershipRequest) { r.RecordName = "a b." + r.Hostname }},
		{"token", func(r *dnsvalidatorv1.CheckOwnershipRequest) { r.Token = "short" }},
		{"token", func(r *dnsvalidatorv1.CheckOwnershipRequest) { r.Token = "a \"quoted\" long token" }},
	}
	for _, test := range owners {
		request := ownershipRequest()
		test.spoil(request)
		_, err := client.CheckOwnership(t.Context(), request)
		assertInvalid(t, err, test.field)
	}
	probes := []struct {
		field string
		spoil func(*dnsvalidatorv1.ProbeHostnameRequest)
	}{
		{"hostname", func(r *dnsvalidatorv1.ProbeHostnameRequest) { r.Hostname = "127.0.0.1" }},
		{"hostname", func(r *dnsvalidatorv1.ProbeHostnameRequest) { r.Hostname = "" }},
		{"policy", func(r *dnsvalidatorv1.ProbeHostnameRequest) { r.Policy = 0 }},
		{"accepted_edges", func(r *dnsvalidatorv1.ProbeHostnameRequest) { r.AcceptedEdges = nil }},
		{"accepted_edges[0].public_key", func(r *dnsvalidatorv1.ProbeHostnameRequest) { r.AcceptedEdges[0].PublicKey = []byte("short") }},
		{"edge_addresses", func(r *dnsvalidatorv1.ProbeHostnameRequest) {
			r.Policy = dnsvalidatorv1.ProbePolicy_PROBE_POLICY_EDGE
		}},
		{"edge_addresses[0]", func(r *dnsvalidatorv1.ProbeHostnameRequest) {
			r.Policy, r.EdgeAddresses = dnsvalidatorv1.ProbePolicy_PROBE_POLICY_EDGE, []string{"fe80::1%eth0"}
		}},
	}
	for _, test := range probes {
		request := probeRequest()
		test.spoil(request)
		_, err := client.ProbeHostname(t.Context(), request)
		assertInvalid(t, err, test.field)
	}
}

func assertInvalid(t *testing.T, err error, field string) {
	t.Helper()
	violations := rpcerr.Violations(err)
	if status.Code(err) != codes.InvalidArgument || len(violations) == 0 || violations[0].Field != field {
		t.Errorf("%s: %v with violations %v", field, err, violations)
	}
}

func TestService_is_for_lifecycle_only(t *testing.T) {
	s := setup(t, new(fakeWorld))
	for _, path := range []string{"/service/tunnel", "/service/dnsvalidator", "/edge/edge_1"} {
		client := s.client(t, path)
		if _, err := client.CheckAddresses(t.Context(), checkRequest()); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := client.CheckOwnership(t.Context(), ownershipRequest()); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := client.ProbeHostname(t.Context(), probeRequest()); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestService_leaves_a_span(t *testing.T) {
	s := setup(t, &fakeWorld{check: check.Evidence{Outcome: evidence.Confirmed}})
	if _, err := s.client(t, "/service/lifecycle").CheckAddresses(t.Context(), checkRequest()); err != nil {
		t.Fatal(err)
	}
	for _, span := range s.spans.Ended() {
		if span.Name() == "dns.check" {
			return
		}
	}
	t.Error("no span dns.check")
}

func TestPolicy_has_a_row_for_each_method(t *testing.T) {
	desc := dnsvalidatorv1.DNSValidatorService_ServiceDesc
	for _, method := range desc.Methods {
		if full := "/" + desc.ServiceName + "/" + method.MethodName; !api.Policy().Covers(full) {
			t.Errorf("no row for %s", full)
		}
	}
}
