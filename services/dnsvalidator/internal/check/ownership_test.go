package check_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/check"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/diagnosis"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnstest"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
)

const (
	record  = "_siteplane-challenge." + host
	doubled = record + ".example.test"
	token   = "siteplane-verify=0123456789abcdef"
	// foreign is the token of another tenant for the same name.
	foreign = "siteplane-verify=fedcba9876543210"
)

// owns looks for the token.
func (w world) owns(t *testing.T) check.Evidence {
	t.Helper()
	return w.checker.CheckOwnership(t.Context(), check.Ownership{Hostname: host, RecordName: record, Token: token})
}

// text is a reply with one TXT record of the given strings in presentation format.
func text(name string, values ...string) dnstest.Reply {
	line := name + ". 60 IN TXT"
	for _, value := range values {
		line += ` "` + value + `"`
	}
	return reply(line)
}

// many is a reply with the token behind n other records.
func many(n int) dnstest.Reply {
	var all dnstest.Reply
	for i := range n {
		all.Records = append(all.Records, fmt.Sprintf("%s. 60 IN TXT %q", record, fmt.Sprintf("%060d", i)))
	}
	all.Records = append(all.Records, text(record, token).Records...)
	return all
}

// everyName makes a server answer the same for any name below host, as a wildcard
// does.
func everyName(r func(name string) dnstest.Reply, servers ...*dnstest.Server) {
	for _, s := range servers {
		s.SetBelow(host, dns.TypeTXT, r)
	}
}

func alias(to string) func(name string) dnstest.Reply {
	return func(name string) dnstest.Reply { return reply(name + " 60 IN CNAME " + to + ".") }
}

