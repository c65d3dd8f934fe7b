package rpc_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

func TestServer_health(t *testing.T) {
	server := start(t, &items{}, rpc.ServerConfig{})
	client := healthpb.NewHealthClient(server.dial(t, "/edge/edge_1"))
	watch, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	next := func() healthpb.HealthCheckResponse_ServingStatus {
		answer, err := watch.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return answer.GetStatus()
	}
	if got := next(); got != healthpb.HealthCheckResponse_SERVING || !server.Serving() {
		t.Errorf("while serving: %s, Serving() = %t", got, server.Serving())
	}
	server.cancel()
	if got := next(); got != healthpb.HealthCheckResponse_NOT_SERVING || server.Serving() {
		t.Errorf("while stopping: %s, Serving() = %t", got, server.Serving())
	}
}

func TestServer_serves_only_after_Serve(t *testing.T) {
	server, err := rpc.NewServer(rpc.ServerConfig{Listener: listen(t), Authorizer: policy,
		TLS: issue(t, newCA(t), serverPath).ServerTLS(), Telemetry: telemetry.Discard("items")})
	if err != nil {
		t.Fatal(err)
	}
	if server.Serving() {
		t.Error("Serving() before Serve")
	}
}

func TestServer_Serve_stops(t *testing.T) {
	t.Run("after running calls", func(t *testing.T) {
		entered, release := make(chan struct{}), make(chan struct{})
		server := start(t, &items{put: func(context.Context, proto.Message) error {
			close(entered)
			<-release
			return nil
		}}, rpc.ServerConfig{})
		answered := make(chan error, 1)
		conn := server.dial(t, lifecyclePath)
		go func() { answered <- put(context.Background(), conn, "a") }()
		<-entered
		server.cancel()
		waitUntilClosed(t, server.Addr())
		close(release)
		if err := <-answered; err != nil {
			t.Errorf("the running call got %v", err)
		}
		server.stop(t)
	})

	t.Run("and cuts calls that take too long", func(t *testing.T) {
		entered := make(chan struct{})
		server := start(t, &items{putAll: func(stream grpc.ServerStream) error {
			close(entered)
			<-stream.Context().Done()
			return stream.Context().Err()
		}}, rpc.ServerConfig{DrainTimeout: 50 * time.Millisecond})
		answered := make(chan error, 1)
		conn := server.dial(t, lifecyclePath)
		go func() { answered <- putAll(context.Background(), conn, "a") }()
		<-entered
		server.stop(t)
		if err := <-answered; status.Code(err) != codes.Unavailable {
			t.Errorf("the cut call got %v, want UNAVAILABLE", err)
		}
	})

	t.Run("and leaves handlers behind that do not listen", func(t *testing.T) {
		entered, release := make(chan struct{}), make(chan struct{})
		defer close(release)
		server := start(t, &items{put: func(context.Context, proto.Message) error {
			close(entered)
			<-release
			return nil
		}}, rpc.ServerConfig{DrainTimeout: 50 * time.Millisecond})
		conn := server.dial(t, lifecyclePath)
		go func() { _ = put(context.Background(), conn, "a") }()
		<-entered
		server.stop(t)
	})

	t.Run("before it began", func(t *testing.T) {
		server, err := rpc.NewServer(rpc.ServerConfig{Listener: listen(t), Authorizer: policy,
			TLS: issue(t, newCA(t), serverPath).ServerTLS(), Telemetry: telemetry.Discard("items")})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := server.Serve(ctx); err != nil {
			t.Errorf("Serve = %v", err)
		}
		waitUntilClosed(t, server.Addr())
	})
}

// waitUntilClosed polls until nobody listens there any more.
func waitUntilClosed(t *testing.T, addr net.Addr) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			return
		}
		_ = conn.Close()
	}
	t.Fatal("the server still accepts connections")
}

func TestServer_Serve_reports_a_failing_listener(t *testing.T) {
	listener := listen(t)
	_ = listener.Close()
	server, err := rpc.NewServer(rpc.ServerConfig{Listener: listener, Authorizer: policy,
		TLS: issue(t, newCA(t), serverPath).ServerTLS(), Telemetry: telemetry.Discard("items")})
	if err != nil {
		t.Fatal(err)
	}
	err = server.Serve(t.Context())
	if err == nil || !strings.Contains(err.Error(), listener.Addr().String()) {
		t.Errorf("Serve = %v, want an error that names the address", err)
	}
}

