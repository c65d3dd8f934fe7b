package crash_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	dnsvalidator "github.com/siteplane/siteplane/services/dnsvalidator/app"
	edgeagent "github.com/siteplane/siteplane/services/edge-agent/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/service"
	tunnel "github.com/siteplane/siteplane/services/tunnel/app"
	"github.com/siteplane/siteplane/simulators/cloudflare"
	"github.com/siteplane/siteplane/simulators/dns"
)

const (
	platformDomain = "siteplane.localhost"
	tenantZone     = "test"
	managedZone    = "managed.test"

	accountID = "0acc0000000000000000000000000001"
	managedID = "020e0000000000000000000000000001"
	tunnelID  = "70000000-0000-4000-8000-000000000001"
	token     = "token-of-the-simulated-account"
)

// validFor is how long certificates hold: long enough not to be warned of.
const validFor = 30 * 24 * time.Hour

// callLimit bounds a call to Cloudflare. The tunnel service waits as long for one
// that was cut off, for it may take effect yet.
const callLimit = 5 * time.Second

// world is everything that lifecycle calls, and outlives it.
type world struct {
	root string
	// visitors is where nginx answers, and cloudflared where the simulated
	// Cloudflare does, on the same port of another address.
	visitors, cloudflared netip.AddrPort
	ca                    *identity.CA
	edgeID                id.Edge
	// agent is in front of the edge agent.
	agent                *gate
	tunnel, dnsvalidator net.Listener
	dns                  *dns.Server
	cloudflare           *cloudflare.Server
	// program is lifecycle, built to die, and db reads its database.
	program string
	db      *sql.DB
	scenes  int
}

// newWorld starts one for a built lifecycle; it ends with the test.
func newWorld(t *testing.T, program string) *world {
	t.Helper()
	// Short, because the paths of sockets are; open, because nginx's workers are
	// somebody else. t.TempDir is neither.
	root, err := os.MkdirTemp("", "sp-")
	must(t, err)
	must(t, os.Chmod(root, 0o711))
	t.Cleanup(func() { must(t, os.RemoveAll(root)) })
	w := &world{root: root, edgeID: id.NewEdge(), program: program}
	w.ca, err = identity.LoadOrCreateCA(w.path("ca"), "siteplane.local")
	must(t, err)
	w.visitors, w.cloudflared = addresses(t)
	w.agent, w.tunnel, w.dnsvalidator = newGate(w.listen(t)), w.listen(t), w.listen(t)
	w.startSimulators(t)
	w.startServices(t)
	t.Cleanup(w.agent.Open)
	w.writeCertificates(t)
	w.db, err = sql.Open("sqlite", "file:"+w.database()+"?mode=rw")
	must(t, err)
	t.Cleanup(func() { must(t, w.db.Close()) })
	w.play(t, begin, "")
	return w
}

func (w *world) path(parts ...string) string {
	return filepath.Join(append([]string{w.root}, parts...)...)
}

// host is an address that no other world has, so that its ports are its own.
func (w *world) host() string { return w.visitors.Addr().String() }

func (w *world) listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(w.host(), "0"))
	must(t, err)
	return l
}

// elsewhere is an address at which nobody answers.
func (w *world) elsewhere() string { return w.visitors.Addr().Next().String() }

// addresses returns two free ones, with the same port, in networks of their own.
// The port is below those that the system gives away, so that nothing else of this
// world is given it before nginx listens.
func addresses(t *testing.T) (first, second netip.AddrPort) {
	t.Helper()
	network, subnet := byte(20+rand.IntN(200)), byte(2*rand.IntN(128))
	at := func(beside byte, port uint16) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, network, subnet + beside, 1}), port)
	}
	port := uint16(10_000 + rand.IntN(20_000))
	return at(0, port), at(1, port)
}

func (w *world) startSimulators(t *testing.T) {
	t.Helper()
	var err error
	w.dns, err = dns.Listen(dns.Config{
		Addr: net.JoinHostPort(w.host(), "0"),
		Zones: []dns.Zone{
			{Origin: platformDomain, Records: []string{"* A " + w.host(), "@ A " + w.host()}},
			{Origin: tenantZone}, {Origin: managedZone},
		},
	})
	must(t, err)
	w.cloudflare, err = cloudflare.Listen(cloudflare.Config{
		Addr: net.JoinHostPort(w.host(), "0"), DataAddr: w.cloudflared.String(),
		Accounts: []cloudflare.Account{{ID: accountID, Name: "siteplane"}},
		Zones:    []cloudflare.Zone{{ID: managedID, Name: managedZone, AccountID: accountID}},
		Tunnels:  []cloudflare.Tunnel{{ID: tunnelID, Name: "siteplane", AccountID: accountID}},
		Tokens: []cloudflare.Token{{Secret: token, AccountIDs: []string{accountID}, Permissions: []cloudflare.Permission{
			cloudflare.ZoneRead, cloudflare.DNSEdit, cloudflare.TunnelEdit, cloudflare.CustomHostnamesEdit,
		}}},
		Resolver: w.dns.Addr(), Budget: 1_000_000, Publish: w.dns,
	})
	must(t, err)
	run(t, "simulated DNS", w.dns.Serve)
	run(t, "simulated Cloudflare", w.cloudflare.Serve)
}

func (w *world) startServices(t *testing.T) {
	t.Helper()
	agent := edgeagent.Config{
		EdgeID: string(w.edgeID), Dir: w.path("edge"), RuntimeDir: w.path("run"), PublicListen: []string{w.visitors.String()},
		Listener: w.agent, Identity: w.issue(t, service.EdgePath(w.edgeID)), Telemetry: telemetry.Discard("edge-agent"),
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		must(t, edgeagent.StopNginx(ctx, agent))
	})
	run(t, "edge agent", func(ctx context.Context) error { return edgeagent.Run(ctx, agent) })
	run(t, "tunnel", func(ctx context.Context) error {
		return tunnel.Run(ctx, tunnel.Config{
			Listener: w.tunnel, Identity: w.issue(t, service.TunnelPath), Telemetry: telemetry.Discard("tunnel"),
			Backend: "cloudflare", StateDir: w.path("tunnel"),
			Cloudflare: &tunnel.CloudflareConfig{
				APIURL: w.cloudflare.URL(), Token: secret.Secret(token), AccountID: accountID, TunnelID: tunnelID,
				EdgeURL: "http://" + w.visitors.String(), CallTimeout: callLimit,
			},
		})
	})
	run(t, "DNS validator", func(ctx context.Context) error {
		return dnsvalidator.Run(ctx, dnsvalidator.Config{
			Listener: w.dnsvalidator, Identity: w.issue(t, service.DNSValidatorPath), Telemetry: telemetry.Discard("dnsvalidator"),
			Servers: map[string]string{".": w.dns.Addr()}, ProbePort: int(w.visitors.Port()), ProbeAllowNetworks: []netip.Prefix{loopback},
			CloudflareIPsURL: w.cloudflare.URL() + "/ips",
		})
	})
}

var loopback = netip.MustParsePrefix("127.0.0.0/8")

func (w *world) issue(t *testing.T, path string) *identity.Identity {
	t.Helper()
	issued, err := w.ca.Issue(path, validFor)
	must(t, err)
	return issued
}

// run runs a part of the world until the test ends.
func run(t *testing.T, name string, serve func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := serve(ctx)
		if ctx.Err() == nil {
			t.Errorf("%s ended by itself: %v", name, err)
		}
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	})
}
