package app

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

func setup(t *testing.T) (*identity.CA, Config) {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	id, err := ca.Issue("/service/tunnel", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return ca, Config{Listener: listener, Identity: id, Telemetry: telemetry.Discard("tunnel")}
}

func TestRun_serves_until_the_context_ends(t *testing.T) {
	ca, cfg := setup(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()

	caller, err := ca.Issue("/service/lifecycle", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := rpc.Dial(cfg.Listener.Addr().String(), rpc.DialConfig{
		TLS: caller.ClientTLS("/service/tunnel"), Telemetry: telemetry.Discard("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	response, err := tunnelv1.NewTunnelServiceClient(conn).LookupZone(t.Context(),
		&tunnelv1.LookupZoneRequest{Hostname: "www.example.com"})
	if err != nil || response.GetBackend() != "direct" || response.GetZone() != nil {
		t.Errorf("response %v, error %v", response, err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run ended with %v", err)
	}
}

func TestConfig_Validate_lists_the_known_backends(t *testing.T) {
	_, cfg := setup(t)
	cfg.Backend = "wormhole"
	err := Run(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), `"wormhole" is not known; known are: cloudflare, direct`) {
		t.Errorf("error is %v", err)
	}
	if _, err := cfg.Listener.Accept(); err == nil {
		t.Error("the listener is still open")
	}
}

func TestConfig_Validate_reports_everything_at_once(t *testing.T) {
	err := Config{Backend: "wormhole"}.Validate()
	for _, want := range []string{"no listener", "no identity", "no telemetry", "wormhole"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}
