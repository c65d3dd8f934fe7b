package cloudflare

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/simulators/dns"
)

// The world of the tests: a platform with a SaaS zone and a tunnel, and a
// customer with a zone of its own.
const (
	platform = "11111111111111111111111111111111"
	customer = "22222222222222222222222222222222"

	platformZone = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	customerZone = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	plainZone    = "cccccccccccccccccccccccccccccccc"

	tunnelID = "6ff42ae2-765d-4adf-8112-31c55c1551ef"
	secret   = "token-of-the-platform"
	foreign  = "token-of-the-customer"

	tunnelPath = "/accounts/" + platform + "/cfd_tunnel/" + tunnelID
	recordPath = "/zones/" + platformZone + "/dns_records"
	hostPath   = "/zones/" + platformZone + "/custom_hostnames"
)

func testConfig() Config {
	return Config{
		Addr: "127.0.0.1:0", DataAddr: "127.0.1.1:0",
		Accounts: []Account{{platform, "Platform"}, {customer, "Customer"}},
		Zones: []Zone{
			{platformZone, "platform.test", platform, "origin.platform.test"},
			{plainZone, "plain.test", platform, ""},
			{customerZone, "customer.test", customer, ""},
		},
		Tunnels: []Tunnel{{tunnelID, "edge", platform}},
		Tokens: []Token{
			{secret, []string{platform}, permissions},
			{foreign, []string{customer}, permissions},
		},
	}
}

// setup serves the world and returns the server, which ends with the test.
func setup(t *testing.T, change ...func(*Config)) *Server {
	t.Helper()
	cfg := testConfig()
	for _, c := range change {
		c(&cfg)
	}
	server, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, server.Serve)
	return server
}

// serve runs what serves until the test ends.
func serve(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// withDNS makes a DNS server the resolver and the publisher.
func withDNS(t *testing.T) (*dns.Server, func(*Config)) {
	t.Helper()
	var zones []dns.Zone
	for _, origin := range []string{"platform.test", "plain.test", "customer.test", "shop.test"} {
		zones = append(zones, dns.Zone{Origin: origin})
	}
	names, err := dns.Listen(dns.Config{Addr: "127.0.0.1:0", Zones: zones})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, names.Serve)
	return names, func(cfg *Config) { cfg.Resolver, cfg.Publish = names.Addr(), names }
}

// answer is what the API answered.
type answer struct {
	status int
	header http.Header
	body   []byte

	Success    bool            `json:"success"`
	Errors     []problem       `json:"errors"`
	Result     json.RawMessage `json:"result"`
	ResultInfo resultInfo      `json:"result_info"`
}

// code returns the code of the first error, or 0.
func (a answer) code() int {
	if len(a.Errors) == 0 {
		return 0
	}
	return a.Errors[0].Code
}

// result decodes the result.
func result[T any](t *testing.T, a answer) T {
	t.Helper()
	if a.status >= 300 || !a.Success {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	var value T
	if err := json.Unmarshal(a.Result, &value); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return value
}

// do sends one call and returns the answer or how it failed.
func do(server *Server, token, method, path, body string) (answer, error) {
	request, err := http.NewRequest(method, server.URL()+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return roundTrip(request)
}

func roundTrip(request *http.Request) (answer, error) {
	client := &http.Client{
		Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		return a, err
	}
	if bytes.HasPrefix(a.body, []byte("{")) {
		err = json.Unmarshal(a.body, &a)
	}
	return a, err
}

// api sends a call of the platform, which must be answered.
func api(t *testing.T, server *Server, method, path, body string) answer {
	t.Helper()
	a, err := do(server, secret, method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// must sends a call that must succeed.
func must(t *testing.T, server *Server, method, path, body string) answer {
	t.Helper()
	a := api(t, server, method, path, body)
	if a.status >= 300 {
		t.Fatalf("%s %s: status %d: %s", method, path, a.status, a.body)
	}
	return a
}

func TestServer_serves_after_restart_what_the_API_made(t *testing.T) {
	file := t.TempDir() + "/state.json"
	keep := func(cfg *Config) { cfg.StateFile = file }
	ctx, cancel := context.WithCancel(context.Background())
	cfg := testConfig()
	keep(&cfg)
	first, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- first.Serve(ctx) }()
	must(t, first, "POST", recordPath, `{"type":"CNAME","name":"www","content":"`+tunnelID+`.cfargotunnel.com","proxied":true,"comment":"ours"}`)
	must(t, first, "PUT", tunnelPath+"/configurations", `{"config":{"ingress":[{"service":"http_status:404"}],"unknown":{"a":1}}}`)
	must(t, first, "POST", hostPath, `{"hostname":"www.shop.test","ssl":{"method":"http","type":"dv"},"custom_metadata":{"site":"s1"}}`)
	made := result[tunnelView](t, must(t, first, "POST", "/accounts/"+platform+"/cfd_tunnel", `{"name":"second"}`))
	want := first.Snapshot()
	records := must(t, first, "GET", recordPath, "").Result
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	second := setup(t, keep)
	if got := second.Snapshot(); !bytes.Equal(got, want) {
		t.Errorf("after the restart the state is\n%s\nand was\n%s", got, want)
	}
	if got := must(t, second, "GET", recordPath, "").Result; !bytes.Equal(got, records) {
		t.Errorf("after the restart the records are\n%s\nand were\n%s", got, records)
	}
	if got := result[configurationView](t, must(t, second, "GET", tunnelPath+"/configurations", "")); got.Version != 1 {
		t.Errorf("after the restart the version is %d", got.Version)
	}
	must(t, second, "GET", "/accounts/"+platform+"/cfd_tunnel/"+made.ID, "")
}

func TestServer_two_equal_runs_end_equal(t *testing.T) {
	run := func() []byte {
		clock := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		server := setup(t, func(cfg *Config) { cfg.Clock = func() time.Time { return clock } })
		must(t, server, "POST", recordPath, `{"type":"A","name":"a","content":"192.0.2.1"}`)
		must(t, server, "POST", "/accounts/"+platform+"/cfd_tunnel", `{"name":"second"}`)
		must(t, server, "POST", hostPath, `{"hostname":"www.shop.test","ssl":{"method":"txt","type":"dv"}}`)
		return bytes.Join([][]byte{
			must(t, server, "GET", recordPath, "").body, must(t, server, "GET", hostPath, "").body,
			must(t, server, "GET", "/accounts/"+platform+"/cfd_tunnel", "").body, server.Snapshot(),
		}, nil)
	}
	if a, b := run(), run(); !bytes.Equal(a, b) {
		t.Errorf("the runs differ:\n%s\n%s", a, b)
	}
}

func TestListen_refuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no data address":      {func(c *Config) { c.DataAddr = "" }, "data addr"},
		"a short zone id":      {func(c *Config) { c.Zones[0].ID = "1" }, "32 hexadecimal digits"},
		"an unknown account":   {func(c *Config) { c.Zones[0].AccountID = ID("none") }, "is not configured"},
		"a foreign fallback":   {func(c *Config) { c.Zones[0].Fallback = "origin.plain.test" }, "outside of it"},
		"a tunnel by name":     {func(c *Config) { c.Tunnels[0].ID = "edge" }, "is not a uuid"},
		"a made-up permission": {func(c *Config) { c.Tokens[0].Permissions = []Permission{"all"} }, "permission"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			test.change(&cfg)
			server, err := Listen(cfg)
			if err == nil {
				t.Fatal("it listens", server.Close())
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q in it", err, test.want)
			}
		})
	}
}
