package rpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// Every kind of caller tries every kind of method, over real TLS on loopback.
func TestServer_lets_in_who_the_policy_names(t *testing.T) {
	s := &items{}
	server := start(t, s, rpc.ServerConfig{})
	methods := []struct {
		name string
		call func(context.Context, *grpc.ClientConn) error
	}{
		{"Put", func(ctx context.Context, conn *grpc.ClientConn) error { return put(ctx, conn, "a") }},
		{"PutAll", func(ctx context.Context, conn *grpc.ClientConn) error { return endOfStream(putAll(ctx, conn, "a")) }},
		{"Lock", lock},
		{"Health", checkHealth},
		{"unknown", func(ctx context.Context, conn *grpc.ClientConn) error {
			return conn.Invoke(ctx, "/"+itemService+"/Nothing", newItem("a", 0), &emptypb.Empty{})
		}},
	}
	const (
		ok, denied, nothing = codes.OK, codes.PermissionDenied, codes.Unimplemented
		shut                = codes.Unavailable // no connection: the handshake failed
	)
	callers := []struct {
		name string
		conn *grpc.ClientConn
		want []codes.Code // in the order of methods
	}{
		{"the right service", server.dial(t, lifecyclePath), []codes.Code{ok, ok, denied, ok, nothing}},
		{"another service", server.dial(t, "/service/tunnel"), []codes.Code{denied, denied, denied, ok, nothing}},
		{"a service below the right one", server.dial(t, lifecyclePath+"/x"), []codes.Code{denied, denied, denied, ok, nothing}},
		{"an edge", server.dial(t, "/edge/edge_1"), []codes.Code{denied, ok, denied, ok, nothing}},
		{"something below an edge", server.dial(t, "/edge/edge_1/x"), []codes.Code{denied, denied, denied, ok, nothing}},
		{"no edge in particular", server.dial(t, "/edge"), []codes.Code{denied, denied, denied, ok, nothing}},
		{"an expired certificate", server.dialTLS(t, expired(t, server.ca)), []codes.Code{shut, shut, shut, shut, shut}},
		{"the right service of another CA", server.dialTLS(t, foreign(t)), []codes.Code{shut, shut, shut, shut, shut}},
		{"no certificate", server.dialTLS(t, anonymous(t, server.ca)), []codes.Code{shut, shut, shut, shut, shut}},
		{"a public server certificate", server.dialTLS(t, public(t, server.ca)), []codes.Code{shut, shut, shut, shut, shut}},
		{"TLS 1.2", server.dialTLS(t, tls12(t, server.ca)), []codes.Code{shut, shut, shut, shut, shut}},
		{"plaintext", plaintext(t, server), []codes.Code{shut, shut, shut, shut, shut}},
	}
	for _, caller := range callers {
		for i, method := range methods {
			t.Run(caller.name+" calls "+method.name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				before := s.calls.Load()
				err := method.call(ctx, caller.conn)
				if got := status.Code(err); got != caller.want[i] {
					t.Errorf("answer is %v, want %s", err, caller.want[i])
				}
				if ran := s.calls.Load() != before; ran != (err == nil && method.name != "Health") {
					t.Errorf("handler ran: %t, error %v", ran, err)
				}
				if caller.want[i] == denied && rpcerr.Reason(err) != rpcerr.ReasonNotAllowed {
					t.Errorf("reason is %q, want %q", rpcerr.Reason(err), rpcerr.ReasonNotAllowed)
				}
			})
		}
	}
}

// A server that is not the one meant must not get the call.
func TestDial_refuses_another_server(t *testing.T) {
	s := &items{}
	server := start(t, s, rpc.ServerConfig{})
	for name, cfg := range map[string]*tls.Config{
		"another path": issue(t, server.ca, lifecyclePath).ClientTLS("/service/other"),
		"another CA":   issue(t, newCA(t), lifecyclePath).ClientTLS(serverPath),
	} {
		t.Run(name, func(t *testing.T) {
			if err := put(t.Context(), server.dialTLS(t, cfg), "a"); status.Code(err) != codes.Unavailable {
				t.Errorf("answer is %v, want UNAVAILABLE", err)
			}
		})
	}
	if s.calls.Load() != 0 {
		t.Error("a handler ran")
	}
}

func TestServer_Serve_refuses_methods_without_a_policy_row(t *testing.T) {
	for name, tt := range map[string]struct {
		policy        rpc.Policy
		named, silent []string
	}{
		"one row missing":  {rpc.Policy{methodPut: {"/a"}, methodLock: nil}, []string{methodPutAll}, []string{methodPut, methodLock}},
		"all rows missing": {rpc.Policy{}, []string{methodPut, methodPutAll, methodLock}, nil},
		"a misspelt row":   {rpc.Policy{methodPut: nil, methodLock: nil, methodPutAll + "s": {"/a"}}, []string{methodPutAll}, []string{methodPut, methodLock}},
	} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t)
			server, err := rpc.NewServer(rpc.ServerConfig{Listener: listener, Authorizer: tt.policy,
				TLS: issue(t, newCA(t), serverPath).ServerTLS(), Telemetry: telemetry.Discard("items")})
			if err != nil {
				t.Fatal(err)
			}
			(&items{}).register(server.GRPC())
			ctx, cancel := context.WithTimeout(t.Context(), time.Second) // ends a server that starts nevertheless
			defer cancel()
			err = server.Serve(ctx)
			if err == nil {
				t.Fatal("the server started")
			}
			for _, method := range tt.named {
				if !strings.Contains(err.Error(), method) {
					t.Errorf("error %q does not name %s", err, method)
				}
			}
			for _, method := range append(tt.silent, "grpc.health") {
				if strings.Contains(err.Error()+",", method+",") {
					t.Errorf("error %q names %s", err, method)
				}
			}
			if _, err := listener.Accept(); err == nil || server.Serving() {
				t.Error("the listener is still open, or the server says it serves")
			}
		})
	}
}

