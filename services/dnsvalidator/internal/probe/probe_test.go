package probe_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/authority"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnstest"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/probe"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/reach"
)

const host = "www.example.test"

// signer is an edge that answers probes, docs/probe.md. It is written apart from
// the code under test.
type signer struct {
	id  string
	key ed25519.PrivateKey
}

func newSigner(t *testing.T, id string) signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return signer{id: id, key: key}
}

func (s signer) accepted() probe.Edge {
	return probe.Edge{ID: s.id, Key: s.key.Public().(ed25519.PublicKey)}
}

// body is the answer of this edge for a host and nonce at a time.
func (s signer) body(host, nonce string, at time.Time) string {
	text := at.UTC().Format(time.RFC3339Nano)
	signed := "siteplane-probe-v1\n" + s.id + "\n" + host + "\n" + nonce + "\n" + text
	body, err := json.Marshal(map[string]string{
		"edge_id": s.id, "host": host, "nonce": nonce, "time": text,
		"signature": base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.key, []byte(signed))),
	})
	if err != nil {
		panic(err) // A map of strings always marshals.
	}
	return string(body)
}

// answers replies to every probe as an edge should.
func (s signer) answers(w http.ResponseWriter, r *http.Request) {
	fmt.Fprint(w, s.body(r.Host, r.URL.Query().Get("nonce"), time.Now()))
}

// world has two addresses at one port, and a name server.
type world struct {
	dns       *dnstest.Server
	listeners []net.Listener
	prober    *probe.Prober
	edge      signer
}

var addresses = []netip.Addr{netip.MustParseAddr("127.0.0.4"), netip.MustParseAddr("127.0.0.5")}

func setup(t *testing.T) world {
	t.Helper()
	w := world{dns: dnstest.Start(t), listeners: listen(t), edge: newSigner(t, "edge_1")}
	asker := dnsq.Client{Timeout: 2 * time.Second}
	w.prober = &probe.Prober{
		Walker: chain.Walker{Locator: authority.Visitor{Resolvers: []string{w.dns.Addr()}}, Asker: asker},
		Reach:  reach.Filter{netip.MustParsePrefix("127.0.0.0/8")}, Cloudflare: cloudflare{},
		Port: netip.MustParseAddrPort(w.listeners[0].Addr().String()).Port(), Timeout: 10 * time.Second,
	}
	return w
}

// cloudflare are the addresses that count as Cloudflare's.
type cloudflare map[netip.Addr]bool

func (c cloudflare) Contains(_ context.Context, addr netip.Addr) bool { return c[addr] }

// listen takes one port on both addresses.
func listen(t *testing.T) []net.Listener {
	t.Helper()
	for range 20 {
		first, err := net.Listen("tcp", addresses[0].String()+":0")
		if err != nil {
			t.Fatal(err)
		}
		port := netip.MustParseAddrPort(first.Addr().String()).Port()
		second, err := net.Listen("tcp", netip.AddrPortFrom(addresses[1], port).String())
		if err == nil {
			t.Cleanup(func() { _, _ = first.Close(), second.Close() })
			return []net.Listener{first, second}
		}
		_ = first.Close()
	}
	t.Fatal("no port is free on both addresses")
	return nil
}

// serve lets handler answer at one of the addresses.
func (w world) serve(t *testing.T, i int, handler http.HandlerFunc) {
	t.Helper()
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(w.listeners[i]) }()
	t.Cleanup(func() { _ = server.Close() })
}

// resolve makes the hostname lead to addresses.
func (w world) resolve(to ...netip.Addr) {
	var records []string
	for _, addr := range to {
		records = append(records, fmt.Sprintf("%s. 60 IN A %s", host, addr))
	}
	w.dns.Set(host, dns.TypeA, dnstest.Reply{Records: records})
	w.dns.Set(host, dns.TypeAAAA, dnstest.Reply{})
}

func (w world) request() probe.Request {
	return probe.Request{Hostname: host, Edges: []probe.Edge{w.edge.accepted()}}
}

// codes names the diagnoses.
func codes(found probe.Evidence) string {
	var all []string
	for _, d := range found.Diagnoses {
		all = append(all, string(d.Code))
		if d.Summary == "" || len(d.Expected) == 0 || len(d.Observed) == 0 || len(d.Fix) == 0 {
			all = append(all, "incomplete")
		}
	}
	return strings.Join(all, " ")
}

const (
	notOurs     = "PROBE_NOT_OURS"
	unreachable = "PROBE_UNREACHABLE"
)