func TestChecker_CheckOwnership(t *testing.T) {
	serverFailure := dnstest.Reply{Rcode: dns.RcodeServerFailure}
	for title, test := range map[string]struct {
		world     func(w world)
		outcome   evidence.Outcome
		diagnoses string
	}{
		"all servers have the token": {
			func(w world) { w.both(record, dns.TypeTXT, text(record, token)) },
			evidence.Confirmed, ""},
		"among the tokens of others": {
			func(w world) {
				w.both(record, dns.TypeTXT, reply(text(record, foreign).Records[0], text(record, token).Records[0]))
			},
			evidence.Confirmed, ""},
		"in several strings": {
			func(w world) { w.both(record, dns.TypeTXT, text(record, token[:7], token[7:])) },
			evidence.Confirmed, ""},
		"among sixty others, over TCP": {
			func(w world) {
				sixty := many(60)
				sixty.Truncated = true
				w.both(record, dns.TypeTXT, sixty)
			},
			evidence.Confirmed, ""},
		"at the end of an alias": {
			func(w world) {
				w.both(record, dns.TypeTXT, reply(record+". 60 IN CNAME proof.example.test."))
				w.both("proof.example.test", dns.TypeTXT, text("proof.example.test", token))
			},
			evidence.Confirmed, ""},
		"resolvers still have the old answer": {
			func(w world) {
				w.both(record, dns.TypeTXT, text(record, token))
				w.resolver.Set(record, dns.TypeTXT, dnstest.Reply{Rcode: dns.RcodeNameError})
			},
			evidence.Confirmed, ""},
		"resolvers fail": {
			func(w world) {
				w.both(record, dns.TypeTXT, text(record, token))
				w.resolver.Set(record, dns.TypeTXT, serverFailure)
			},
			evidence.Confirmed, ""},

		"no such name": {
			func(world) {},
			evidence.Contradicted, "OWNERSHIP_TXT_MISSING/ERROR/TENANT"},
		"a name without text": {
			func(w world) { w.both(record, dns.TypeTXT, reply()) },
			evidence.Contradicted, "OWNERSHIP_TXT_MISSING/ERROR/TENANT"},
		"at resolvers alone": {
			func(w world) { w.resolver.Set(record, dns.TypeTXT, text(record, token)) },
			evidence.Contradicted, "OWNERSHIP_TXT_MISSING/ERROR/TENANT"},
		"an alias that leads nowhere": {
			func(w world) {
				w.both(record, dns.TypeTXT, reply(record+". 60 IN CNAME proof.example.test."))
			},
			evidence.Contradicted, "OWNERSHIP_TXT_MISSING/ERROR/TENANT"},
		"a copy of another tenant's token": {
			func(w world) { w.both(record, dns.TypeTXT, text(record, foreign)) },
			evidence.Contradicted, "OWNERSHIP_TXT_WRONG/ERROR/TENANT"},
		"a part of the token": {
			func(w world) { w.both(record, dns.TypeTXT, text(record, token[:20])) },
			evidence.Contradicted, "OWNERSHIP_TXT_WRONG/ERROR/TENANT"},
		"the token with more behind it": {
			func(w world) { w.both(record, dns.TypeTXT, text(record, token+"0")) },
			evidence.Contradicted, "OWNERSHIP_TXT_WRONG/ERROR/TENANT"},
		"the token in other letters": {
			func(w world) { w.both(record, dns.TypeTXT, text(record, strings.ToUpper(token))) },
			evidence.Contradicted, "OWNERSHIP_TXT_WRONG/ERROR/TENANT"},
		"the halves of the token in two records": {
			func(w world) {
				w.both(record, dns.TypeTXT, reply(text(record, token[:9]).Records[0], text(record, token[9:]).Records[0]))
			},
			evidence.Contradicted, "OWNERSHIP_TXT_WRONG/ERROR/TENANT"},
		"one domain too deep": {
			func(w world) { w.both(doubled, dns.TypeTXT, text(doubled, token)) },
			evidence.Contradicted, "DNS_TXT_DOUBLE_LABEL/ERROR/TENANT"},
		"something else one domain too deep": {
			func(w world) { w.both(doubled, dns.TypeTXT, text(doubled, foreign)) },
			evidence.Contradicted, "OWNERSHIP_TXT_MISSING/ERROR/TENANT"},
		"a wildcard": {
			func(w world) {
				everyName(func(name string) dnstest.Reply { return text(name[:len(name)-1], token) }, w.ns1, w.ns2)
			},
			evidence.Contradicted, "OWNERSHIP_TXT_WRONG/ERROR/TENANT"},
		"a wildcard at one server of two": {
			func(w world) {
				w.both(record, dns.TypeTXT, text(record, token))
				everyName(func(name string) dnstest.Reply { return text(name[:len(name)-1], token) }, w.ns2)
			},
			evidence.Contradicted, "OWNERSHIP_TXT_WRONG/ERROR/TENANT"},
		"a wildcard alias to somebody who answers once": {
			func(w world) {
				everyName(alias("stranger.example.test"), w.ns1, w.ns2)
				once := text("stranger.example.test", token)
				once.Once = true
				w.both("stranger.example.test", dns.TypeTXT, once)
			},
			evidence.Contradicted, "OWNERSHIP_TXT_WRONG/ERROR/TENANT"},
		"a circle of aliases": {
			func(w world) {
				w.both(record, dns.TypeTXT, reply(record+". 60 IN CNAME b.example.test."))
				w.both("b.example.test", dns.TypeTXT, reply("b.example.test. 60 IN CNAME "+record+"."))
			},
			evidence.Contradicted, "DNS_CNAME_LOOP/ERROR/TENANT"},
		"eleven aliases": {
			func(w world) {
				name := func(i int) string { return fmt.Sprintf("a%d.example.test", i) }
				w.both(record, dns.TypeTXT, reply(record+". 60 IN CNAME a1.example.test."))
				for i := 1; i < 11; i++ {
					w.both(name(i), dns.TypeTXT, reply(fmt.Sprintf("%s. 60 IN CNAME %s.", name(i), name(i+1))))
				}
				w.both(name(11), dns.TypeTXT, text(name(11), token))
			},
			evidence.Contradicted, "DNS_CNAME_TOO_LONG/ERROR/TENANT"},

		"one of two servers has it not": {
			func(w world) { w.ns1.Set(record, dns.TypeTXT, text(record, token)) },
			evidence.Unknown, "DNS_NS_DISAGREE/ERROR/TENANT"},
		"one of two servers has another": {
			func(w world) {
				w.ns1.Set(record, dns.TypeTXT, text(record, token))
				w.ns2.Set(record, dns.TypeTXT, text(record, foreign))
			},
			evidence.Unknown, "DNS_NS_DISAGREE/ERROR/TENANT"},
		"aliases that lead to different ends": {
			func(w world) {
				w.ns1.Set(record, dns.TypeTXT, reply(record+". 60 IN CNAME a.example.test."))
				w.ns2.Set(record, dns.TypeTXT, reply(record+". 60 IN CNAME b.example.test."))
				w.both("a.example.test", dns.TypeTXT, text("a.example.test", token))
			},
			evidence.Unknown, "DNS_NS_DISAGREE/ERROR/TENANT"},
		"one of two servers fails": {
			func(w world) {
				w.ns1.Set(record, dns.TypeTXT, text(record, token))
				w.ns2.Set(record, dns.TypeTXT, serverFailure)
			},
			evidence.Unknown, "DNS_SERVFAIL/ERROR/TENANT"},
		"one of two servers fails and the other has it not": {
			func(w world) { w.ns2.Set(record, dns.TypeTXT, serverFailure) },
			evidence.Unknown, "OWNERSHIP_TXT_MISSING/ERROR/TENANT DNS_SERVFAIL/ERROR/TENANT"},
		"one of two servers of an alias fails": {
			func(w world) {
				w.both(record, dns.TypeTXT, reply(record+". 60 IN CNAME proof.example.test."))
				w.ns1.Set("proof.example.test", dns.TypeTXT, text("proof.example.test", token))
				w.ns2.Set("proof.example.test", dns.TypeTXT, serverFailure)
			},
			evidence.Unknown, "DNS_SERVFAIL/ERROR/TENANT"},
		"all servers fail": {
			func(w world) { w.both(record, dns.TypeTXT, serverFailure) },
			evidence.Unknown, "DNS_SERVFAIL/ERROR/TENANT"},
		"all servers refuse": {
			func(w world) { w.both(record, dns.TypeTXT, dnstest.Reply{Rcode: dns.RcodeRefused}) },
			evidence.Unknown, "DNS_SERVFAIL/ERROR/TENANT"},
		"all servers are silent": {
			func(w world) { w.silence(record, []uint16{dns.TypeTXT}, w.ns1, w.ns2) },
			evidence.Unknown, "DNS_SERVFAIL/ERROR/TENANT"},
		"servers without authority": {
			func(w world) {
				lame := text(record, token)
				lame.Lame = true
				w.both(record, dns.TypeTXT, lame)
			},
			evidence.Unknown, "DNS_SERVFAIL/ERROR/TENANT"},
		"too long even for TCP": {
			func(w world) { w.both(record, dns.TypeTXT, dnstest.Reply{TruncatedTCP: true}) },
			evidence.Unknown, "DNS_SERVFAIL/ERROR/TENANT"},
		"nobody can tell whether it is a wildcard": {
			func(w world) {
				everyName(func(string) dnstest.Reply { return serverFailure }, w.ns1, w.ns2)
				w.both(record, dns.TypeTXT, text(record, token))
			},
			evidence.Unknown, "DNS_SERVFAIL/ERROR/TENANT"},
		"the resolver fails for the zone": {
			func(w world) { w.resolver.Set(record, dns.TypeNS, serverFailure) },
			evidence.Unknown, "DNS_SERVFAIL/ERROR/TENANT"},
		"the resolver is gone": {
			func(w world) { w.silence(record, []uint16{dns.TypeNS, dns.TypeTXT}, w.resolver) },
			evidence.Unknown, "DNS_SERVFAIL/ERROR/OPERATOR"},
	} {
		t.Run(title, func(t *testing.T) {
			w := setup(t)
			test.world(w)
			found := w.owns(t)
			if found.Outcome != test.outcome {
				t.Errorf("outcome is %s, want %s", found.Outcome, test.outcome)
			}
			if got := summary(found.Diagnoses); got != test.diagnoses {
				t.Errorf("diagnoses are %q, want %q", got, test.diagnoses)
			}
			for _, d := range found.Diagnoses {
				if d.Summary == "" || len(d.Expected) == 0 || len(d.Observed) == 0 || len(d.Fix) == 0 {
					t.Errorf("the diagnosis leaves something out: %+v", d)
				}
			}
			if asked := len(w.resolver.Asked()) + len(w.ns1.Asked()) + len(w.ns2.Asked()); asked < len(found.Answers) {
				t.Errorf("%d questions were asked and %d noted", asked, len(found.Answers))
			}
		})
	}
}

