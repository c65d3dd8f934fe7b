package check_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/authority"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/chain"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/check"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnstest"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/reach"
)

const host = "www.example.test"

// edges are where the hostname of the tests should lead.
var edges = []netip.Addr{netip.MustParseAddr("9.9.9.1"), netip.MustParseAddr("9.9.9.2"), netip.MustParseAddr("2620:fe::1")}

// world is a zone with two name servers, found through a resolver.
type world struct {
	resolver, ns1, ns2 *dnstest.Server
	checker            *check.Checker
	asker              *dnsq.Client
	finder             *authority.Finder
}

// setup makes the zone example.test. Unless told otherwise, the servers know no
// name.
func setup(t *testing.T) world {
	t.Helper()
	servers := dnstest.StartAll(t, "127.0.0.2", "127.0.0.3")
	w := world{resolver: dnstest.Start(t), ns1: servers[0], ns2: servers[1]}
	port := netip.MustParseAddrPort(w.ns1.Addr()).Port()
	w.resolver.Set("example.test", dns.TypeNS, reply("example.test. 60 IN NS ns1.example.test.", "example.test. 60 IN NS ns2.example.test."))
	w.resolver.Set("ns1.example.test", dns.TypeA, reply("ns1.example.test. 60 IN A 127.0.0.2"))
	w.resolver.Set("ns2.example.test", dns.TypeA, reply("ns2.example.test. 60 IN A 127.0.0.3"))
	filter := reach.Filter{netip.MustParsePrefix("127.0.0.0/8")}
	asker := &dnsq.Client{Timeout: 2 * time.Second}
	finder := &authority.Finder{Asker: asker, Resolvers: []string{w.resolver.Addr()}, Port: port, Reach: filter}
	w.asker, w.finder = asker, finder
	w.checker = &check.Checker{
		Walker:  chain.Walker{Locator: finder, Asker: asker},
		Visitor: authority.Visitor{Resolvers: []string{w.resolver.Addr()}},
		Reach:   filter, Cloudflare: cloudflare{netip.MustParsePrefix("104.16.0.0/13"), netip.MustParsePrefix("10.77.0.0/16")},
	}
	return w
}

// cloudflare are the networks that count as Cloudflare's.
type cloudflare []netip.Prefix

