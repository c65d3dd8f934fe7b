package check_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/check"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnstest"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
)

const (
	apex   = "example.test"
	target = "sites.platform.test"
)

// platform makes the servers hold the target's zone too.
func (w world) platform(t *testing.T) {
	t.Helper()
	w.resolver.Set("platform.test", dns.TypeNS, reply("platform.test. 60 IN NS ns1.example.test.", "platform.test. 60 IN NS ns2.example.test."))
	w.both(target, dns.TypeA, reply(target+". 60 IN A 10.9.9.9"))
	w.both(target, dns.TypeAAAA, reply())
	for _, server := range []*dnstest.Server{w.ns1, w.ns2} {
		server.Set(apex, dns.TypeSOA, reply(apex+". 60 IN SOA ns1.example.test. hostmaster.example.test. 1 60 60 60 60"))
		server.Set(host, dns.TypeSOA, reply())
	}
}

// points makes a name lead to an address or, when it is none, to a name.
func (w world) points(name string, to ...string) {
	var all dnstest.Reply
	for _, one := range to {
		if _, err := netip.ParseAddr(one); err == nil {
			all.Records = append(all.Records, fmt.Sprintf("%s. 60 IN A %s", name, one))
			continue
		}
		alias := reply(fmt.Sprintf("%s. 60 IN CNAME %s.", name, one))
		w.both(name, dns.TypeA, alias)
		w.both(name, dns.TypeAAAA, alias)
		return
	}
	w.both(name, dns.TypeA, all)
	w.both(name, dns.TypeAAAA, reply())
}