// trio makes example.test a zone of three servers.
func trio(t *testing.T) (world, *dnstest.Server) {
	t.Helper()
	w, ns3 := setup(t), (*dnstest.Server)(nil)
	servers := dnstest.StartAll(t, "127.0.0.2", "127.0.0.3", "127.0.0.4")
	w.ns1, w.ns2, ns3 = servers[0], servers[1], servers[2]
	w.moveTo(w.ns1)
	w.resolver.Set("example.test", dns.TypeNS, reply("example.test. 60 IN NS ns1.example.test.",
		"example.test. 60 IN NS ns2.example.test.", "example.test. 60 IN NS ns3.example.test."))
	w.resolver.Set("ns3.example.test", dns.TypeA, reply("ns3.example.test. 60 IN A 127.0.0.4"))
	return w, ns3
}

func TestChecker_CheckOwnership_needs_a_quorum(t *testing.T) {
	has, fails := text(record, token), dnstest.Reply{Rcode: dns.RcodeServerFailure}
	hasNot := dnstest.Reply{Rcode: dns.RcodeNameError}
	for title, test := range map[string]struct {
		replies   [3]dnstest.Reply
		outcome   evidence.Outcome
		diagnoses string
	}{
		"three of three":             {[3]dnstest.Reply{has, has, has}, evidence.Confirmed, ""},
		"two, and one fails":         {[3]dnstest.Reply{has, has, fails}, evidence.Confirmed, "DNS_SERVFAIL/WARN/TENANT"},
		"two, and one has it not":    {[3]dnstest.Reply{has, has, hasNot}, evidence.Unknown, "DNS_NS_DISAGREE/ERROR/TENANT"},
		"one of three":               {[3]dnstest.Reply{has, fails, fails}, evidence.Unknown, "DNS_SERVFAIL/ERROR/TENANT"},
		"none of two, and one fails": {[3]dnstest.Reply{hasNot, hasNot, fails}, evidence.Contradicted, "OWNERSHIP_TXT_MISSING/ERROR/TENANT DNS_SERVFAIL/WARN/TENANT"},
		"none of one":                {[3]dnstest.Reply{hasNot, fails, fails}, evidence.Unknown, "OWNERSHIP_TXT_MISSING/ERROR/TENANT DNS_SERVFAIL/ERROR/TENANT"},
	} {
		t.Run(title, func(t *testing.T) {
			w, ns3 := trio(t)
			for i, server := range []*dnstest.Server{w.ns1, w.ns2, ns3} {
				server.Set(record, dns.TypeTXT, test.replies[i])
			}
			found := w.owns(t)
			if got := summary(found.Diagnoses); found.Outcome != test.outcome || got != test.diagnoses {
				t.Errorf("%s with %q, want %s with %q", found.Outcome, got, test.outcome, test.diagnoses)
			}
		})
	}
}