func TestProber_Probe_one_address(t *testing.T) {
	for title, test := range map[string]struct {
		answer  func(w world) http.HandlerFunc
		outcome evidence.Outcome
		codes   string
		err     string
		status  int
	}{
		"the right answer": {func(w world) http.HandlerFunc { return w.edge.answers },
			evidence.Confirmed, "", "", 200},
		"200 to everything": {text("hello"),
			evidence.Contradicted, notOurs, "not a probe answer", 200},
		"an empty object": {text("{}"),
			evidence.Contradicted, notOurs, "another nonce", 200},
		"an unsigned echo": {func(world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(rw, `{"edge_id":"edge_1","host":%q,"nonce":%q,"time":%q}`,
					r.Host, r.URL.Query().Get("nonce"), time.Now().UTC().Format(time.RFC3339Nano))
			}
		}, evidence.Contradicted, notOurs, "not signed", 200},
		"the nonce alone": {func(world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, r.URL.Query().Get("nonce")) }
		}, evidence.Contradicted, notOurs, "not a probe answer", 200},
		"an answer to another nonce": {func(w world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				fmt.Fprint(rw, w.edge.body(r.Host, strings.Repeat("A", 43), time.Now()))
			}
		}, evidence.Contradicted, notOurs, "another nonce", 200},
		"signed for another nonce, relabelled": {func(w world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				other := strings.Repeat("A", 43)
				fmt.Fprint(rw, strings.ReplaceAll(w.edge.body(r.Host, other, time.Now()), other, r.URL.Query().Get("nonce")))
			}
		}, evidence.Contradicted, notOurs, "not by the key", 200},
		"signed for another host": {func(w world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				fmt.Fprint(rw, w.edge.body("other.example.test", r.URL.Query().Get("nonce"), time.Now()))
			}
		}, evidence.Contradicted, notOurs, "another host", 200},
		"signed for another host, relabelled": {func(w world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				body := w.edge.body("other.example.test", r.URL.Query().Get("nonce"), time.Now())
				fmt.Fprint(rw, strings.ReplaceAll(body, "other.example.test", r.Host))
			}
		}, evidence.Contradicted, notOurs, "not by the key", 200},
		"an unknown edge": {func(world) http.HandlerFunc { return newSigner(t, "edge_2").answers },
			evidence.Contradicted, notOurs, `unknown edge: "edge_2"`, 200},
		"the key of another edge": {func(world) http.HandlerFunc { return newSigner(t, "edge_1").answers },
			evidence.Contradicted, notOurs, "not by the key", 200},
		"an answer of long ago": {func(w world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				fmt.Fprint(rw, w.edge.body(r.Host, r.URL.Query().Get("nonce"), time.Now().Add(-3*time.Minute)))
			}
		}, evidence.Contradicted, notOurs, "not of now", 200},
		"an answer of the future": {func(w world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				fmt.Fprint(rw, w.edge.body(r.Host, r.URL.Query().Get("nonce"), time.Now().Add(3*time.Minute)))
			}
		}, evidence.Contradicted, notOurs, "not of now", 200},
		"the right answer behind a redirect": {func(w world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/.well-known/siteplane/probe" {
					w.edge.answers(rw, r)
					return
				}
				http.Redirect(rw, r, "/elsewhere?"+r.URL.RawQuery, http.StatusFound)
			}
		}, evidence.Contradicted, notOurs, "not followed", 302},
		"not found": {func(world) http.HandlerFunc { return http.NotFound },
			evidence.Contradicted, notOurs, "status 404", 404},
		"a gateway whose backend is away": {func(world) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }
		}, evidence.Unknown, unreachable, "status 502", 502},
		"a huge body": {text(strings.Repeat(" ", 1<<20) + "{}"),
			evidence.Contradicted, notOurs, "longer than 4096 bytes", 200},
		"a stream without end": {func(world) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				for _, err := rw.Write([]byte("{")); err == nil; _, err = rw.Write([]byte("{")) {
				}
			}
		}, evidence.Contradicted, notOurs, "longer than 4096 bytes", 200},
		"a huge head": {func(world) http.HandlerFunc {
			return func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("X-Long", strings.Repeat("x", 1<<17))
			}
		}, evidence.Contradicted, notOurs, "exceeded", 0},
		"a body that never ends": {func(world) http.HandlerFunc {
			return func(rw http.ResponseWriter, r *http.Request) {
				rw.(http.Flusher).Flush()
				<-r.Context().Done()
			}
		}, evidence.Unknown, unreachable, "deadline", 200},
		"no answer in time": {func(world) http.HandlerFunc {
			return func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		}, evidence.Unknown, unreachable, "deadline", 0},
		"closed without an answer": {func(world) http.HandlerFunc {
			return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		}, evidence.Unknown, unreachable, "EOF", 0},
	} {
		t.Run(title, func(t *testing.T) {
			w := setup(t)
			if strings.Contains(test.err, "deadline") {
				w.prober.Timeout = 300 * time.Millisecond
			}
			w.serve(t, 0, test.answer(w))
			w.resolve(addresses[0])
			found := w.prober.Probe(t.Context(), w.request())
			if found.Outcome != test.outcome || codes(found) != test.codes {
				t.Errorf("%s with %q, want %s with %q", found.Outcome, codes(found), test.outcome, test.codes)
			}
			if len(found.Attempts) != 1 {
				t.Fatalf("%d attempts", len(found.Attempts))
			}
			a := found.Attempts[0]
			if a.Status != test.status || a.Counts() != (test.err == "") {
				t.Errorf("attempt is %+v", a)
			}
			if got := fmt.Sprint(a.Err); test.err != "" && !strings.Contains(got, test.err) {
				t.Errorf("error is %q, want %q", got, test.err)
			}
		})
	}
}