func TestChecker_CheckAddresses_in_each_mode(t *testing.T) {
	direct := check.Destination{Edges: edges}
	behind := check.Destination{Target: target, AcceptCloudflare: true}
	mixed := check.Destination{Edges: edges, Target: target}
	proxied := check.Destination{AcceptCloudflare: true}
	for title, test := range map[string]struct {
		name      string
		wanted    check.Destination
		world     func(w world)
		outcome   evidence.Outcome
		diagnoses string
	}{
		"direct, by an alias to the edges": {host, direct, func(w world) {
			w.points(host, "e.example.test")
			w.points("e.example.test", "9.9.9.1")
		}, evidence.Confirmed, ""},
		"direct, at Cloudflare": {host, direct, func(w world) { w.points(host, "104.16.1.1") },
			evidence.Contradicted, "PROXY_UNEXPECTED/ERROR/TENANT"},
		"direct, at Cloudflare in a network that is not public": {host, direct, func(w world) { w.points(host, "10.77.1.7") },
			evidence.Contradicted, "PROXY_UNEXPECTED/ERROR/TENANT"},
		"direct, by an alias to somebody at Cloudflare": {host, direct, func(w world) {
			w.points(host, "cdn.example.test")
			w.points("cdn.example.test", "104.16.1.1")
		}, evidence.Contradicted, "PROXY_UNEXPECTED/ERROR/TENANT"},
		"direct, at Cloudflare beside an edge": {host, direct, func(w world) { w.points(host, "9.9.9.1", "104.16.1.1") },
			evidence.Contradicted, "PROXY_UNEXPECTED/ERROR/TENANT"},
		"direct, at the target of others": {host, direct, func(w world) { w.points(host, target) },
			evidence.Contradicted, "DNS_PRIVATE_ADDRESS/ERROR/TENANT"},

		"target, whatever is behind it": {host, behind, func(w world) { w.points(host, target) },
			evidence.Confirmed, ""},
		"target, through another name": {host, behind, func(w world) {
			w.points(host, "a.example.test")
			w.points("a.example.test", target)
		}, evidence.Confirmed, ""},
		"target, and beyond it by an alias": {host, behind, func(w world) {
			w.points(host, target)
			w.points(target, "lb.platform.test")
			w.points("lb.platform.test", "10.8.8.8")
		}, evidence.Confirmed, ""},
		"target, hidden by Cloudflare": {host, behind, func(w world) { w.points(host, "104.16.1.1") },
			evidence.Confirmed, ""},
		"target, hidden by a Cloudflare that is not public": {host, behind, func(w world) { w.points(host, "10.77.1.7") },
			evidence.Confirmed, ""},
		"target, elsewhere": {host, behind, func(w world) { w.points(host, "8.8.8.8") },
			evidence.Contradicted, "DNS_WRONG_TARGET/ERROR/TENANT"},
		"target, elsewhere beside Cloudflare": {host, behind, func(w world) { w.points(host, "8.8.8.8", "104.16.1.1") },
			evidence.Contradicted, "DNS_WRONG_TARGET/ERROR/TENANT"},
		"target, at its address without its name": {host, behind, func(w world) { w.points(host, "10.9.9.9") },
			evidence.Contradicted, "DNS_PRIVATE_ADDRESS/ERROR/TENANT"},
		"target, at an edge that is not among the right ones": {host, behind, func(w world) { w.points(host, "9.9.9.1") },
			evidence.Contradicted, "DNS_WRONG_TARGET/ERROR/TENANT"},
		"target without addresses": {host, behind, func(w world) {
			w.points(host, target)
			w.both(target, dns.TypeA, reply())
		}, evidence.Contradicted, "DNS_NO_ADDRESS/ERROR/OPERATOR"},
		"target whose servers fail": {host, behind, func(w world) {
			w.points(host, target)
			w.both(target, dns.TypeA, dnstest.Reply{Rcode: dns.RcodeServerFailure})
			w.both(target, dns.TypeAAAA, dnstest.Reply{Rcode: dns.RcodeServerFailure})
		}, evidence.Unknown, "DNS_SERVFAIL/ERROR/OPERATOR"},
		"target, at one server of two": {host, behind, func(w world) {
			w.points(host, "8.8.8.8")
			w.ns1.SetBoth(host, reply(host+". 60 IN CNAME "+target+"."))
		}, evidence.Contradicted, "DNS_NS_DISAGREE/ERROR/TENANT DNS_WRONG_TARGET/ERROR/TENANT"},
		"target, not in Cloudflare": {host, mixed, func(w world) { w.points(host, "104.16.1.1") },
			evidence.Contradicted, "PROXY_UNEXPECTED/ERROR/TENANT"},
		"target or edge, at an edge": {host, mixed, func(w world) { w.points(host, "9.9.9.1") },
			evidence.Confirmed, ""},
		"root of a zone, flattened by Cloudflare": {apex, behind, func(w world) { w.points(apex, "104.16.1.1") },
			evidence.Confirmed, ""},
		"proxied, at Cloudflare": {host, proxied, func(w world) { w.points(host, "104.16.1.1") },
			evidence.Confirmed, ""},
		"proxied, elsewhere": {host, proxied, func(w world) { w.points(host, "9.9.9.1") },
			evidence.Contradicted, "DNS_WRONG_TARGET/ERROR/TENANT"},
	} {
		t.Run(title, func(t *testing.T) {
			w := setup(t)
			w.platform(t)
			test.world(w)
			test.wanted.Hostname = test.name
			found := w.checker.CheckAddresses(t.Context(), test.wanted)
			if got := summary(found.Diagnoses); found.Outcome != test.outcome || got != test.diagnoses {
				t.Errorf("%s with %q, want %s with %q", found.Outcome, got, test.outcome, test.diagnoses)
			}
			for _, d := range found.Diagnoses {
				if d.Summary == "" || len(d.Expected) == 0 || len(d.Observed) == 0 || len(d.Fix) == 0 {
					t.Errorf("the diagnosis leaves something out: %+v", d)
				}
			}
		})
	}
}