func (c cloudflare) Contains(_ context.Context, addr netip.Addr) bool {
	return slices.ContainsFunc(c, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// toEdges checks whether the hostname leads to the edges.
func (w world) toEdges(t *testing.T) check.Evidence {
	t.Helper()
	return w.checker.CheckAddresses(t.Context(), check.Destination{Hostname: host, Edges: edges})
}

// moveTo looks for the servers of zones at the port of another one.
func (w world) moveTo(server *dnstest.Server) {
	w.finder.Port = netip.MustParseAddrPort(server.Addr()).Port()
}

func reply(records ...string) dnstest.Reply { return dnstest.Reply{Records: records} }

// both tells both servers what to answer.
func (w world) both(name string, qtype uint16, r dnstest.Reply) {
	w.ns1.Set(name, qtype, r)
	w.ns2.Set(name, qtype, r)
}

// silence makes servers answer nothing about a question. The test does not wait
// long for it.
func (w world) silence(name string, qtypes []uint16, servers ...*dnstest.Server) {
	w.asker.Timeout = 300 * time.Millisecond
	for _, s := range servers {
		for _, qtype := range qtypes {
			s.Set(name, qtype, dnstest.Reply{Silent: true})
		}
	}
}

// forAddresses are the questions that are asked about a hostname.
var forAddresses = []uint16{dns.TypeA, dns.TypeAAAA}

// right makes a name lead to the first edge.
func right(s *dnstest.Server) {
	s.Set(host, dns.TypeA, reply(host+". 60 IN A 9.9.9.1"))
	s.Set(host, dns.TypeAAAA, reply())
}

// summary has what a test wants to know of a diagnosis.
func summary(found []diagnosis.Diagnosis) string {
	var parts []string
	for _, d := range found {
		parts = append(parts, fmt.Sprintf("%s/%s/%s", d.Code, d.Severity, d.Actor))
	}
	return strings.Join(parts, " ")
}

func TestChecker_CheckAddresses(t *testing.T) {
	serverFailure := dnstest.Reply{Rcode: dns.RcodeServerFailure}
	for title, test := range map[string]struct {
		world     func(w world)
		outcome   evidence.Outcome
		addresses string
		diagnoses string
	}{
		"all servers lead to an edge": {
			func(w world) { right(w.ns1); right(w.ns2) },
			evidence.Confirmed, "9.9.9.1", ""},
		"not all edges need be there, in either family": {
			func(w world) {
				right(w.ns1)
				right(w.ns2)
				w.both(host, dns.TypeAAAA, reply(host+". 60 IN AAAA 2620:fe::1"))
			},
			evidence.Confirmed, "9.9.9.1 2620:fe::1", ""},
		"through aliases": {
			func(w world) {
				w.both(host, dns.TypeA, reply(host+". 60 IN CNAME a.example.test."))
				w.both(host, dns.TypeAAAA, reply(host+". 60 IN CNAME a.example.test."))
				w.both("a.example.test", dns.TypeA, reply("a.example.test. 60 IN A 9.9.9.2"))
				w.both("a.example.test", dns.TypeAAAA, reply())
			},
			evidence.Confirmed, "9.9.9.2", ""},
		"no such name": {
			func(world) {},
			evidence.Contradicted, "", "DNS_NXDOMAIN/ERROR/TENANT"},
		"no such name at one server": {
			func(w world) { right(w.ns1) },
			evidence.Contradicted, "9.9.9.1", "DNS_NS_DISAGREE/ERROR/TENANT DNS_NXDOMAIN/ERROR/TENANT"},
		"a name without address": {
			func(w world) { w.both(host, dns.TypeA, reply()); w.both(host, dns.TypeAAAA, reply()) },
			evidence.Contradicted, "", "DNS_NO_ADDRESS/ERROR/TENANT"},
		"a wrong address": {
			func(w world) {
				w.both(host, dns.TypeA, reply(host+". 60 IN A 8.8.8.8"))
				w.both(host, dns.TypeAAAA, reply())
			},
			evidence.Contradicted, "8.8.8.8", "DNS_WRONG_TARGET/ERROR/TENANT"},
		"a wrong address beside a right one": {
			func(w world) {
				right(w.ns1)
				right(w.ns2)
				w.both(host, dns.TypeA, reply(host+". 60 IN A 9.9.9.1", host+". 60 IN A 8.8.8.8"))
			},
			evidence.Contradicted, "8.8.8.8 9.9.9.1", "DNS_WRONG_TARGET/ERROR/TENANT"},
		"a stray IPv6 address": {
			func(w world) {
				right(w.ns1)
				right(w.ns2)
				w.both(host, dns.TypeAAAA, reply(host+". 60 IN AAAA 2001:4860::1"))
			},
			evidence.Contradicted, "9.9.9.1 2001:4860::1", "DNS_WRONG_TARGET/ERROR/TENANT"},
		"a wrong address at one server": {
			func(w world) {
				right(w.ns1)
				right(w.ns2)
				w.ns2.Set(host, dns.TypeA, reply(host+". 60 IN A 8.8.8.8"))
			},
			evidence.Contradicted, "8.8.8.8 9.9.9.1", "DNS_NS_DISAGREE/ERROR/TENANT DNS_WRONG_TARGET/ERROR/TENANT"},
		"an edge's address dressed up as IPv6": {
			func(w world) {
				w.both(host, dns.TypeA, reply())
				w.both(host, dns.TypeAAAA, reply(host+". 60 IN AAAA ::ffff:9.9.9.1"))
			},
			evidence.Contradicted, "::ffff:9.9.9.1", "DNS_PRIVATE_ADDRESS/ERROR/TENANT"},
		"a private address": {
			func(w world) {
				w.both(host, dns.TypeA, reply(host+". 60 IN A 10.0.0.1"))
				w.both(host, dns.TypeAAAA, reply())
			},
			evidence.Contradicted, "10.0.0.1", "DNS_PRIVATE_ADDRESS/ERROR/TENANT"},
		"an admitted address that is not an edge's": {
			func(w world) {
				w.both(host, dns.TypeA, reply(host+". 60 IN A 127.0.0.9"))
				w.both(host, dns.TypeAAAA, reply())
			},
			evidence.Contradicted, "127.0.0.9", "DNS_WRONG_TARGET/ERROR/TENANT"},
		"a private and a wrong address": {
			func(w world) {
				w.both(host, dns.TypeA, reply(host+". 60 IN A 10.0.0.1", host+". 60 IN A 8.8.8.8"))
				w.both(host, dns.TypeAAAA, reply())
			},
			evidence.Contradicted, "8.8.8.8 10.0.0.1", "DNS_PRIVATE_ADDRESS/ERROR/TENANT DNS_WRONG_TARGET/ERROR/TENANT"},
		"a circle of aliases": {
			func(w world) {
				for _, qtype := range forAddresses {
					w.both(host, qtype, reply(host+". 60 IN CNAME a.example.test."))
					w.both("a.example.test", qtype, reply("a.example.test. 60 IN CNAME "+host+"."))
				}
			},
			evidence.Contradicted, "", "DNS_CNAME_LOOP/ERROR/TENANT"},
		"eleven aliases": {
			func(w world) { w.aliases(11) },
			evidence.Contradicted, "", "DNS_CNAME_TOO_LONG/ERROR/TENANT"},
		"ten aliases": {
			func(w world) { w.aliases(10) },
			evidence.Confirmed, "9.9.9.1", ""},
		"all servers fail": {
			func(w world) { w.both(host, dns.TypeA, serverFailure); w.both(host, dns.TypeAAAA, serverFailure) },
			evidence.Unknown, "", "DNS_SERVFAIL/ERROR/TENANT"},
		"all servers are silent": {
			func(w world) { w.silence(host, forAddresses, w.ns1, w.ns2) },
			evidence.Unknown, "", "DNS_SERVFAIL/ERROR/TENANT"},
		"all servers refuse": {
			func(w world) {
				w.both(host, dns.TypeA, dnstest.Reply{Rcode: dns.RcodeRefused})
				w.both(host, dns.TypeAAAA, dnstest.Reply{Rcode: dns.RcodeRefused})
			},
			evidence.Unknown, "", "DNS_SERVFAIL/ERROR/TENANT"},
		"a no without authority is no no": {
			func(w world) {
				w.both(host, dns.TypeA, dnstest.Reply{Rcode: dns.RcodeNameError, Lame: true})
				w.both(host, dns.TypeAAAA, dnstest.Reply{Rcode: dns.RcodeNameError, Lame: true})
			},
			evidence.Unknown, "", "DNS_SERVFAIL/ERROR/TENANT"},
		"no A and a failure for AAAA is no no": {
			func(w world) { w.both(host, dns.TypeA, reply()); w.both(host, dns.TypeAAAA, serverFailure) },
			evidence.Unknown, "", "DNS_SERVFAIL/ERROR/TENANT"},
		"one server fails and the other confirms": {
			func(w world) { right(w.ns1); w.ns2.SetBoth(host, serverFailure) },
			evidence.Confirmed, "9.9.9.1", "DNS_SERVFAIL/WARN/TENANT"},
		"one server is silent and the other confirms": {
			func(w world) { right(w.ns1); w.silence(host, forAddresses, w.ns2) },
			evidence.Confirmed, "9.9.9.1", "DNS_SERVFAIL/WARN/TENANT"},
		"AAAA fails beside a right A": {
			func(w world) { right(w.ns1); right(w.ns2); w.both(host, dns.TypeAAAA, serverFailure) },
			evidence.Confirmed, "9.9.9.1", "DNS_SERVFAIL/WARN/TENANT"},
		"one server fails and the other contradicts": {
			func(w world) { w.ns2.SetBoth(host, serverFailure) },
			evidence.Contradicted, "", "DNS_NXDOMAIN/ERROR/TENANT DNS_SERVFAIL/WARN/TENANT"},
		"a name server without address": {
			func(w world) {
				right(w.ns1)
				w.resolver.Set("ns2.example.test", dns.TypeA, reply())
			},
			evidence.Confirmed, "9.9.9.1", "DNS_SERVFAIL/WARN/TENANT"},
		"the resolver fails for the zone": {
			func(w world) { w.resolver.Set(host, dns.TypeNS, serverFailure) },
			evidence.Unknown, "", "DNS_SERVFAIL/ERROR/TENANT"},
		"the resolver is gone": {
			func(w world) { w.silence(host, []uint16{dns.TypeNS}, w.resolver) },
			evidence.Unknown, "", "DNS_SERVFAIL/ERROR/OPERATOR"},
	} {
		t.Run(title, func(t *testing.T) {
			w := setup(t)
			test.world(w)
			found := w.toEdges(t)
			if found.Outcome != test.outcome {
				t.Errorf("outcome is %s, want %s", found.Outcome, test.outcome)
			}
			if got := strings.Trim(fmt.Sprint(found.Addresses), "[]"); got != test.addresses {
				t.Errorf("addresses are %q, want %q", got, test.addresses)
			}
			if got := summary(found.Diagnoses); got != test.diagnoses {
				t.Errorf("diagnoses are %q, want %q", got, test.diagnoses)
			}
			for _, d := range found.Diagnoses {
				if d.Summary == "" || len(d.Expected) == 0 || len(d.Observed) == 0 || len(d.Fix) == 0 {
					t.Errorf("the diagnosis leaves something out: %+v", d)
				}
			}
		})
	}
}

// aliases makes a row of aliases from host that ends at an edge.
func (w world) aliases(hops int) {
	name := func(i int) string {
		if i == 0 {
			return host
		}
		return fmt.Sprintf("a%d.example.test", i)
	}
	for i := range hops {
		w.both(name(i), dns.TypeA, reply(fmt.Sprintf("%s. 60 IN CNAME %s.", name(i), name(i+1))))
		w.both(name(i), dns.TypeAAAA, reply(fmt.Sprintf("%s. 60 IN CNAME %s.", name(i), name(i+1))))
	}
	w.both(name(hops), dns.TypeA, reply(name(hops)+". 60 IN A 9.9.9.1"))
	w.both(name(hops), dns.TypeAAAA, reply())
}

func TestChecker_CheckAddresses_says_what_to_paste(t *testing.T) {
	const add = "Add: www.example.test. 300 IN "
	for title, test := range map[string]struct {
		world func(w world)
		code  diagnosis.Code
		fix   []string
	}{
		"nothing there": {
			func(world) {}, diagnosis.DNSNXDomain,
			[]string{add + "A 9.9.9.1", add + "A 9.9.9.2", add + "AAAA 2620:fe::1"}},
		"another address": {
			func(w world) {
				w.both(host, dns.TypeA, reply(host+". 60 IN A 8.8.8.8"))
				w.both(host, dns.TypeAAAA, reply())
			}, diagnosis.DNSWrongTarget,
			[]string{"Delete: www.example.test. A 8.8.8.8", add + "A 9.9.9.1", add + "A 9.9.9.2", add + "AAAA 2620:fe::1"}},
		"another address beside ours": {
			func(w world) {
				w.both(host, dns.TypeA, reply(host+". 60 IN A 8.8.8.8", host+". 60 IN A 9.9.9.1"))
				w.both(host, dns.TypeAAAA, reply())
			}, diagnosis.DNSWrongTarget,
			[]string{"Delete: www.example.test. A 8.8.8.8"}},
		"an alias to others": {
			func(w world) {
				w.both(host, dns.TypeA, reply(host+". 60 IN CNAME cdn.example.test."))
				w.both(host, dns.TypeAAAA, reply(host+". 60 IN CNAME cdn.example.test."))
				w.both("cdn.example.test", dns.TypeA, reply("cdn.example.test. 60 IN A 8.8.8.8", "cdn.example.test. 60 IN A 9.9.9.1"))
				w.both("cdn.example.test", dns.TypeAAAA, reply())
			}, diagnosis.DNSWrongTarget,
			[]string{"Delete: www.example.test. CNAME cdn.example.test.", add + "A 9.9.9.1", add + "A 9.9.9.2", add + "AAAA 2620:fe::1"}},
		"one server lags behind": {
			func(w world) { right(w.ns1) }, diagnosis.DNSNSDisagree,
			[]string{
				"If the records are new, wait some minutes: they spread from the first name server to the others.",
				"Otherwise have the provider that hosts DNS for example.test make ns2.example.test serve the same records as ns1.example.test.",
			}},
	} {
		t.Run(title, func(t *testing.T) {
			w := setup(t)
			test.world(w)
			found := w.toEdges(t)
			if len(found.Diagnoses) == 0 || found.Diagnoses[0].Code != test.code {
				t.Fatalf("diagnoses are %s", summary(found.Diagnoses))
			}
			if diff := cmp.Diff(test.fix, found.Diagnoses[0].Fix); diff != "" {
				t.Errorf("fix (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChecker_CheckAddresses_tells_who_said_it(t *testing.T) {
	w := setup(t)
	right(w.ns1)
	right(w.ns2)
	w.ns2.Set(host, dns.TypeA, reply(host+". 60 IN A 8.8.8.8"))
	found := w.toEdges(t)
	right, wrong := "www.example.test. (ns1.example.test.): 9.9.9.1", "www.example.test. (ns2.example.test.): 8.8.8.8"
	for i, want := range [][]string{{right, wrong}, {wrong}} {
		if diff := cmp.Diff(want, found.Diagnoses[i].Observed); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
	}
	if got := found.Diagnoses[0].Summary; !strings.Contains(got, "at ns1.example.test, but not at ns2.example.test") {
		t.Errorf("summary is %q", got)
	}
	if asked := len(w.resolver.Asked()) + len(w.ns1.Asked()) + len(w.ns2.Asked()); asked != len(found.Answers) {
		t.Errorf("%d questions were asked and %d kept as evidence", asked, len(found.Answers))
	}
}

func TestChecker_CheckAddresses_an_edge_of_ours_that_nobody_reaches_is_the_operators(t *testing.T) {
	w := setup(t)
	w.both(host, dns.TypeA, reply(host+". 60 IN A 10.0.0.1"))
	w.both(host, dns.TypeAAAA, reply())
	found := w.checker.CheckAddresses(t.Context(), check.Destination{Hostname: host, Edges: []netip.Addr{netip.MustParseAddr("10.0.0.1")}})
	if got := summary(found.Diagnoses); got != "DNS_PRIVATE_ADDRESS/ERROR/OPERATOR" || found.Outcome != evidence.Contradicted {
		t.Errorf("%s: %s", found.Outcome, got)
	}
}

func TestChecker_CheckAddresses_knows_a_domain_that_is_not_registered(t *testing.T) {
	w := setup(t)
	w.resolver.Set("com", dns.TypeNS, reply("com. 60 IN NS ns1.example.test."))
	found := w.checker.CheckAddresses(t.Context(), check.Destination{Hostname: "www.nobody.com", Edges: edges})
	if len(found.Diagnoses) != 1 || found.Diagnoses[0].Code != diagnosis.DNSNXDomain {
		t.Fatalf("diagnoses are %s", summary(found.Diagnoses))
	}
	if d := found.Diagnoses[0]; !strings.Contains(d.Summary, "nobody.com is not registered") || d.Fix[0] != "Register or renew nobody.com." {
		t.Errorf("diagnosis is %+v", d)
	}
}

func TestChecker_CheckAddresses_is_bounded_where_servers_disagree(t *testing.T) {
	w := setup(t)
	for i := range 64 {
		name := fmt.Sprintf("n%d.example.test", i)
		if i == 0 {
			name = host
		}
		for n, server := range []*dnstest.Server{w.ns1, w.ns2} {
			alias := reply(fmt.Sprintf("%s. 60 IN CNAME n%d.example.test.", name, 2*i+n+1))
			server.SetBoth(name, alias)
		}
	}
	found := w.toEdges(t)
	if len(w.ns1.Asked()) > 64 {
		t.Errorf("one server got %d questions", len(w.ns1.Asked()))
	}
	if found.Outcome == evidence.Confirmed {
		t.Error("a maze confirms")
	}
}

func TestChecker_CheckAddresses_tells_a_bounded_part_of_many_addresses(t *testing.T) {
	w := setup(t)
	answer := dnstest.Reply{Truncated: true}
	for i := range 2000 {
		answer.Records = append(answer.Records, fmt.Sprintf("%s. 60 IN A 8.8.%d.%d", host, i/250, i%250))
	}
	w.both(host, dns.TypeA, answer)
	found := w.toEdges(t)
	if found.Outcome != evidence.Contradicted || len(found.Diagnoses) != 1 {
		t.Fatalf("%s with %s", found.Outcome, summary(found.Diagnoses))
	}
	d := found.Diagnoses[0]
	for _, line := range slices.Concat([]string{d.Summary}, d.Observed, d.Fix) {
		if len(line) > 500 {
			t.Errorf("a line has %d bytes: %.60s", len(line), line)
		}
	}
	if !strings.Contains(d.Summary, "8.8.0.15, and 1984 more") || len(d.Observed) != 2 {
		t.Errorf("told is %q, seen %q", d.Summary, d.Observed)
	}
	want := "Of www.example.test., delete 1968 more records that point elsewhere."
	if !slices.Contains(d.Fix, want) || len(d.Fix) != 33+len(edges) {
		t.Errorf("%d steps: %q", len(d.Fix), d.Fix)
	}
}
