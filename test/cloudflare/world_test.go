// Package cloudflare_test runs the tunnel service, as lifecycle calls it, against
// a Cloudflare that fails on purpose.
//
// It owns the checks of what must hold after every single call: a record or
// custom hostname of ours has its rule, and what is not ours is as it was.
package cloudflare_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/digest"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/secret"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/tunnel/app"
	"github.com/siteplane/siteplane/simulators/cloudflare"
)

const (
	account  = "11111111111111111111111111111111"
	stranger = "22222222222222222222222222222222"

	shopZone    = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	saasZone    = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	blogZone    = "cccccccccccccccccccccccccccccccc"
	foreignZone = "dddddddddddddddddddddddddddddddd"

	tunnelID     = "6ff42ae2-765d-4adf-8112-31c55c1551ef"
	token        = "token-that-nobody-may-see"
	installation = "0123456789abcdef"
	target       = "customers.saas.test"
	edgeURL      = "http://127.0.0.1:8088"

	ourComment = "siteplane " + installation
	ourServer  = installation + ".siteplane.internal"

	// patient is a call's time where none is lost.
	patient = 10 * time.Second
)

// foreignConfiguration is what somebody else has in the tunnel.
const foreignConfiguration = `{
  "warp-routing": {"enabled": true, "maxActiveFlows": 12345678901234567890},
  "originRequest": {"connectTimeout": 30, "noHappyEyeballs": false},
  "ingress": [
    {"hostname": "git.shop.test", "service": "ssh://10.0.0.1:22", "originRequest": {"originServerName": "git.internal", "access": {"required": true, "teamName": "t<e>&am"}}},
    {"hostname": "*.blog.test", "path": "^/old", "service": "http://10.0.0.2:80", "unknownKey": [1, 2.50, null]},
    {"service": "http_status:503"}
  ]
}`

// world is a Cloudflare, a tunnel service in front of it, and its caller.
type world struct {
	ca     *identity.CA
	sim    *cloudflare.Server
	apiURL string
	state  string
	log    io.Writer     // of the service; nil for none
	limit  time.Duration // of a call to Cloudflare
	client tunnelv1.TunnelServiceClient
	stop   func() error

	// after runs after every call that reached Cloudflare, before it is answered.
	after func(r *http.Request)
}

// setup starts a world with things of somebody else in it.
func setup(t *testing.T) *world { return setupWith(t, patient) }

// setupWith sets how long a call may take; lost calls are waited for that long.
func setupWith(t *testing.T, limit time.Duration) *world {
	t.Helper()
	sim, err := cloudflare.Listen(cloudflare.Config{
		Addr: "127.0.0.1:0", DataAddr: "127.0.1.1:0",
		Accounts: []cloudflare.Account{{ID: account, Name: "Ours"}, {ID: stranger, Name: "Stranger"}},
		Zones: []cloudflare.Zone{
			{ID: shopZone, Name: "shop.test", AccountID: account},
			{ID: saasZone, Name: "saas.test", AccountID: account, Fallback: target},
			{ID: blogZone, Name: "blog.shop.test", AccountID: account},
			{ID: foreignZone, Name: "foreign.test", AccountID: stranger},
		},
		Tunnels: []cloudflare.Tunnel{{ID: tunnelID, Name: "edge", AccountID: account}},
		Tokens:  []cloudflare.Token{{Secret: token, AccountIDs: []string{account, stranger}, Permissions: allPermissions()}},
		Budget:  1_000_000,
	})
	if err != nil {
		t.Fatal(err)
	}
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{ca: ca, sim: sim, state: t.TempDir(), limit: limit}
	w.run(t, sim.Serve)
	w.apiURL = w.watch(t)
	w.fill(t)
	w.start(t)
	return w
}

func allPermissions() []cloudflare.Permission {
	return []cloudflare.Permission{cloudflare.ZoneRead, cloudflare.DNSEdit, cloudflare.TunnelEdit, cloudflare.CustomHostnamesEdit}
}

