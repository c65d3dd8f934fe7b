package dns

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const (
	keyName = "update.key."
	secret  = "c2VjcmV0IG9mIHRoZSB0ZXN0cyBvZiB0aGUgc2VydmVy"
)

// records is the zone example.test of the tests, after the example of RFC 4592
// section 2.2.1 where wildcards are concerned.
var records = []string{
	"@ 300 IN SOA ns hostmaster 7 3600 600 86400 30",
	"@ NS ns",
	"ns A 127.0.0.1",
	"www A 192.0.2.1",
	"www A 192.0.2.2",
	"www AAAA 2001:db8::1",
	"text TXT hello",
	"alias CNAME www",
	"away CNAME host.elsewhere.test.",
	"ping CNAME pong",
	"pong CNAME ping",
	"*.wild A 192.0.2.9",
	"host.wild TXT present",
	"deep.node.wild TXT present",
	"*.cwild CNAME www",
	"deep.empty.branch A 192.0.2.3",
	"sub NS ns.sub",
	"ns.sub A 127.0.0.2",
}

// setup serves example.test and returns the server, which ends with the test.
func setup(t *testing.T) *Server {
	t.Helper()
	return serve(t, Zone{Origin: "example.test", Records: records})
}

func serve(t *testing.T, zone Zone) *Server {
	t.Helper()
	server, err := Listen(Config{
		Addr: "127.0.0.1:0", TSIGName: keyName, TSIGSecret: secret, Zones: []Zone{zone},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return server
}

func ask(t *testing.T, server *Server, network, name string, qtype uint16) *dns.Msg {
	t.Helper()
	client := &dns.Client{Net: network, Timeout: 5 * time.Second}
	m, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, qtype), server.Addr())
	if err != nil {
		t.Fatalf("ask %s %s over %s: %v", name, dns.TypeToString[qtype], network, err)
	}
	return m
}