// text answers the same to everything.
func text(body string) func(world) http.HandlerFunc {
	return func(world) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
	}
}

func TestProber_Probe_asks_as_a_visitor(t *testing.T) {
	w := setup(t)
	var mu sync.Mutex
	var seen []*http.Request
	w.serve(t, 0, func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r)
		w.edge.answers(rw, r)
	})
	w.resolve(addresses[0])
	for range 2 {
		w.prober.Probe(t.Context(), w.request())
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 2 {
		t.Fatalf("%d requests came", len(seen))
	}
	first, second := seen[0].URL.Query().Get("nonce"), seen[1].URL.Query().Get("nonce")
	if raw, err := base64.RawURLEncoding.DecodeString(first); err != nil || len(raw) != 32 || first == second {
		t.Errorf("nonces are %q and %q", first, second)
	}
	if r := seen[0]; r.Host != host || r.Method != http.MethodGet || r.Header.Get("Traceparent") != "" {
		t.Errorf("request is %s %s with %v", r.Method, r.Host, r.Header)
	}
}

func TestProber_Probe_refuses_a_replay(t *testing.T) {
	w := setup(t)
	var mu sync.Mutex
	var kept string
	w.serve(t, 0, func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if kept == "" {
			kept = w.edge.body(r.Host, r.URL.Query().Get("nonce"), time.Now())
		}
		fmt.Fprint(rw, kept)
	})
	w.resolve(addresses[0])
	if found := w.prober.Probe(t.Context(), w.request()); found.Outcome != evidence.Confirmed {
		t.Fatalf("the first answer is %s", found.Outcome)
	}
	found := w.prober.Probe(t.Context(), w.request())
	if found.Outcome != evidence.Contradicted || !strings.Contains(found.Attempts[0].Err.Error(), "another nonce") {
		t.Errorf("the replay is %s: %v", found.Outcome, found.Attempts[0].Err)
	}
}

func TestProber_Probe_every_address_must_count(t *testing.T) {
	for title, test := range map[string]struct {
		second  func(w world) http.HandlerFunc
		outcome evidence.Outcome
		codes   string
	}{
		"both are ours":           {func(w world) http.HandlerFunc { return w.edge.answers }, evidence.Confirmed, ""},
		"one is a stranger":       {text("hello"), evidence.Contradicted, notOurs},
		"one does not answer now": {func(world) http.HandlerFunc { return nil }, evidence.Unknown, unreachable},
	} {
		t.Run(title, func(t *testing.T) {
			w := setup(t)
			w.serve(t, 0, w.edge.answers)
			if handler := test.second(w); handler != nil {
				w.serve(t, 1, handler)
			} else if err := w.listeners[1].Close(); err != nil {
				t.Fatal(err)
			}
			w.resolve(addresses...)
			found := w.prober.Probe(t.Context(), w.request())
			if found.Outcome != test.outcome || codes(found) != test.codes || len(found.Attempts) != 2 {
				t.Errorf("%s with %q after %d attempts", found.Outcome, codes(found), len(found.Attempts))
			}
		})
	}
}

func TestProber_Probe_a_stranger_beside_silence(t *testing.T) {
	w := setup(t)
	w.serve(t, 0, text("hello")(w))
	if err := w.listeners[1].Close(); err != nil {
		t.Fatal(err)
	}
	w.resolve(addresses...)
	found := w.prober.Probe(t.Context(), w.request())
	if found.Outcome != evidence.Contradicted || codes(found) != notOurs+" "+unreachable {
		t.Errorf("%s with %q", found.Outcome, codes(found))
	}
}

