package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/api"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// server is the API over memory, through the real interceptors.
type server struct {
	*testing.T
	world      *apptest.World
	sites      lifecyclev1.SiteServiceClient
	domains    lifecyclev1.DomainServiceClient
	tenants    lifecyclev1.TenantServiceClient
	zones      lifecyclev1.ZoneServiceClient
	operations lifecyclev1.OperationServiceClient
	infra      lifecyclev1.InfrastructureServiceClient
	keys       lifecyclev1.KeyServiceClient
	events     lifecyclev1.EventServiceClient
	conn       *grpc.ClientConn
	rest       *httptest.Server
	logs       bytes.Buffer
	keyOf      map[auth.Role]string
	listen     *bufconn.Listener
}

// setup serves a world with one edge and a tunnel that has the zone ours.test, to
// keys of every role of its first tenant.
func setup(t *testing.T) *server {
	t.Helper()
	return setupOn(t, nil)
}

// setupOn is setup on a database that open opens; nil for one of SQLite.
func setupOn(t *testing.T, open func(clock func() time.Time) (store.Store, error)) *server {
	t.Helper()
	s := &server{T: t, listen: bufconn.Listen(1 << 20), keyOf: map[auth.Role]string{}}
	s.world = apptest.New(t, apptest.Options{
		Logger: slog.New(slog.NewJSONHandler(&s.logs, nil)), Tunnel: fake.NewTunnel("ours.test"), Open: open,
		Configure: func(cfg *lifecycle.Config) {
			cfg.AllowReservedTLDs = true
			cfg.TenantLimits.RequestsPerSecond = 1_000_000 // time stands still
		},
	})
	s.world.Run()
	for _, role := range []auth.Role{auth.Viewer, auth.Operator, auth.Admin, auth.PlatformAdmin} {
		s.keyOf[role] = s.key(s.world.Caller, role)
	}
	a := api.New(s.world.App, telemetry.Discard("lifecycle"))
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- a.ServeGRPC(ctx, s.listen, nil) }()
	handler, err := a.Handler(ctx)
	s.must(err)
	s.rest = httptest.NewServer(handler)
	s.conn, err = rpc.Dial("passthrough:///memory", rpc.DialConfig{
		Telemetry: telemetry.Discard("test"),
		Dialer:    func(ctx context.Context, _ string) (net.Conn, error) { return s.listen.DialContext(ctx) },
	})
	s.must(err)
	s.sites, s.domains = lifecyclev1.NewSiteServiceClient(s.conn), lifecyclev1.NewDomainServiceClient(s.conn)
	s.tenants, s.zones = lifecyclev1.NewTenantServiceClient(s.conn), lifecyclev1.NewZoneServiceClient(s.conn)
	s.operations, s.infra = lifecyclev1.NewOperationServiceClient(s.conn), lifecyclev1.NewInfrastructureServiceClient(s.conn)
	s.keys, s.events = lifecyclev1.NewKeyServiceClient(s.conn), lifecyclev1.NewEventServiceClient(s.conn)
	t.Cleanup(func() {
		s.rest.Close()
		_ = s.conn.Close()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *server) key(by auth.Principal, role auth.Role) string {
	s.Helper()
	text, err := app.IssueKey(s.Context(), s.world.Store, by.TenantID, "test", role, s.world.Clock.Now())
	s.must(err)
	return text.Reveal()
}

// in has the server report to a subtest until the returned function is called.
func (s *server) in(t *testing.T) (leave func()) {
	whole := s.T
	s.T = t
	return func() { s.T = whole }
}

func (s *server) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// as is a context that calls with a key.
func as(t *testing.T, key string) context.Context {
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+key)
}

// newSite is a valid request.
func newSite(name string) *lifecyclev1.CreateSiteRequest {
	return &lifecyclev1.CreateSiteRequest{Site: &lifecyclev1.Site{Name: name, Spec: &lifecyclev1.SiteSpec{
		Backend: &lifecyclev1.SiteSpec_Origin{Origin: &lifecyclev1.Origin{Targets: []*lifecyclev1.Target{{Address: "1.1.1.1:8080"}}}},
	}}}
}

// answer is what a REST call was answered.
type answer struct {
	code int
	body map[string]any
	raw  []byte
	// operation is its name in the OpenAPI document.
	operation string
}

// call makes a REST call with a key and some headers. It and its answer must be as the
// OpenAPI document has them.
func (s *server) call(method, path, key string, body any, headers ...string) answer {
	s.Helper()
	var sent []byte
	switch b := body.(type) {
	case nil:
	case string:
		sent = []byte(b)
	default:
		raw, err := json.Marshal(b)
		s.must(err)
		sent = raw
	}
	req, err := http.NewRequestWithContext(s.Context(), method, s.rest.URL+path, bytes.NewReader(sent))
	s.must(err)
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	s.must(err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	s.must(err)
	a := answer{code: resp.StatusCode, raw: raw, operation: conforms(s.T, req, sent, resp, raw)}
	if err := json.Unmarshal(raw, &a.body); err != nil {
		s.Fatalf("%s %s: the answer %q is no JSON: %v", method, path, raw, err)
	}
	return a
}