// Should a method get past the check at the start, the policy still denies it.
func TestPolicy_Authorize_denies_a_method_without_a_row(t *testing.T) {
	server := start(t, &items{}, rpc.ServerConfig{Authorizer: coversAll{rpc.Policy{methodPut: {"/service/other"}}}})
	if err := lock(t.Context(), server.dial(t, lifecyclePath)); status.Code(err) != codes.PermissionDenied {
		t.Errorf("answer is %v, want PERMISSION_DENIED", err)
	}
}

type coversAll struct{ rpc.Policy }

func (coversAll) Covers(string) bool { return true }

// The connection outlives the certificate, the permission does not.
func TestPolicy_Authorize_denies_a_certificate_that_expired_since_the_handshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := bufconn.Listen(64 << 10)
		ca := newCA(t)
		client, err := ca.Issue(lifecyclePath, 5*time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		server := start(t, &items{}, rpc.ServerConfig{Listener: listener, TLS: issue(t, ca, serverPath).ServerTLS()})
		conn, err := rpc.Dial("passthrough:///memory", rpc.DialConfig{
			TLS: client.ClientTLS(serverPath), Telemetry: telemetry.Discard("client"),
			Dialer: func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }})
		if err != nil {
			t.Fatal(err)
		}
		if err := put(t.Context(), conn, "a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*time.Minute + time.Second)
		err = put(t.Context(), conn, "a")
		if status.Code(err) != codes.Unauthenticated || rpcerr.Reason(err) != rpcerr.ReasonBadCredential {
			t.Errorf("answer is %v, want UNAUTHENTICATED", err)
		}
		_ = conn.Close()
		server.stop(t)
	})
}

func TestPolicy_Authorize_without_a_connection(t *testing.T) {
	_, err := policy.Authorize(t.Context(), methodPut)
	if status.Code(err) != codes.Unauthenticated || rpcerr.Reason(err) != rpcerr.ReasonBadCredential {
		t.Errorf("error is %v, want UNAUTHENTICATED", err)
	}
	if id, ok := rpc.PeerID(t.Context()); ok || id != "" {
		t.Errorf("PeerID = %q, %t", id, ok)
	}
}

func TestPolicy_Covers(t *testing.T) {
	for method, want := range map[string]bool{
		methodPut: true, methodLock: true, "/grpc.health.v1.Health/Check": true,
		methodPut + "x": false, "": false, "/grpc.health.v1.Healthy/Check": false,
	} {
		if got := policy.Covers(method); got != want {
			t.Errorf("Covers(%q) = %t, want %t", method, got, want)
		}
	}
}

// Another way to authorize, for a listener without client certificates.
func TestServer_takes_another_authorizer(t *testing.T) {
	ca := newCA(t)
	cert, err := ca.IssueServer([]string{"127.0.0.1"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan any, 1)
	s := &items{
		put:    func(ctx context.Context, _ proto.Message) error { seen <- ctx.Value(tenantKey{}); return nil },
		putAll: func(stream grpc.ServerStream) error { seen <- stream.Context().Value(tenantKey{}); return nil },
	}
	server := start(t, s, rpc.ServerConfig{
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, Authorizer: keys{"k1": "ten_1"}})

	dial := func(key string) *grpc.ClientConn {
		return server.dialWith(t, rpc.DialConfig{TLS: &tls.Config{RootCAs: roots(t, ca)}, PerRPC: apiKey(key)})
	}
	for _, shape := range []string{"unary", "stream"} {
		if err := endOfStream(call(t.Context(), dial("k1"), shape)); err != nil {
			t.Fatal(err)
		}
		if got := <-seen; got != "ten_1" {
			t.Errorf("the %s handler saw tenant %v", shape, got)
		}
		if err := call(t.Context(), dial("wrong"), shape); status.Code(err) != codes.Unauthenticated {
			t.Errorf("%s answer is %v, want UNAUTHENTICATED", shape, err)
		}
	}
}

// endOfStream turns the end of a stream that went well into nil.
func endOfStream(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func expired(t *testing.T, ca *identity.CA) *tls.Config {
	t.Helper()
	i, err := ca.Issue(lifecyclePath, time.Nanosecond) // certificates have whole seconds
	if err != nil {
		t.Fatal(err)
	}
	return i.ClientTLS(serverPath)
}

// foreign presents a certificate of another CA and takes any server.
func foreign(t *testing.T) *tls.Config {
	t.Helper()
	cfg := issue(t, newCA(t), lifecyclePath).ClientTLS(serverPath)
	cfg.VerifyPeerCertificate = nil
	return cfg
}

func anonymous(t *testing.T, ca *identity.CA) *tls.Config {
	t.Helper()
	return &tls.Config{RootCAs: roots(t, ca), InsecureSkipVerify: true}
}

func public(t *testing.T, ca *identity.CA) *tls.Config {
	t.Helper()
	cert, err := ca.IssueServer([]string{"localhost"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true}
}

func tls12(t *testing.T, ca *identity.CA) *tls.Config {
	t.Helper()
	cfg := issue(t, ca, lifecyclePath).ClientTLS(serverPath)
	cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	return cfg
}

func plaintext(t *testing.T, server *running) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(server.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func roots(t *testing.T, ca *identity.CA) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca.CertificatePEM()) {
		t.Fatal("the CA certificate is no PEM")
	}
	return pool
}
