package app

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	dnsvalidatorv1 "github.com/siteplane/siteplane/gen/siteplane/dnsvalidator/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnstest"
)

func setup(t *testing.T) (*identity.CA, Config) {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	id, err := ca.Issue("/service/dnsvalidator", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return ca, Config{Listener: listener, Identity: id, Telemetry: telemetry.Discard("dnsvalidator")}
}

func TestRun_serves_until_the_context_ends(t *testing.T) {
	server := dnstest.Start(t)
	server.Set("www.example.test", dns.TypeA, dnstest.Reply{Records: []string{"www.example.test. 60 IN A 127.0.0.1"}})
	server.Set("www.example.test", dns.TypeAAAA, dnstest.Reply{})
	ca, cfg := setup(t)
	cfg.Servers = map[string]string{".": server.Addr()}
	cfg.ProbeAllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()

	caller, err := ca.Issue("/service/lifecycle", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := rpc.Dial(cfg.Listener.Addr().String(), rpc.DialConfig{
		TLS: caller.ClientTLS("/service/dnsvalidator"), Telemetry: telemetry.Discard("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	response, err := dnsvalidatorv1.NewDNSValidatorServiceClient(conn).CheckAddresses(t.Context(),
		&dnsvalidatorv1.CheckAddressesRequest{Hostname: "www.example.test", EdgeAddresses: []string{"127.0.0.1"}})
	if err != nil || response.GetOutcome() != dnsvalidatorv1.Outcome_OUTCOME_CONFIRMED {
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

func TestRun_refuses_a_bad_configuration_and_closes_the_listener(t *testing.T) {
	_, cfg := setup(t)
	cfg.ProbePort = 70000
	if err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "probe.port: 70000") {
		t.Errorf("error is %v", err)
	}
	if _, err := cfg.Listener.Accept(); err == nil {
		t.Error("the listener is still open")
	}
}

func TestConfig_Validate_reports_everything_at_once(t *testing.T) {
	err := Config{
		Servers:       map[string]string{"test": "127.0.0.1", strings.Repeat("x", 64): "127.0.0.1:53"},
		Resolvers:     []string{"resolver.example.com:53"},
		AuthorityPort: -1, ProbePort: 70000, QueryTimeout: -1, ProbeTimeout: -1,
		ProbeAllowNetworks: []netip.Prefix{{}}, CloudflareIPsURL: "api.cloudflare.com/client/v4/ips",
	}.Validate()
	for _, want := range []string{
		"no listener", "no identity", "no telemetry", `"127.0.0.1" for "test" is not host:port`, "is not a suffix",
		`"resolver.example.com:53" is not ip:port`, "dns.authority_port: -1", "probe.port: 70000",
		"dns.query_timeout", "probe.timeout", "probe.allow_networks", "cloudflare.ips_url",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q:\n%v", want, err)
		}
	}
}

func TestConfig_complete(t *testing.T) {
	_, cfg := setup(t)
	for _, everything := range []string{".", ""} {
		cfg.Servers = map[string]string{everything: "127.0.0.1:53"}
		got, err := cfg.complete()
		if err != nil || len(got.Resolvers) != 0 {
			t.Errorf("with a server for all names resolvers are %v, %v", got.Resolvers, err)
		}
		if got.ProbePort != 80 || got.AuthorityPort != 53 || got.QueryTimeout != 2*time.Second || got.ProbeTimeout != 5*time.Second {
			t.Errorf("defaults are %+v", got)
		}
	}
}

func TestSystemResolvers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("search example.com\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n")
	got, err := systemResolvers(path)
	if err != nil || !slices.Equal(got, []string{"192.0.2.1:53", "[2001:db8::1]:53"}) {
		t.Errorf("resolvers are %v, %v", got, err)
	}
	write("search example.com\n")
	if _, err := systemResolvers(path); err == nil || !strings.Contains(err.Error(), "set dns.resolvers") {
		t.Errorf("error is %v", err)
	}
	if _, err := systemResolvers(path + ".none"); err == nil || !strings.Contains(err.Error(), "set dns.resolvers") {
		t.Errorf("error is %v", err)
	}
}
