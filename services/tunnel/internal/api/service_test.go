package api_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/tunnel/internal/api"
	"github.com/siteplane/siteplane/services/tunnel/internal/direct"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
	"github.com/siteplane/siteplane/services/tunnel/internal/zone"
)

// fakeBackend returns what it is told, and keeps what it was told.
type fakeBackend struct {
	zone    *zone.Zone
	target  string
	result  route.Result
	reading route.Reading
	found   route.Observation
	err     error

	applied  *route.Snapshot
	read     *readCall
	observed *observeCall
}

type observeCall struct {
	installation string
	routes       []route.Route
}

type readCall struct {
	installation string
	route        route.Route
}

func (fakeBackend) Name() string { return "fake" }

func (b fakeBackend) CustomHostnameTarget() string { return b.target }

func (b fakeBackend) Apply(_ context.Context, snapshot route.Snapshot) (route.Result, error) {
	*b.applied = snapshot
	return b.result, b.err
}

func (b fakeBackend) ReadRoute(_ context.Context, installation string, w route.Route) (route.Reading, error) {
	*b.read = readCall{installation, w}
	return b.reading, b.err
}

func (b fakeBackend) Observe(_ context.Context, installation string, routes []route.Route) (route.Observation, error) {
	*b.observed = observeCall{installation, routes}
	return b.found, b.err
}

func (b fakeBackend) LookupZone(context.Context, string) (*zone.Zone, error) { return b.zone, b.err }

// logBook is a log that can be read while others write.
type logBook struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (b *logBook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.Write(line)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.String()
}

// world is a running service with its CA, log and spans.
type world struct {
	ca       *identity.CA
	listener *bufconn.Listener
	log      *logBook
	spans    *tracetest.SpanRecorder
}