func TestNewServer_refuses(t *testing.T) {
	good := func() rpc.ServerConfig {
		return rpc.ServerConfig{Listener: listen(t), Authorizer: policy,
			TLS: issue(t, newCA(t), serverPath).ServerTLS(), Telemetry: telemetry.Discard("items")}
	}
	for name, tt := range map[string]struct {
		spoil func(*rpc.ServerConfig)
		want  []string
	}{
		"an empty configuration": {func(c *rpc.ServerConfig) { *c = rpc.ServerConfig{} },
			[]string{"no listener", "no authorizer", "no telemetry"}},
		"plaintext on a network": {func(c *rpc.ServerConfig) { c.TLS = nil }, []string{"no TLS"}},
		"certificates that nobody verifies": {func(c *rpc.ServerConfig) {
			c.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
		}, []string{"not verify"}},
		"requested certificates that nobody verifies": {func(c *rpc.ServerConfig) {
			c.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
		}, []string{"not verify"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			tt.spoil(&cfg)
			_, err := rpc.NewServer(cfg)
			if err == nil {
				t.Fatal("the server was built")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
	if _, err := rpc.NewServer(good()); err != nil {
		t.Errorf("a good configuration: %v", err)
	}
}

// A Unix socket needs no TLS, but the policy still wants a certificate.
func TestServer_on_a_Unix_socket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server, err := rpc.NewServer(rpc.ServerConfig{Listener: listener, Authorizer: policy, Telemetry: telemetry.Discard("items")})
	if err != nil {
		t.Fatal(err)
	}
	(&items{}).register(server.GRPC())
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	conn, err := rpc.Dial("unix:"+socket, rpc.DialConfig{Telemetry: telemetry.Discard("client")})
	if err != nil {
		t.Fatal(err)
	}
	if err := put(ctx, conn, "a"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("answer is %v, want UNAUTHENTICATED", err)
	}
	_ = conn.Close()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func TestServer_limits_the_size_of_a_message(t *testing.T) {
	server := start(t, &items{}, rpc.ServerConfig{MaxReceiveBytes: 1000})
	conn := server.dial(t, lifecyclePath)
	if err := put(t.Context(), conn, strings.Repeat("a", 2000)); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("answer is %v, want RESOURCE_EXHAUSTED", err)
	}
}

func TestServer_runs_extra_interceptors_on_valid_and_authorized_calls(t *testing.T) {
	var unary, stream []string
	server := start(t, &items{}, rpc.ServerConfig{
		UnaryInterceptors: []grpc.UnaryServerInterceptor{
			func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
				unary = append(unary, info.FullMethod)
				return handler(ctx, req)
			}},
		StreamInterceptors: []grpc.StreamServerInterceptor{
			func(srv any, s grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
				stream = append(stream, info.FullMethod)
				return handler(srv, s)
			}}})
	conn := server.dial(t, lifecyclePath)
	_ = put(t.Context(), conn, "a")
	_ = put(t.Context(), conn, "")
	_ = lock(t.Context(), conn)
	_ = putAll(t.Context(), conn, "a")
	_ = putAll(t.Context(), server.dial(t, "/service/other"), "a")
	server.stop(t)
	if strings.Join(unary, " ") != methodPut || strings.Join(stream, " ") != methodPutAll {
		t.Errorf("they saw %q and %q", unary, stream)
	}
}

func TestServer_says_where_it_listens(t *testing.T) {
	var log bytes.Buffer
	tel, err := telemetry.New(t.Context(), telemetry.Config{Service: "items", Log: &log, LogFormat: "json"})
	if err != nil {
		t.Fatal(err)
	}
	server := start(t, &items{}, rpc.ServerConfig{Telemetry: tel})
	if err := checkHealth(t.Context(), server.dial(t, lifecyclePath)); err != nil {
		t.Fatal(err)
	}
	server.stop(t)
	if !strings.Contains(log.String(), `"msg":"server accepts calls"`) || !strings.Contains(log.String(), server.Addr().String()) {
		t.Errorf("log is %s", log.String())
	}
}
