package api_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle/api"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// listening is one of the API's HTTP listeners, over TLS on loopback.
type listening struct {
	url    string
	client *http.Client
	stop   context.CancelFunc
	ended  chan error
}

func listen(t *testing.T, serve func(context.Context, net.Listener, *tls.Config) error) *listening {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.IssueServer([]string{"127.0.0.1"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.CertificatePEM())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &listening{url: "https://" + l.Addr().String(), stop: stop, ended: make(chan error, 1), client: &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: 10 * time.Second,
	}}
	go func() {
		s.ended <- serve(ctx, l, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13})
	}()
	return s
}

// get returns the code that a path answers to a key.
func (s *listening) get(t *testing.T, path, key string) int {
	t.Helper()
	code, _ := s.read(t, path, key)
	return code
}

// read returns what a path answers to a key.
func (s *listening) read(t *testing.T, path, key string) (code int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// end stops the listener, which must end well and answer no more.
func (s *listening) end(t *testing.T) {
	t.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	s.client.CloseIdleConnections()
	if resp, err := s.client.Get(s.url); err == nil {
		_ = resp.Body.Close()
		t.Error("it still answers")
	}
}

func TestServeREST(t *testing.T) {
	s := setup(t)
	l := listen(t, api.New(s.world.App, telemetry.Discard("lifecycle")).ServeREST)
	if got := l.get(t, "/v1/sites", s.keyOf[auth.Viewer]); got != http.StatusOK {
		t.Errorf("answered %d", got)
	}
	if got := l.get(t, "/v1/sites", ""); got != http.StatusUnauthorized {
		t.Errorf("without a key: %d", got)
	}
	l.end(t)
}

func TestServeAdmin_lets_platform_admins_in_only(t *testing.T) {
	s := setup(t)
	l := listen(t, api.New(s.world.App, telemetry.Discard("lifecycle")).ServeAdmin)
	for _, path := range []string{"/healthz", "/metrics"} {
		want := map[string]int{
			"": http.StatusUnauthorized, "secret": http.StatusUnauthorized, s.keyOf[auth.Viewer]: http.StatusForbidden,
			s.keyOf[auth.Admin]: http.StatusForbidden, s.keyOf[auth.PlatformAdmin]: http.StatusOK,
		}
		for key, code := range want {
			if got := l.get(t, path, key); got != code {
				t.Errorf("%s: %s answered %d, want %d", path, fmt.Sprintf("%.12s", key), got, code)
			}
		}
	}
	l.end(t)
}

func TestServeAdmin_shows_the_monitors(t *testing.T) {
	s := setup(t)
	l := listen(t, api.New(s.world.App, telemetry.Discard("lifecycle")).ServeAdmin)
	const ran = "siteplane_monitor_last_run_timestamp_seconds 1.7"
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, body := l.read(t, "/metrics", s.keyOf[auth.PlatformAdmin])
		if strings.Contains(body, ran) {
			for _, want := range []string{`siteplane_monitor_findings{monitor="duplicate-claims"} 0`, `siteplane_monitor_findings{monitor="late-work"} 0`} {
				if !strings.Contains(body, want) {
					t.Errorf("the metrics lack %q", want)
				}
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the monitors did not run:\n%s", body)
		}
	}
	l.end(t)
}