func TestChecker_CheckAddresses_says_what_to_paste_in_each_mode(t *testing.T) {
	direct := check.Destination{Edges: edges[:1]}
	behind := check.Destination{Target: target, AcceptCloudflare: true}
	mixed := check.Destination{Edges: edges[:1], Target: target}
	const add = "Add: www.example.test. 300 IN CNAME sites.platform.test."
	for title, test := range map[string]struct {
		name   string
		wanted check.Destination
		world  func(w world)
		fix    []string
	}{
		"nothing there": {host, behind, func(world) {}, []string{add}},
		"other records": {host, behind, func(w world) { w.points(host) }, []string{
			"Delete whatever else www.example.test. has, for instance TXT or MX: a CNAME may stand beside no other record.", add}},
		"wrong addresses of two kinds": {host, behind, func(w world) { w.points(host, "8.8.8.8", "10.0.0.1") }, []string{
			"Delete: www.example.test. A 10.0.0.1", "Delete: www.example.test. A 8.8.8.8", add}},
		"wrong alias": {host, behind, func(w world) {
			w.points(host, "cdn.example.test")
			w.points("cdn.example.test", "8.8.8.8")
		}, []string{"Delete: www.example.test. CNAME cdn.example.test.", add}},
		"a wrong address beside a right one": {host, behind, func(w world) { w.points(host, "8.8.8.8", "104.16.1.1") },
			[]string{"Delete: www.example.test. A 8.8.8.8"}},
		"target without addresses": {host, behind, func(w world) {
			w.points(host, target)
			w.both(target, dns.TypeA, reply())
		}, []string{"Give sites.platform.test addresses: tenants are told to point to it, and www.example.test does."}},
		"root of a zone": {apex, mixed, func(w world) { w.points(apex, "8.8.8.8") }, []string{
			"Delete: example.test. A 8.8.8.8",
			"example.test is the root of its zone, where DNS allows no CNAME. Do one of these:",
			"Add: example.test. 300 IN ALIAS sites.platform.test.",
			"(Some providers call it ANAME or CNAME flattening; Cloudflare flattens a CNAME at the root by itself.)",
			"Or, where the provider has no such thing:",
			"Add: example.test. 300 IN A 9.9.9.1",
			"Or use www.example.test for the site, redirect example.test to it at the provider, and add: www.example.test. 300 IN CNAME sites.platform.test.",
		}},
		"proxied": {host, direct, func(w world) { w.points(host, "104.16.1.1") }, []string{
			"In Cloudflare, under DNS > Records, set the records of www.example.test to 'DNS only' (grey cloud).",
			"There, delete every A, AAAA or CNAME record of www.example.test. other than these:",
			"Add: www.example.test. 300 IN A 9.9.9.1",
		}},
		"an alias to something proxied": {host, direct, func(w world) {
			w.points(host, "cdn.example.test")
			w.points("cdn.example.test", "104.16.1.1")
		}, []string{
			"In Cloudflare, under DNS > Records, set the records of cdn.example.test to 'DNS only' (grey cloud).",
			"Or, when cdn.example.test is not yours to change:",
			"Delete: www.example.test. CNAME cdn.example.test.",
			"Add: www.example.test. 300 IN A 9.9.9.1",
		}},
		"not proxied": {host, check.Destination{AcceptCloudflare: true}, func(w world) { w.points(host, "8.8.8.8") }, []string{
			"Delete: www.example.test. A 8.8.8.8",
			"In Cloudflare, under DNS > Records, set the record of www.example.test to 'Proxied' (orange cloud).",
		}},
	} {
		t.Run(title, func(t *testing.T) {
			w := setup(t)
			w.platform(t)
			test.world(w)
			test.wanted.Hostname = test.name
			found := w.checker.CheckAddresses(t.Context(), test.wanted)
			if len(found.Diagnoses) == 0 {
				t.Fatal("no diagnosis")
			}
			if diff := cmp.Diff(test.fix, found.Diagnoses[0].Fix); diff != "" {
				t.Errorf("fix (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChecker_CheckAddresses_names_the_proxy(t *testing.T) {
	w := setup(t)
	w.points(host, "104.16.1.1")
	d := w.toEdges(t).Diagnoses[0]
	if !strings.Contains(d.Summary, "www.example.test is proxied (orange cloud) by Cloudflare") {
		t.Errorf("summary is %q", d.Summary)
	}
}