func TestProber_Probe_takes_either_key_of_an_edge(t *testing.T) {
	w := setup(t)
	w.serve(t, 0, w.edge.answers)
	w.resolve(addresses[0])
	request := w.request()
	request.Edges = []probe.Edge{newSigner(t, "edge_1").accepted(), w.edge.accepted()}
	found := w.prober.Probe(t.Context(), request)
	if found.Outcome != evidence.Confirmed || found.Attempts[0].EdgeID != "edge_1" {
		t.Errorf("%s: %+v", found.Outcome, found.Attempts)
	}
}

func TestProber_Probe_a_server_that_does_not_speak_HTTP(t *testing.T) {
	w := setup(t)
	go func() {
		conn, err := w.listeners[0].Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = bufio.NewReader(conn).ReadString('\n')
		_, _ = conn.Write([]byte("220 mail.example.test ESMTP\r\n"))
	}()
	w.resolve(addresses[0])
	found := w.prober.Probe(t.Context(), w.request())
	if found.Outcome != evidence.Contradicted || codes(found) != notOurs {
		t.Errorf("%s with %q: %v", found.Outcome, codes(found), found.Attempts[0].Err)
	}
}

func TestProber_Probe_dials_no_private_address(t *testing.T) {
	w := setup(t)
	w.prober.Reach = reach.Filter{netip.PrefixFrom(addresses[0], 32)}
	w.serve(t, 0, w.edge.answers)
	w.serve(t, 1, func(http.ResponseWriter, *http.Request) { t.Error("the private address was dialled") })
	w.resolve(addresses...)
	found := w.prober.Probe(t.Context(), w.request())
	if found.Outcome != evidence.Unknown || codes(found) != unreachable {
		t.Errorf("%s with %q", found.Outcome, codes(found))
	}
	if err := found.Attempts[1].Err; err == nil || !strings.Contains(err.Error(), "not dialled") {
		t.Errorf("error is %v", err)
	}
}

func TestProber_Probe_dials_a_bounded_number(t *testing.T) {
	w := setup(t)
	var many []netip.Addr
	for i := range 40 {
		many = append(many, netip.AddrFrom4([4]byte{127, 1, 0, byte(i + 1)}))
	}
	request := w.request()
	request.Addresses = many
	found := w.prober.Probe(t.Context(), request)
	undialled := 0
	for _, a := range found.Attempts {
		if strings.Contains(a.Err.Error(), "more than 16") {
			undialled++
		}
	}
	if len(found.Attempts) != 17 || undialled != 1 || found.Outcome != evidence.Unknown {
		t.Errorf("%s after %d attempts, %d not dialled", found.Outcome, len(found.Attempts), undialled)
	}
}

func TestProber_Probe_without_address(t *testing.T) {
	for title, reply := range map[string]dnstest.Reply{
		"no such name":  {Rcode: dns.RcodeNameError},
		"the DNS fails": {Rcode: dns.RcodeServerFailure},
		"a dead alias":  {Records: []string{host + ". 60 IN CNAME nobody.example.test."}},
	} {
		t.Run(title, func(t *testing.T) {
			w := setup(t)
			w.dns.SetBoth(host, reply)
			found := w.prober.Probe(t.Context(), w.request())
			if found.Outcome != evidence.Unknown || codes(found) != unreachable || len(found.Attempts) != 0 {
				t.Errorf("%s with %q after %d attempts", found.Outcome, codes(found), len(found.Attempts))
			}
		})
	}
}

func TestProber_Probe_edge_policy_does_not_resolve(t *testing.T) {
	w := setup(t)
	w.serve(t, 1, w.edge.answers)
	request := w.request()
	request.Addresses = addresses[1:]
	found := w.prober.Probe(t.Context(), request)
	if found.Outcome != evidence.Confirmed || len(w.dns.Asked()) != 0 {
		t.Errorf("%s after asking %v", found.Outcome, w.dns.Asked())
	}
}

func TestProber_Probe_follows_aliases(t *testing.T) {
	w := setup(t)
	w.serve(t, 0, w.edge.answers)
	w.dns.SetBoth(host, dnstest.Reply{Records: []string{host + ". 60 IN CNAME a.example.test."}})
	w.dns.Set("a.example.test", dns.TypeA, dnstest.Reply{Records: []string{"a.example.test. 60 IN A 127.0.0.4"}})
	w.dns.Set("a.example.test", dns.TypeAAAA, dnstest.Reply{})
	if found := w.prober.Probe(t.Context(), w.request()); found.Outcome != evidence.Confirmed {
		t.Errorf("%s: %+v", found.Outcome, found.Diagnoses)
	}
}