func TestChecker_CheckOwnership_says_what_to_do(t *testing.T) {
	const (
		add  = `Add: _siteplane-challenge.www.example.test. 300 IN TXT "siteplane-verify=0123456789abcdef"`
		hint = "Where the provider appends example.test itself, enter only _siteplane-challenge.www as the name."
	)
	long := strings.Repeat("x", 100)
	for title, test := range map[string]struct {
		world    func(w world)
		summary  string
		observed []string
		fix      []string
	}{
		"missing": {
			func(w world) { w.ns2.Set(record, dns.TypeTXT, reply()) },
			"There is no TXT record at _siteplane-challenge.www.example.test that shows who owns www.example.test.",
			[]string{
				"_siteplane-challenge.www.example.test. (ns1.example.test.): no such name",
				"_siteplane-challenge.www.example.test. (ns2.example.test.): no such record",
			},
			[]string{add, hint}},
		"wrong": {
			func(w world) {
				w.ns1.Set(record, dns.TypeTXT, reply(text(record, foreign).Records[0], text(record, "a\\027[1mb\\226\\128\\174").Records[0]))
				w.ns2.Set(record, dns.TypeTXT, reply(text(record, foreign).Records[0], text(record, long).Records[0]))
			},
			`Found "siteplane-verify=fedcba9876543210" (and 2 more) at _siteplane-challenge.www.example.test, expected "siteplane-verify=0123456789abcdef".`,
			[]string{
				`_siteplane-challenge.www.example.test. (ns1.example.test.): "siteplane-verify=fedcba9876543210", "a` + "\uFFFD[1mb\uFFFD" + `"`,
				`_siteplane-challenge.www.example.test. (ns2.example.test.): "siteplane-verify=fedcba9876543210", "` + strings.Repeat("x", 60) + `…"`,
			},
			[]string{add, hint}},
		"wrong at the end of an alias": {
			func(w world) {
				w.both(record, dns.TypeTXT, reply(record+". 60 IN CNAME proof.example.test."))
				w.both("proof.example.test", dns.TypeTXT, text("proof.example.test", foreign))
			},
			`Found "siteplane-verify=fedcba9876543210" at _siteplane-challenge.www.example.test, expected "siteplane-verify=0123456789abcdef".`,
			[]string{
				`_siteplane-challenge.www.example.test. -> proof.example.test. (ns1.example.test.): "siteplane-verify=fedcba9876543210"`,
				`_siteplane-challenge.www.example.test. -> proof.example.test. (ns2.example.test.): "siteplane-verify=fedcba9876543210"`,
			},
			[]string{
				`Add: proof.example.test. 300 IN TXT "siteplane-verify=0123456789abcdef"`,
				"Or, when proof.example.test is not yours to write to, delete: _siteplane-challenge.www.example.test. CNAME proof.example.test.",
				strings.Replace(add, "Add", "and add", 1),
			}},
		"too deep": {
			func(w world) { w.both(doubled, dns.TypeTXT, text(doubled, token)) },
			"The token is at _siteplane-challenge.www.example.test.example.test: the DNS provider appended the domain to a name that had it already.",
			[]string{
				"_siteplane-challenge.www.example.test. (ns1.example.test.): no such name",
				"_siteplane-challenge.www.example.test. (ns2.example.test.): no such name",
				`_siteplane-challenge.www.example.test.example.test.: "siteplane-verify=0123456789abcdef"`,
			},
			[]string{
				`Delete: _siteplane-challenge.www.example.test.example.test. TXT "siteplane-verify=0123456789abcdef"`,
				add, hint,
			}},
		"one server lags behind": {
			func(w world) { w.ns2.Set(record, dns.TypeTXT, text(record, token)) },
			"The name servers of example.test disagree about _siteplane-challenge.www.example.test: it has the token at ns2.example.test, but not at ns1.example.test.",
			[]string{
				`_siteplane-challenge.www.example.test. (ns2.example.test.): "siteplane-verify=0123456789abcdef"`,
				"_siteplane-challenge.www.example.test. (ns1.example.test.): no such name",
			},
			[]string{
				"If the records are new, wait some minutes: they spread from the first name server to the others.",
				"Otherwise have the provider that hosts DNS for example.test make ns1.example.test serve the same records as ns2.example.test.",
			}},
	} {
		t.Run(title, func(t *testing.T) {
			w := setup(t)
			test.world(w)
			found := w.owns(t)
			if len(found.Diagnoses) != 1 {
				t.Fatalf("diagnoses are %s", summary(found.Diagnoses))
			}
			d := found.Diagnoses[0]
			want := diagnosis.Diagnosis{
				Code: d.Code, Severity: d.Severity, Actor: d.Actor, Summary: test.summary, Observed: test.observed, Fix: test.fix,
				Expected: []string{strings.TrimPrefix(add, "Add: ")},
			}
			if diff := cmp.Diff(want, d); diff != "" {
				t.Errorf("diagnosis (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChecker_CheckOwnership_explains_a_wildcard(t *testing.T) {
	w := setup(t)
	everyName(func(name string) dnstest.Reply { return text(name[:len(name)-1], token) }, w.ns1, w.ns2)
	d := w.owns(t).Diagnoses[0]
	if !strings.Contains(d.Summary, "wildcard") || !strings.Contains(d.Fix[0], "*.www.example.test.") {
		t.Errorf("diagnosis is %+v", d)
	}
}

func TestChecker_CheckOwnership_of_a_domain_that_is_not_registered(t *testing.T) {
	w := setup(t)
	w.resolver.Set("com", dns.TypeNS, reply("com. 60 IN NS ns1.example.test."))
	found := w.checker.CheckOwnership(t.Context(), check.Ownership{Hostname: "www.nobody.com", RecordName: "_x.www.nobody.com", Token: token})
	if got := summary(found.Diagnoses); got != "DNS_NXDOMAIN/ERROR/TENANT" || found.Diagnoses[0].Fix[0] != "Register or renew nobody.com." {
		t.Errorf("%s: %+v", got, found.Diagnoses)
	}
}

func TestChecker_CheckOwnership_notes_what_every_server_said(t *testing.T) {
	w := setup(t)
	w.asker.Timeout = 300 * time.Millisecond
	w.ns1.Set(record, dns.TypeTXT, dnstest.Reply{Rcode: dns.RcodeRefused})
	w.ns2.Set(record, dns.TypeTXT, dnstest.Reply{Silent: true})
	w.resolver.Set(record, dns.TypeTXT, text(record, foreign))
	w.resolver.Set("example.test", dns.TypeNS, reply("example.test. 60 IN NS ns1.example.test.",
		"example.test. 60 IN NS ns2.example.test.", "example.test. 60 IN NS gone.example.test."))
	seen := map[string]string{}
	for _, a := range w.owns(t).Answers {
		if a.Type != dns.TypeTXT {
			continue
		}
		seen[a.Server] = dns.RcodeToString[a.Rcode]
		if a.Err != nil {
			seen[a.Server] = a.Err.Error()
		}
	}
	for server, want := range map[string]string{
		w.ns1.Addr(): "REFUSED", w.ns2.Addr(): "timeout", "gone.example.test.": "no address", w.resolver.Addr(): "NOERROR",
	} {
		if !strings.Contains(seen[server], want) {
			t.Errorf("%s said %q, want %s", server, seen[server], want)
		}
	}
}
