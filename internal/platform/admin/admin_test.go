package admin_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/siteplane/siteplane/internal/platform/admin"
	"github.com/siteplane/siteplane/internal/platform/identity"
)

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

// running is an admin server that lets the bearer of "good" in.
type running struct {
	*admin.Server
	client  *http.Client
	serving atomic.Bool
	log     bytes.Buffer
	cancel  context.CancelFunc
	served  chan error
}

func authorize(r *http.Request) error {
	switch r.Header.Get("Authorization") {
	case "Bearer good":
		return nil
	case "Bearer weak":
		return errors.New("key hunter2 is no admin key")
	default:
		return fmt.Errorf("read credential: %w", admin.ErrUnauthenticated)
	}
}

func start(t *testing.T, registry *prometheus.Registry) *running {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.IssueServer([]string{"127.0.0.1"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.CertificatePEM())
	r := &running{served: make(chan error, 1),
		client: &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}}
	r.serving.Store(true)
	r.Server, err = admin.New(admin.Config{Listener: listen(t), TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
		Authorize: authorize, Serving: r.serving.Load, Registry: registry,
		Logger: slog.New(slog.NewTextHandler(&r.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.served <- r.Serve(ctx) }()
	t.Cleanup(func() { r.stop(t) })
	return r
}

// stop ends the server and waits for it. It may be called again.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.client.CloseIdleConnections()
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

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// get asks with a credential and returns status and body.
func (r *running) get(t *testing.T, path, credential string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+r.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", credential)
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestServer_lets_in_whom_Authorize_lets_in(t *testing.T) {
	r := start(t, nil)
	r.Handle("GET /extra", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "extra") }))
	for _, path := range []string{"/healthz", "/metrics", "/extra", "/nothing"} {
		for credential, want := range map[string]int{"Bearer good": 200, "Bearer weak": 403, "": 401, "Bearer wrong": 401} {
			if path == "/nothing" && want == 200 {
				want = 404
			}
			code, body := r.get(t, path, credential)
			if code != want {
				t.Errorf("%s with %q: %d, want %d", path, credential, code, want)
			}
			if strings.Contains(body, "hunter2") || (want != 200 && strings.Contains(body, "SERVING")) {
				t.Errorf("%s with %q leaks %q", path, credential, body)
			}
		}
	}
	r.stop(t)
	if !strings.Contains(r.log.String(), "admin request refused") || !strings.Contains(r.log.String(), "hunter2 is no admin key") {
		t.Errorf("the log lacks the refusals:\n%s", r.log.String())
	}
}

func TestServer_health(t *testing.T) {
	r := start(t, nil)
	if code, body := r.get(t, "/healthz", "Bearer good"); code != 200 || body != "SERVING\n" {
		t.Errorf("serving: %d %q", code, body)
	}
	r.serving.Store(false)
	if code, body := r.get(t, "/healthz", "Bearer good"); code != 503 || body != "NOT_SERVING\n" {
		t.Errorf("not serving: %d %q", code, body)
	}
}

func TestServer_metrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	applies := prometheus.NewCounter(prometheus.CounterOpts{Name: "siteplane_applies_total", Help: "Applies."})
	registry.MustRegister(applies)
	applies.Inc()
	code, body := start(t, registry).get(t, "/metrics", "Bearer good")
	for _, want := range []string{"siteplane_applies_total 1", "go_goroutines ", "process_cpu_seconds_total "} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("answer %d lacks %q", code, want)
		}
	}
}

func TestServer_Serve(t *testing.T) {
	t.Run("lets a running request finish", func(t *testing.T) {
		r := start(t, nil)
		entered, release := make(chan struct{}), make(chan struct{})
		r.Handle("GET /slow", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-release
			_, _ = io.WriteString(w, "done")
		}))
		go func() {
			<-entered
			r.cancel()
			close(release)
		}()
		if code, body := r.get(t, "/slow", "Bearer good"); code != 200 || body != "done" {
			t.Errorf("answer is %d %q", code, body)
		}
	})
	t.Run("reports a failing listener", func(t *testing.T) {
		listener := listen(t)
		_ = listener.Close()
		s, err := admin.New(admin.Config{Listener: listener, TLS: &tls.Config{Certificates: []tls.Certificate{{}}}, Authorize: authorize,
			Serving: func() bool { return true }, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), listener.Addr().String()) {
			t.Errorf("Serve = %v, want an error that names the address", err)
		}
	})
}

func TestNew_refuses(t *testing.T) {
	_, err := admin.New(admin.Config{})
	for _, want := range []string{"no listener", "no authorization", "no health", "no logger"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
	cfg := admin.Config{Listener: listen(t), Authorize: authorize, Serving: func() bool { return true }, Logger: slog.New(slog.DiscardHandler)}
	if _, err := admin.New(cfg); err == nil || !strings.Contains(err.Error(), "no TLS") {
		t.Errorf("plaintext on a network: %v", err)
	}
	socket, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	cfg.Listener = socket
	if _, err := admin.New(cfg); err != nil {
		t.Errorf("plaintext on a Unix socket: %v", err)
	}
}
