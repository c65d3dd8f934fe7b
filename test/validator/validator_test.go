// Package validator_test looks at zones with the whole dnsvalidator, over gRPC: at
// those of the DNS simulator, and at those of bind9 through unbound.
package validator_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	dnsvalidatorv1 "github.com/siteplane/siteplane/gen/siteplane/dnsvalidator/v1"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/dnsvalidator/app"
	"github.com/siteplane/siteplane/simulators/dns"
)

const (
	host    = "www.example.test"
	edge    = "127.0.0.1"
	nowhere = "127.0.0.9"
)

// start serves the zone example.test in which host leads to the edge.
func start(t *testing.T) *dns.Server {
	t.Helper()
	server, err := dns.Listen(dns.Config{Addr: "127.0.0.1:0", Zones: []dns.Zone{{
		Origin: "example.test", Records: []string{"ns A 127.0.0.1", "www A " + edge, "text TXT hello"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	until(t, server.Serve)
	return server
}

// until runs a server until the test ends.
func until(t *testing.T, serve func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// validate runs dnsvalidator and returns a client that calls as lifecycle.
func validate(t *testing.T, cfg app.Config) dnsvalidatorv1.DNSValidatorServiceClient {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.test")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Telemetry = telemetry.Discard("dnsvalidator")
	cfg.ProbeAllowNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if cfg.Identity, err = ca.Issue("/service/dnsvalidator", time.Hour); err != nil {
		t.Fatal(err)
	}
	if cfg.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	addr := cfg.Listener.Addr().String()
	until(t, func(ctx context.Context) error { return app.Run(ctx, cfg) })

	caller, err := ca.Issue("/service/lifecycle", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := rpc.Dial(addr, rpc.DialConfig{TLS: caller.ClientTLS("/service/dnsvalidator"), Telemetry: telemetry.Discard("test")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return dnsvalidatorv1.NewDNSValidatorServiceClient(conn)
}

// world is a way for the zone to be.
type world func(t *testing.T, zone *dns.Server)

// set makes records the whole set of a name and type.
func set(name, rrtype string, records ...string) world {
	return func(t *testing.T, zone *dns.Server) {
		t.Helper()
		if err := zone.Replace(name, rrtype, records...); err != nil {
			t.Fatal(err)
		}
	}
}

// fault makes host misbehave.
func fault(f dns.Fault) world {
	return func(_ *testing.T, zone *dns.Server) { zone.SetFault(host, f) }
}

func all(worlds ...world) world {
	return func(t *testing.T, zone *dns.Server) {
		t.Helper()
		for _, w := range worlds {
			w(t, zone)
		}
	}
}

// aliases makes a row of aliases from host to a name that leads to the edge.
func aliases(hops int) world {
	row := []world{set(host, "A"), set(host, "CNAME", "a1.example.test.")}
	for i := 1; i < hops; i++ {
		row = append(row, set(fmt.Sprintf("a%d.example.test", i), "CNAME", fmt.Sprintf("a%d.example.test.", i+1)))
	}
	return all(append(row, set(fmt.Sprintf("a%d.example.test", hops), "A", edge))...)
}

func TestValidator_finds_exactly_the_fault(t *testing.T) {
	for title, test := range map[string]struct {
		world   world
		outcome dnsvalidatorv1.Outcome
		code    diagnosisv1.Code
	}{
		"none":              {all(), confirmed, 0},
		"none, over tcp":    {fault(dns.FaultTruncate), confirmed, 0},
		"none, by wildcard": {all(set(host, "A"), set("*.example.test", "A", edge)), confirmed, 0},
		"none, ten aliases": {aliases(10), confirmed, 0},
		"no such name":      {set(host, "A"), contradicted, diagnosisv1.Code_CODE_DNS_NXDOMAIN},
		"dead alias":        {all(set(host, "A"), set(host, "CNAME", "none.example.test.")), contradicted, diagnosisv1.Code_CODE_DNS_NXDOMAIN},
		"text only":         {all(set(host, "A"), set(host, "TXT", "x")), contradicted, diagnosisv1.Code_CODE_DNS_NO_ADDRESS},
		"wrong address":     {set(host, "A", nowhere), contradicted, diagnosisv1.Code_CODE_DNS_WRONG_TARGET},
		"wrong one beside":  {set(host, "A", edge, nowhere), contradicted, diagnosisv1.Code_CODE_DNS_WRONG_TARGET},
		"stray IPv6":        {set(host, "AAAA", "2001:4860:4860::8888"), contradicted, diagnosisv1.Code_CODE_DNS_WRONG_TARGET},
		"private address":   {set(host, "A", "10.0.0.1"), contradicted, diagnosisv1.Code_CODE_DNS_PRIVATE_ADDRESS},
		"circle of aliases": {all(set(host, "A"), set(host, "CNAME", "b.example.test."), set("b.example.test", "CNAME", host+".")), contradicted, diagnosisv1.Code_CODE_DNS_CNAME_LOOP},
		"eleven aliases":    {aliases(11), contradicted, diagnosisv1.Code_CODE_DNS_CNAME_TOO_LONG},
		"server failure":    {fault(dns.FaultServerFailure), unknown, diagnosisv1.Code_CODE_DNS_SERVFAIL},
		"refusal":           {fault(dns.FaultRefuse), unknown, diagnosisv1.Code_CODE_DNS_SERVFAIL},
		"silence":           {fault(dns.FaultDrop), unknown, diagnosisv1.Code_CODE_DNS_SERVFAIL},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			zone := start(t)
			test.world(t, zone)
			for way, cfg := range ways(t, zone) {
				found, err := validate(t, cfg).CheckAddresses(t.Context(),
					&dnsvalidatorv1.CheckAddressesRequest{Hostname: host, EdgeAddresses: []string{edge}})
				if err != nil {
					t.Fatal(err)
				}
				if found.GetOutcome() != test.outcome {
					t.Errorf("%s: outcome is %s, want %s", way, found.GetOutcome(), test.outcome)
				}
				if got := codes(found.GetDiagnoses()); got != only(test.code) {
					t.Errorf("%s: diagnoses are %q, want %q", way, got, only(test.code))
				}
				if len(found.GetObservations()) == 0 {
					t.Errorf("%s: no observations", way)
				}
			}
		})
	}
}

// ways are the two ways for the validator to find the zone: told by the operator,
// or found by itself with the simulator for a resolver.
func ways(t *testing.T, zone *dns.Server) map[string]app.Config {
	t.Helper()
	addr, err := netip.ParseAddrPort(zone.Addr())
	if err != nil {
		t.Fatal(err)
	}
	const timeout = 500 * time.Millisecond
	return map[string]app.Config{
		"told":  {QueryTimeout: timeout, Servers: map[string]string{"test": zone.Addr()}, Resolvers: []string{"192.0.2.1:53"}},
		"found": {QueryTimeout: timeout, Resolvers: []string{zone.Addr()}, AuthorityPort: int(addr.Port())},
	}
}

func TestValidator_finds_who_owns_a_name(t *testing.T) {
	const record = "_siteplane-challenge." + host
	mine, others := set(record, "TXT", token), set(record, "TXT", foreign)
	var crowd []string
	for i := range 60 {
		crowd = append(crowd, fmt.Sprintf("%060d", i))
	}
	ill := func(f dns.Fault) world { return func(_ *testing.T, zone *dns.Server) { zone.SetFault(record, f) } }
	for title, test := range map[string]struct {
		world   world
		outcome dnsvalidatorv1.Outcome
		code    diagnosisv1.Code
	}{
		"there":             {mine, confirmed, 0},
		"there, over tcp":   {all(mine, ill(dns.FaultTruncate)), confirmed, 0},
		"there, in a crowd": {set(record, "TXT", append(crowd, token)...), confirmed, 0},
		"not there":         {all(), contradicted, diagnosisv1.Code_CODE_OWNERSHIP_TXT_MISSING},
		"another's":         {others, contradicted, diagnosisv1.Code_CODE_OWNERSHIP_TXT_WRONG},
		"everywhere":        {set("*.www.example.test", "TXT", token), contradicted, diagnosisv1.Code_CODE_OWNERSHIP_TXT_WRONG},
		"too deep":          {set(record+".example.test", "TXT", token), contradicted, diagnosisv1.Code_CODE_DNS_TXT_DOUBLE_LABEL},
		"server failure":    {all(mine, ill(dns.FaultServerFailure)), unknown, diagnosisv1.Code_CODE_DNS_SERVFAIL},
		"refusal":           {all(mine, ill(dns.FaultRefuse)), unknown, diagnosisv1.Code_CODE_DNS_SERVFAIL},
		"silence":           {all(mine, ill(dns.FaultDrop)), unknown, diagnosisv1.Code_CODE_DNS_SERVFAIL},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			zone := start(t)
			test.world(t, zone)
			for way, cfg := range ways(t, zone) {
				found, err := validate(t, cfg).CheckOwnership(t.Context(),
					&dnsvalidatorv1.CheckOwnershipRequest{Hostname: host, RecordName: record, Token: token})
				if err != nil {
					t.Fatal(err)
				}
				if got := codes(found.GetDiagnoses()); found.GetOutcome() != test.outcome || got != only(test.code) {
					t.Errorf("%s: %s with %q, want %s with %q", way, found.GetOutcome(), got, test.outcome, only(test.code))
				}
			}
		})
	}
}

func codes(found []*diagnosisv1.Diagnosis) string {
	var all []string
	for _, d := range found {
		all = append(all, d.GetCode().String())
	}
	return strings.Join(all, " ")
}

func only(code diagnosisv1.Code) string {
	if code == diagnosisv1.Code_CODE_UNSPECIFIED {
		return ""
	}
	return code.String()
}

func TestValidator_knows_Cloudflare_by_the_list_that_it_is_told(t *testing.T) {
	zone := start(t)
	set(host, "A", nowhere)(t, zone)
	list := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"success":true,"result":{"ipv4_cidrs":["%s/32"],"ipv6_cidrs":[],"etag":"1"}}`, nowhere)
	}))
	t.Cleanup(list.Close)
	request := &dnsvalidatorv1.CheckAddressesRequest{Hostname: host, AcceptCloudflare: true}
	for url, want := range map[string]dnsvalidatorv1.Outcome{list.URL + "/client/v4/ips": confirmed, "": contradicted} {
		cfg := ways(t, zone)["told"]
		cfg.CloudflareIPsURL = url
		found, err := validate(t, cfg).CheckAddresses(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if found.GetOutcome() != want {
			t.Errorf("with the list at %q: %v", url, found)
		}
	}
}

func TestValidator_probes_through_the_name(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	zone := start(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sign(w, r, private) }))
	t.Cleanup(server.Close)
	port := server.Listener.Addr().(*net.TCPAddr).Port
	request := &dnsvalidatorv1.ProbeHostnameRequest{
		Hostname: host, Policy: dnsvalidatorv1.ProbePolicy_PROBE_POLICY_PUBLIC,
		AcceptedEdges: []*dnsvalidatorv1.AcceptedEdge{{EdgeId: "edge_1", PublicKey: public}},
	}
	for way, cfg := range ways(t, zone) {
		cfg.ProbePort = port
		client := validate(t, cfg)
		found, err := client.ProbeHostname(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if found.GetOutcome() != dnsvalidatorv1.Outcome_OUTCOME_CONFIRMED || found.GetAttempts()[0].GetEdgeId() != "edge_1" {
			t.Errorf("%s: %v", way, found)
		}
	}

	set(host, "A", nowhere)(t, zone)
	cfg := ways(t, zone)["told"]
	cfg.ProbePort = port
	found, err := validate(t, cfg).ProbeHostname(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if found.GetOutcome() != dnsvalidatorv1.Outcome_OUTCOME_UNKNOWN || codes(found.GetDiagnoses()) != "CODE_PROBE_UNREACHABLE" {
		t.Errorf("where nobody listens: %v", found)
	}
}

// sign answers a probe as an edge does, docs/probe.md.
func sign(w http.ResponseWriter, r *http.Request, key ed25519.PrivateKey) {
	nonce, now := r.URL.Query().Get("nonce"), time.Now().UTC().Format(time.RFC3339Nano)
	message := strings.Join([]string{"siteplane-probe-v1", "edge_1", r.Host, nonce, now}, "\n")
	// What cannot be written makes the probe fail, and with it the test.
	_ = json.NewEncoder(w).Encode(map[string]string{
		"edge_id": "edge_1", "host": r.Host, "nonce": nonce, "time": now,
		"signature": base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(message))),
	})
}