// data returns the data of records, sorted, without owner and TTL.
func data(records []dns.RR) string {
	var lines []string
	for _, rr := range records {
		if rr.Header().Rrtype != dns.TypeOPT {
			lines = append(lines, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, " ")
}

func TestServer_answers(t *testing.T) {
	server := setup(t)
	const soa = "ns.example.test. hostmaster.example.test. 7 3600 600 86400 30"
	for name, test := range map[string]struct {
		name      string
		qtype     uint16
		rcode     int
		answer    string
		authority string
		notOurs   bool
	}{
		"all addresses":                  {name: "www.example.test.", qtype: dns.TypeA, answer: "192.0.2.1 192.0.2.2"},
		"names in any case":              {name: "WwW.Example.Test.", qtype: dns.TypeAAAA, answer: "2001:db8::1"},
		"text":                           {name: "text.example.test.", qtype: dns.TypeTXT, answer: `"hello"`},
		"its start of authority":         {name: "example.test.", qtype: dns.TypeSOA, answer: soa},
		"its servers":                    {name: "example.test.", qtype: dns.TypeNS, answer: "ns.example.test."},
		"no data with SOA":               {name: "text.example.test.", qtype: dns.TypeA, authority: soa},
		"no such name with SOA":          {name: "none.example.test.", qtype: dns.TypeA, rcode: dns.RcodeNameError, authority: soa},
		"no data at an empty node":       {name: "empty.branch.example.test.", qtype: dns.TypeA, authority: soa},
		"alias and target":               {name: "alias.example.test.", qtype: dns.TypeA, answer: "192.0.2.1 192.0.2.2 www.example.test."},
		"alias itself":                   {name: "alias.example.test.", qtype: dns.TypeCNAME, answer: "www.example.test."},
		"alias that leads away":          {name: "away.example.test.", qtype: dns.TypeA, answer: "host.elsewhere.test."},
		"loop of aliases once":           {name: "ping.example.test.", qtype: dns.TypeA, answer: "ping.example.test. pong.example.test."},
		"wildcard":                       {name: "a.wild.example.test.", qtype: dns.TypeA, answer: "192.0.2.9"},
		"wildcard over many labels":      {name: "a.b.wild.example.test.", qtype: dns.TypeA, answer: "192.0.2.9"},
		"wildcard without that type":     {name: "a.wild.example.test.", qtype: dns.TypeTXT, authority: soa},
		"wildcard not for what exists":   {name: "host.wild.example.test.", qtype: dns.TypeA, authority: soa},
		"wildcard not for an empty node": {name: "node.wild.example.test.", qtype: dns.TypeA, authority: soa},
		"wildcard not below a name":      {name: "x.host.wild.example.test.", qtype: dns.TypeA, rcode: dns.RcodeNameError, authority: soa},
		"wildcard not its parent":        {name: "wild.example.test.", qtype: dns.TypeA, authority: soa},
		"wildcard that is an alias":      {name: "a.cwild.example.test.", qtype: dns.TypeA, answer: "192.0.2.1 192.0.2.2 www.example.test."},
		"referral without authority":     {name: "www.sub.example.test.", qtype: dns.TypeA, authority: "ns.sub.example.test.", notOurs: true},
		"refuses other zones":            {name: "www.elsewhere.test.", qtype: dns.TypeA, rcode: dns.RcodeRefused, notOurs: true},
		"refuses transfers":              {name: "example.test.", qtype: dns.TypeAXFR, rcode: dns.RcodeRefused, notOurs: true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, network := range []string{"udp", "tcp"} {
				m := ask(t, server, network, test.name, test.qtype)
				if m.Rcode != test.rcode {
					t.Errorf("%s: rcode %s, want %s", network, dns.RcodeToString[m.Rcode], dns.RcodeToString[test.rcode])
				}
				if got := data(m.Answer); got != test.answer {
					t.Errorf("%s: answer %q, want %q", network, got, test.answer)
				}
				if got := data(m.Ns); got != test.authority {
					t.Errorf("%s: authority %q, want %q", network, got, test.authority)
				}
				if m.Authoritative == test.notOurs {
					t.Errorf("%s: authoritative is %v", network, m.Authoritative)
				}
			}
		})
	}
}

func TestServer_spells_the_owner_as_it_was_asked(t *testing.T) {
	m := ask(t, setup(t), "udp", "A.Wild.Example.TEST.", dns.TypeA)
	if got := m.Answer[0].Header().Name; got != "A.Wild.Example.TEST." {
		t.Errorf("owner is %s", got)
	}
}

func TestServer_no_is_kept_for_the_minimum_only(t *testing.T) {
	m := ask(t, setup(t), "udp", "none.example.test.", dns.TypeA)
	if got := m.Ns[0].Header().Ttl; got != 30 {
		t.Errorf("the SOA may be kept for %d s, want 30", got)
	}
}

func TestServer_cuts_what_does_not_fit(t *testing.T) {
	server := setup(t)
	long := `"` + strings.Repeat("x", 250) + `"`
	if err := server.Replace("big.example.test", "TXT", long+" 1", long+" 2", long+" 3"); err != nil {
		t.Fatal(err)
	}
	if m := ask(t, server, "udp", "big.example.test.", dns.TypeTXT); !m.Truncated {
		t.Error("759 bytes of text came in one datagram of 512")
	}
	if m := ask(t, server, "tcp", "big.example.test.", dns.TypeTXT); m.Truncated || len(m.Answer) != 3 {
		t.Errorf("over tcp %d records came, want 3", len(m.Answer))
	}
}

func TestServer_Replace(t *testing.T) {
	server := setup(t)
	if err := server.Replace("www.example.test", "A", "198.51.100.1"); err != nil {
		t.Fatal(err)
	}
	if got := data(ask(t, server, "udp", "www.example.test.", dns.TypeA).Answer); got != "198.51.100.1" {
		t.Errorf("answer %q after replacing", got)
	}
	if got := serial(t, server); got != 8 {
		t.Errorf("serial is %d, want 8", got)
	}
	for _, rrtype := range []string{"A", "AAAA"} {
		if err := server.Replace("www.example.test", rrtype); err != nil {
			t.Fatal(err)
		}
	}
	if got := ask(t, server, "udp", "www.example.test.", dns.TypeA).Rcode; got != dns.RcodeNameError {
		t.Errorf("rcode %s after removing everything", dns.RcodeToString[got])
	}
}

func TestServer_Replace_refuses(t *testing.T) {
	server := setup(t)
	for name, err := range map[string]error{
		"an unknown type":     server.Replace("www.example.test", "NOPE", "x"),
		"data that is none":   server.Replace("www.example.test", "A", "not-an-address"),
		"a name of others":    server.Replace("www.elsewhere.test", "A", "192.0.2.1"),
		"a zone without SOA":  server.Replace("example.test", "SOA"),
		"a second line in it": server.Replace("www.example.test", "A", "192.0.2.1\nother.example.test. A 192.0.2.1"),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func serial(t *testing.T, server *Server) uint32 {
	t.Helper()
	return ask(t, server, "udp", "example.test.", dns.TypeSOA).Answer[0].(*dns.SOA).Serial
}

func TestServer_faults(t *testing.T) {
	server := setup(t)
	for fault, want := range map[Fault]int{FaultServerFailure: dns.RcodeServerFailure, FaultRefuse: dns.RcodeRefused, FaultNone: dns.RcodeSuccess} {
		server.SetFault("WWW.example.test", fault)
		if got := ask(t, server, "udp", "www.example.test.", dns.TypeA).Rcode; got != want {
			t.Errorf("fault %d: rcode %s, want %s", fault, dns.RcodeToString[got], dns.RcodeToString[want])
		}
	}

	server.SetFault("www.example.test", FaultTruncate)
	if m := ask(t, server, "udp", "www.example.test.", dns.TypeA); !m.Truncated || len(m.Answer) != 0 {
		t.Errorf("truncated is %v with %d records", m.Truncated, len(m.Answer))
	}
	if m := ask(t, server, "tcp", "www.example.test.", dns.TypeA); m.Truncated || len(m.Answer) != 2 {
		t.Errorf("over tcp truncated is %v with %d records", m.Truncated, len(m.Answer))
	}

	server.SetFault("www.example.test", FaultDrop)
	client := &dns.Client{Timeout: 100 * time.Millisecond}
	if _, _, err := client.Exchange(new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA), server.Addr()); err == nil {
		t.Error("a dropped question was answered")
	}
}

func TestServer_rejects_what_is_not_a_question(t *testing.T) {
	server := setup(t)
	notify := new(dns.Msg).SetNotify("example.test.")
	chaos := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	two := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA)
	two.Question = append(two.Question, two.Question[0])
	edns := new(dns.Msg).SetQuestion("www.example.test.", dns.TypeA).SetEdns0(1232, false)
	edns.IsEdns0().SetVersion(1)
	for want, m := range map[int]*dns.Msg{
		dns.RcodeNotImplemented: notify, dns.RcodeRefused: chaos, dns.RcodeFormatError: two, dns.RcodeBadVers: edns,
	} {
		answer, _, err := new(dns.Client).Exchange(m, server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		if answer.Rcode != want {
			t.Errorf("rcode %s, want %s", dns.RcodeToString[answer.Rcode], dns.RcodeToString[want])
		}
	}
}

func TestListen_one_port_for_both(t *testing.T) {
	server := setup(t)
	_, port, err := net.SplitHostPort(server.Addr())
	if err != nil || port == "0" {
		t.Fatalf("address is %s: %v", server.Addr(), err)
	}
	if got := server.packets.LocalAddr().String(); got != server.Addr() {
		t.Errorf("udp listens on %s, tcp on %s", got, server.Addr())
	}
}

func TestListen_refuses(t *testing.T) {
	taken := setup(t).Addr()
	for name, cfg := range map[string]Config{
		"an address without port":  {Addr: "127.0.0.1"},
		"a taken port":             {Addr: taken},
		"a key without secret":     {Addr: "127.0.0.1:0", TSIGName: "k"},
		"a secret that is no text": {Addr: "127.0.0.1:0", TSIGName: "k", TSIGSecret: "%"},
		"a broken record":          {Addr: "127.0.0.1:0", Zones: []Zone{{Origin: "a.test", Records: []string{"www A nowhere"}}}},
		"a record of another zone": {Addr: "127.0.0.1:0", Zones: []Zone{{Origin: "a.test", Records: []string{"www.b.test. A 192.0.2.1"}}}},
		"the same zone twice":      {Addr: "127.0.0.1:0", Zones: []Zone{{Origin: "a.test"}, {Origin: "A.test."}}},
		"an origin that is none":   {Addr: "127.0.0.1:0", Zones: []Zone{{Origin: strings.Repeat("x", 64) + ".test"}}},
	} {
		if server, err := Listen(cfg); err == nil {
			t.Errorf("%s was accepted", name)
			_ = server.Close()
		}
	}
}

func TestListen_completes_a_zone(t *testing.T) {
	server, err := Listen(Config{Addr: "127.0.0.1:0", Zones: []Zone{{Origin: "bare.test", Records: []string{"* A 127.0.0.1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	z := server.zones["bare.test."]
	if z.soa().Serial != 1 || len(z.nodes["bare.test."][dns.TypeNS]) != 1 {
		t.Errorf("the apex holds %v", z.nodes["bare.test."])
	}
}