// setup serves a backend behind the real interceptors and mTLS.
func setup(t *testing.T, backend api.Backend) world {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	w := world{ca: ca, listener: bufconn.Listen(1 << 16), log: new(logBook), spans: tracetest.NewSpanRecorder()}
	tel, err := telemetry.New(t.Context(), telemetry.Config{
		Service: "tunnel", Log: w.log, LogFormat: "json", SpanProcessors: []sdktrace.SpanProcessor{w.spans},
	})
	if err != nil {
		t.Fatal(err)
	}
	server, err := rpc.NewServer(rpc.ServerConfig{
		Listener: w.listener, TLS: w.issue(t, "/service/tunnel").ServerTLS(), Authorizer: api.Policy(), Telemetry: tel,
	})
	if err != nil {
		t.Fatal(err)
	}
	api.New(api.Config{Backend: backend, Telemetry: tel}).Register(server.GRPC())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w world) issue(t *testing.T, path string) *identity.Identity {
	t.Helper()
	id, err := w.ca.Issue(path, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// client connects as the given caller.
func (w world) client(t *testing.T, path string) tunnelv1.TunnelServiceClient {
	t.Helper()
	return tunnelv1.NewTunnelServiceClient(w.dial(t, w.issue(t, path).ClientTLS("/service/tunnel")))
}

func (w world) dial(t *testing.T, cfg *tls.Config) *grpc.ClientConn {
	t.Helper()
	conn, err := rpc.Dial("passthrough:///tunnel", rpc.DialConfig{
		TLS: cfg, Telemetry: telemetry.Discard("test"),
		Dialer: func(ctx context.Context, _ string) (net.Conn, error) { return w.listener.DialContext(ctx) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func lookup(hostname string) *tunnelv1.LookupZoneRequest {
	return &tunnelv1.LookupZoneRequest{Hostname: hostname}
}

func TestService_LookupZone_direct_has_no_zone(t *testing.T) {
	w := setup(t, direct.Backend{})
	response, err := w.client(t, "/service/lifecycle").LookupZone(t.Context(), lookup("www.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if response.GetZone() != nil || response.GetBackend() != "direct" {
		t.Errorf("response is %v", response)
	}
}

func TestService_LookupZone_returns_the_zone(t *testing.T) {
	w := setup(t, fakeBackend{zone: &zone.Zone{ID: "z1", Name: "example.com", AccountID: "a1"}, target: "customers.example.com"})
	response, err := w.client(t, "/service/lifecycle").LookupZone(t.Context(), lookup("www.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	got := response.GetZone()
	if got.GetZoneId() != "z1" || got.GetName() != "example.com" || got.GetAccountId() != "a1" {
		t.Errorf("zone is %v", got)
	}
	if response.GetCustomHostnameTarget() != "customers.example.com" {
		t.Errorf("response is %v", response)
	}
}

func TestService_LookupZone_leaves_a_span_and_a_line(t *testing.T) {
	w := setup(t, direct.Backend{})
	if _, err := w.client(t, "/service/lifecycle").LookupZone(t.Context(), lookup("www.example.com")); err != nil {
		t.Fatal(err)
	}
	trace := ""
	for _, span := range w.spans.Ended() {
		if span.Name() == "tunnel.lookup_zone" {
			trace = span.SpanContext().TraceID().String()
		}
	}
	if trace == "" {
		t.Fatal("no span tunnel.lookup_zone")
	}
	for line := range strings.Lines(w.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if fields["msg"] == "zone looked up" && fields[telemetry.KeyHostname] == "www.example.com" && fields[telemetry.KeyTraceID] == trace {
			return
		}
	}
	t.Errorf("no line for trace %s in\n%s", trace, w.log)
}

func TestService_LookupZone_failure_is_not_no_zone(t *testing.T) {
	w := setup(t, fakeBackend{err: errors.New("token rejected")})
	response, err := w.client(t, "/service/lifecycle").LookupZone(t.Context(), lookup("www.example.com"))
	if status.Code(err) != codes.Unavailable || response != nil {
		t.Fatalf("response %v, error %v", response, err)
	}
	if _, ok := rpcerr.RetryDelay(err); !ok {
		t.Error("the error does not say when to try again")
	}
	if strings.Contains(err.Error(), "token") {
		t.Errorf("the error tells the cause: %v", err)
	}
	if !strings.Contains(w.log.String(), "token rejected") {
		t.Error("the log does not tell the cause")
	}
}

func TestService_LookupZone_refuses_a_bad_hostname(t *testing.T) {
	client := setup(t, direct.Backend{}).client(t, "/service/lifecycle")
	for _, hostname := range []string{"", "WWW.example.com", "https://example.com", "example.com.", "192.0.2.1"} {
		_, err := client.LookupZone(t.Context(), lookup(hostname))
		violations := rpcerr.Violations(err)
		if status.Code(err) != codes.InvalidArgument || len(violations) != 1 || violations[0].Field != "hostname" {
			t.Errorf("%q: %v with violations %v", hostname, err, violations)
		}
	}
}

func TestService_is_for_lifecycle_only(t *testing.T) {
	w := setup(t, direct.Backend{})
	for _, path := range []string{"/service/dnsvalidator", "/service/tunnel", "/edge/edge_1", "/service/lifecycle/x"} {
		if _, err := w.client(t, path).LookupZone(t.Context(), lookup("www.example.com")); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestService_is_for_our_own_CA_only(t *testing.T) {
	w := setup(t, direct.Backend{})
	stranger, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	id, err := stranger.Issue("/service/lifecycle", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cfg := id.ClientTLS("/service/tunnel")
	cfg.VerifyPeerCertificate = nil // The server must refuse, not the client.
	client := tunnelv1.NewTunnelServiceClient(w.dial(t, cfg))
	if _, err := client.LookupZone(t.Context(), lookup("www.example.com")); status.Code(err) != codes.Unavailable {
		t.Errorf("error is %v", err)
	}
}

func TestPolicy_has_a_row_for_each_method(t *testing.T) {
	for _, method := range tunnelv1.TunnelService_ServiceDesc.Methods {
		full := "/" + tunnelv1.TunnelService_ServiceDesc.ServiceName + "/" + method.MethodName
		if !api.Policy().Covers(full) {
			t.Errorf("no row for %s", full)
		}
	}
}