// run runs what serves until the returned function is called, or the test ends.
func (w *world) run(t *testing.T, serve func(context.Context) error) func() error {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	done := false
	stop := func() error {
		if done {
			return nil
		}
		done = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return stop
}

// watch puts a proxy in front of Cloudflare that looks at the world after every
// call.
func (w *world) watch(t *testing.T) string {
	t.Helper()
	base, err := url.Parse(w.sim.ControlURL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(base)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer func() {
			if w.after != nil {
				w.after(r)
			}
		}()
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/client/v4"
}

// fill lets somebody else put things into the account.
func (w *world) fill(t *testing.T) {
	t.Helper()
	hand := w.sim.Hand()
	if err := hand.PutConfiguration(tunnelID, json.RawMessage(foreignConfiguration)); err != nil {
		t.Fatal(err)
	}
	for _, r := range []cloudflare.Record{
		{ZoneID: shopZone, Type: "A", Name: "mail.shop.test", Content: "192.0.2.7"},
		{ZoneID: shopZone, Type: "TXT", Name: "shop.test", Content: "v=spf1 -all"},
		{ZoneID: shopZone, Type: "CNAME", Name: "almost.shop.test", Content: tunnelID + ".cfargotunnel.com", Proxied: true, Comment: ourComment + " "},
		{ZoneID: shopZone, Type: "CNAME", Name: "upper.shop.test", Content: tunnelID + ".cfargotunnel.com", Proxied: true, Comment: "Siteplane " + installation},
		{ZoneID: blogZone, Type: "CNAME", Name: "other.blog.shop.test", Content: "elsewhere.test", Comment: "siteplane fedcba9876543210"},
	} {
		if _, err := hand.CreateRecord(r.ZoneID, r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := hand.CreateCustomHostname(saasZone, "www.someone.test", map[string]any{"siteplane": "fedcba9876543210"}); err != nil {
		t.Fatal(err)
	}
}

// start runs the tunnel service and connects as lifecycle.
func (w *world) start(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := w.config(t, listener)
	w.stop = w.run(t, func(ctx context.Context) error { return app.Run(ctx, cfg) })
	conn, err := rpc.Dial(listener.Addr().String(), rpc.DialConfig{
		TLS: w.issue(t, "/service/lifecycle").ClientTLS("/service/tunnel"), Telemetry: telemetry.Discard("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	w.client = tunnelv1.NewTunnelServiceClient(conn)
}

// second runs another service beside for a while, with the same state directory.
func (w *world) second(t *testing.T) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return app.Run(ctx, w.config(t, listener))
}

func (w *world) config(t *testing.T, listener net.Listener) app.Config {
	return app.Config{
		Listener: listener, Identity: w.issue(t, "/service/tunnel"), Telemetry: w.telemetry(t),
		Backend: "cloudflare", StateDir: w.state,
		Cloudflare: &app.CloudflareConfig{
			APIURL: w.apiURL, Token: secret.Secret(token), AccountID: account, TunnelID: tunnelID, EdgeURL: edgeURL,
			CustomHostnameZoneID: saasZone, CustomHostnameTarget: target, CallTimeout: w.limit,
		},
	}
}

func (w *world) issue(t *testing.T, path string) *identity.Identity {
	t.Helper()
	id, err := w.ca.Issue(path, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// record and custom are the two kinds of routes.
func record(hostname, zoneID string) *tunnelv1.Route {
	return &tunnelv1.Route{Hostname: hostname, ZoneId: zoneID, Kind: tunnelv1.RouteKind_ROUTE_KIND_RECORD}
}

func custom(hostname string) *tunnelv1.Route {
	return &tunnelv1.Route{Hostname: hostname, Kind: tunnelv1.RouteKind_ROUTE_KIND_CUSTOM_HOSTNAME}
}

// request is an apply of routes in any order. Operations explain all that goes.
func (w *world) request(t *testing.T, generation uint64, routes ...*tunnelv1.Route) *tunnelv1.ApplyRequest {
	t.Helper()
	r := unexplained(generation, routes...)
	held, err := look(w.sim.Snapshot())
	if err != nil {
		t.Error(err)
	}
	for _, name := range slices.Concat(held.rules, held.records, held.customs) {
		r.Removals = append(r.Removals, &tunnelv1.Removal{Hostname: name, OperationId: "op_1"})
	}
	return r
}

// unexplained is an apply of routes of which no operation says why anything goes.
func unexplained(generation uint64, routes ...*tunnelv1.Route) *tunnelv1.ApplyRequest {
	routes = slices.Clone(routes)
	slices.SortFunc(routes, func(a, b *tunnelv1.Route) int { return strings.Compare(a.GetHostname(), b.GetHostname()) })
	h := digest.New()
	h.Count(len(routes))
	for _, r := range routes {
		h.String(r.GetHostname())
		h.String(map[tunnelv1.RouteKind]string{
			tunnelv1.RouteKind_ROUTE_KIND_RECORD: "record", tunnelv1.RouteKind_ROUTE_KIND_CUSTOM_HOSTNAME: "custom_hostname",
		}[r.GetKind()])
		h.String(r.GetZoneId())
	}
	sum := h.Sum()
	return &tunnelv1.ApplyRequest{
		Fence:          &tunnelv1.Fence{Era: 1, Epoch: 1, Generation: generation},
		InstallationId: installation, Routes: routes, Digest: hex.EncodeToString(sum[:]),
	}
}

// apply applies and must succeed.
func (w *world) apply(t *testing.T, generation uint64, routes ...*tunnelv1.Route) *tunnelv1.ApplyResponse {
	t.Helper()
	response, err := w.client.Apply(t.Context(), w.request(t, generation, routes...))
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// read reads a route and must succeed.
func (w *world) read(t *testing.T, route *tunnelv1.Route) *tunnelv1.ReadRouteResponse {
	t.Helper()
	response, err := w.client.ReadRoute(t.Context(), &tunnelv1.ReadRouteRequest{InstallationId: installation, Route: route})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// mutations are the calls with the token that would change something.
func (w *world) mutations() []string {
	var found []string
	for _, call := range w.sim.Log() {
		if call.Actor == "token" && call.Mutating {
			found = append(found, fmt.Sprintf("%s %s", call.Method, call.Path))
		}
	}
	return found
}
