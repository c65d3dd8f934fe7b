package rpc_test

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

const (
	lifecyclePath = "/service/lifecycle"
	serverPath    = "/service/items"
)

// policy lets lifecycle put, edges put in streams, and nobody lock.
var policy = rpc.Policy{
	methodPut:    {lifecyclePath},
	methodPutAll: {lifecyclePath, "/edge/*"},
	methodLock:   {},
}

func newCA(t *testing.T) *identity.CA {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func issue(t *testing.T, ca *identity.CA, path string) *identity.Identity {
	t.Helper()
	i, err := ca.Issue(path, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// running is a server that serves until the test ends, or until stop.
type running struct {
	*rpc.Server
	ca     *identity.CA
	cancel context.CancelFunc
	served chan error
}

// start serves items over TLS on loopback, with what the test says in cfg.
func start(t *testing.T, s *items, cfg rpc.ServerConfig) *running {
	t.Helper()
	r := &running{ca: newCA(t), served: make(chan error, 1)}
	if cfg.Listener == nil {
		cfg.Listener = listen(t)
	}
	if cfg.TLS == nil {
		cfg.TLS = issue(t, r.ca, serverPath).ServerTLS()
	}
	if cfg.Authorizer == nil {
		cfg.Authorizer = policy
	}
	if cfg.Telemetry == nil {
		cfg.Telemetry = telemetry.Discard("items")
	}
	server, err := rpc.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = server
	s.register(server.GRPC())
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.served <- server.Serve(ctx) }()
	t.Cleanup(func() { r.stop(t) })
	return r
}

// stop ends the server and waits for it. It may be called again.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.served:
		if err != nil {
			t.Errorf("Serve: %v", err)
		}
		r.served <- nil
	case <-time.After(patience):
		t.Error("Serve did not return")
	}
}

// dial connects as a service of that path.
func (r *running) dial(t *testing.T, path string) *grpc.ClientConn {
	t.Helper()
	return r.dialWith(t, rpc.DialConfig{TLS: issue(t, r.ca, path).ClientTLS(serverPath)})
}

func (r *running) dialTLS(t *testing.T, cfg *tls.Config) *grpc.ClientConn {
	t.Helper()
	return r.dialWith(t, rpc.DialConfig{TLS: cfg})
}

func (r *running) dialWith(t *testing.T, cfg rpc.DialConfig) *grpc.ClientConn {
	t.Helper()
	if cfg.TLS == nil {
		cfg.TLS = issue(t, r.ca, lifecyclePath).ClientTLS(serverPath)
	}
	if cfg.Telemetry == nil {
		cfg.Telemetry = telemetry.Discard("client")
	}
	conn, err := rpc.Dial(r.Addr().String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func put(ctx context.Context, conn *grpc.ClientConn, name string) error {
	return conn.Invoke(ctx, methodPut, newItem(name, 0), &emptypb.Empty{})
}

func lock(ctx context.Context, conn *grpc.ClientConn) error {
	return conn.Invoke(ctx, methodLock, newItem("a", 0), &emptypb.Empty{})
}

// putAll sends the names in one stream and returns how the stream ended.
func putAll(ctx context.Context, conn *grpc.ClientConn, names ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, methodPutAll)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := stream.SendMsg(newItem(name, 0)); err != nil {
			break // the status comes from RecvMsg
		}
	}
	_ = stream.CloseSend()
	return stream.RecvMsg(&emptypb.Empty{})
}

func checkHealth(ctx context.Context, conn *grpc.ClientConn) error {
	_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	return err
}

// recorded returns a Telemetry whose spans the test can read.
func recorded(t *testing.T, service string) (*telemetry.Telemetry, *tracetest.SpanRecorder) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	tel, err := telemetry.New(t.Context(), telemetry.Config{
		Service: service, SpanProcessors: []sdktrace.SpanProcessor{recorder}})
	if err != nil {
		t.Fatal(err)
	}
	return tel, recorder
}
