package dns

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// update makes an update message for example.test.
func update(fill func(m *dns.Msg)) *dns.Msg {
	m := new(dns.Msg).SetUpdate("example.test.")
	fill(m)
	return m
}

func rr(t *testing.T, text string) dns.RR {
	t.Helper()
	record, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// send signs m with the key of the tests and returns the answer.
func send(t *testing.T, server *Server, m *dns.Msg) *dns.Msg {
	t.Helper()
	m.SetTsig(keyName, dns.HmacSHA256, fudge, time.Now().Unix())
	return exchange(t, server, m, secret)
}

func exchange(t *testing.T, server *Server, m *dns.Msg, secret string) *dns.Msg {
	t.Helper()
	client := &dns.Client{TsigSecret: map[string]string{keyName: secret, "other.key.": secret}}
	answer, _, err := client.Exchange(m, server.Addr())
	if answer == nil {
		t.Fatal(err)
	}
	if answer.Rcode == dns.RcodeSuccess && err != nil {
		t.Fatalf("the answer is not signed well: %v", err)
	}
	return answer
}

func TestUpdate_changes(t *testing.T) {
	for name, test := range map[string]struct {
		fill       func(t *testing.T, m *dns.Msg)
		name       string
		qtype      uint16
		want       string
		serialKept bool
	}{
		"adds a record": {
			fill: func(t *testing.T, m *dns.Msg) { m.Insert([]dns.RR{rr(t, "new.example.test. 60 A 192.0.2.7")}) },
			name: "new.example.test.", qtype: dns.TypeA, want: "192.0.2.7",
		},
		"adds to a set": {
			fill: func(t *testing.T, m *dns.Msg) { m.Insert([]dns.RR{rr(t, "WWW.example.test. 60 A 192.0.2.7")}) },
			name: "www.example.test.", qtype: dns.TypeA, want: "192.0.2.1 192.0.2.2 192.0.2.7",
		},
		"adds the same in vain": {
			fill: func(t *testing.T, m *dns.Msg) { m.Insert([]dns.RR{rr(t, "www.example.test. 300 A 192.0.2.1")}) },
			name: "www.example.test.", qtype: dns.TypeA, want: "192.0.2.1 192.0.2.2", serialKept: true,
		},
		"replaces an alias": {
			fill: func(t *testing.T, m *dns.Msg) { m.Insert([]dns.RR{rr(t, "alias.example.test. 60 CNAME text")}) },
			name: "alias.example.test.", qtype: dns.TypeCNAME, want: "text.",
		},
		"puts no alias beside data": {
			fill: func(t *testing.T, m *dns.Msg) { m.Insert([]dns.RR{rr(t, "www.example.test. 60 CNAME text")}) },
			name: "www.example.test.", qtype: dns.TypeA, want: "192.0.2.1 192.0.2.2", serialKept: true,
		},
		"puts no data beside an alias": {
			fill: func(t *testing.T, m *dns.Msg) { m.Insert([]dns.RR{rr(t, "alias.example.test. 60 TXT x")}) },
			name: "alias.example.test.", qtype: dns.TypeCNAME, want: "www.example.test.", serialKept: true,
		},
		"removes a record": {
			fill: func(t *testing.T, m *dns.Msg) { m.Remove([]dns.RR{rr(t, "www.example.test. 60 A 192.0.2.1")}) },
			name: "www.example.test.", qtype: dns.TypeA, want: "192.0.2.2",
		},
		"removes a set": {
			fill: func(t *testing.T, m *dns.Msg) { m.RemoveRRset([]dns.RR{rr(t, "www.example.test. 0 A 192.0.2.1")}) },
			name: "www.example.test.", qtype: dns.TypeA, want: "",
		},
		"removes a name": {
			fill: func(t *testing.T, m *dns.Msg) { m.RemoveName([]dns.RR{rr(t, "www.example.test. 0 A 192.0.2.1")}) },
			name: "www.example.test.", qtype: dns.TypeAAAA, want: "",
		},
		"keeps the servers of the zone": {
			fill: func(t *testing.T, m *dns.Msg) { m.RemoveName([]dns.RR{rr(t, "example.test. 0 A 192.0.2.1")}) },
			name: "example.test.", qtype: dns.TypeNS, want: "ns.example.test.", serialKept: true,
		},
		"keeps the last server": {
			fill: func(t *testing.T, m *dns.Msg) { m.Remove([]dns.RR{rr(t, "example.test. 60 NS ns.example.test.")}) },
			name: "example.test.", qtype: dns.TypeNS, want: "ns.example.test.", serialKept: true,
		},
		"does not turn the serial back": {
			fill: func(t *testing.T, m *dns.Msg) {
				m.Insert([]dns.RR{rr(t, "example.test. 60 SOA ns.example.test. h.example.test. 6 1 1 1 1")})
			},
			name: "example.test.", qtype: dns.TypeNS, want: "ns.example.test.", serialKept: true,
		},
		"acts when the zone is as believed": {
			fill: func(t *testing.T, m *dns.Msg) {
				m.NameUsed([]dns.RR{rr(t, "www.example.test. 0 A 192.0.2.1")})
				m.NameNotUsed([]dns.RR{rr(t, "none.example.test. 0 A 192.0.2.1")})
				m.RRsetUsed([]dns.RR{rr(t, "text.example.test. 0 TXT x")})
				m.RRsetNotUsed([]dns.RR{rr(t, "text.example.test. 0 A 192.0.2.1")})
				m.Used([]dns.RR{rr(t, "www.example.test. 0 A 192.0.2.2"), rr(t, "www.example.test. 0 A 192.0.2.1")})
				m.Insert([]dns.RR{rr(t, "none.example.test. 60 A 192.0.2.7")})
			},
			name: "none.example.test.", qtype: dns.TypeA, want: "192.0.2.7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := setup(t)
			answer := send(t, server, update(func(m *dns.Msg) { test.fill(t, m) }))
			if answer.Rcode != dns.RcodeSuccess {
				t.Fatalf("rcode %s", dns.RcodeToString[answer.Rcode])
			}
			if got := data(ask(t, server, "udp", test.name, test.qtype).Answer); got != test.want {
				t.Errorf("%s holds %q, want %q", test.name, got, test.want)
			}
			if kept := serial(t, server) == 7; kept != test.serialKept {
				t.Errorf("serial is %d", serial(t, server))
			}
		})
	}
}

func TestUpdate_takes_a_newer_serial_as_it_is(t *testing.T) {
	server := setup(t)
	soa := rr(t, "example.test. 60 SOA ns.example.test. h.example.test. 100 1 1 1 1")
	send(t, server, update(func(m *dns.Msg) { m.Insert([]dns.RR{soa}) }))
	if got := serial(t, server); got != 100 {
		t.Errorf("serial is %d, want 100", got)
	}
}

func TestUpdate_refuses(t *testing.T) {
	for name, test := range map[string]struct {
		rcode int
		fill  func(t *testing.T, m *dns.Msg)
	}{
		"a name that is not in use": {dns.RcodeNameError, func(t *testing.T, m *dns.Msg) {
			m.NameUsed([]dns.RR{rr(t, "none.example.test. 0 A 192.0.2.1")})
		}},
		"a name that is in use": {dns.RcodeYXDomain, func(t *testing.T, m *dns.Msg) {
			m.NameNotUsed([]dns.RR{rr(t, "www.example.test. 0 A 192.0.2.1")})
		}},
		"a set that is not there": {dns.RcodeNXRrset, func(t *testing.T, m *dns.Msg) {
			m.RRsetUsed([]dns.RR{rr(t, "www.example.test. 0 TXT x")})
		}},
		"a set that is there": {dns.RcodeYXRrset, func(t *testing.T, m *dns.Msg) {
			m.RRsetNotUsed([]dns.RR{rr(t, "www.example.test. 0 A 192.0.2.1")})
		}},
		"a set with other data": {dns.RcodeNXRrset, func(t *testing.T, m *dns.Msg) {
			m.Used([]dns.RR{rr(t, "www.example.test. 0 A 192.0.2.1")})
		}},
		"a belief about other zones": {dns.RcodeNotZone, func(t *testing.T, m *dns.Msg) {
			m.NameUsed([]dns.RR{rr(t, "www.elsewhere.test. 0 A 192.0.2.1")})
		}},
		"a change of other zones": {dns.RcodeNotZone, func(t *testing.T, m *dns.Msg) {
			m.Insert([]dns.RR{rr(t, "www.elsewhere.test. 60 A 192.0.2.1")})
		}},
		"another zone": {dns.RcodeNotAuth, func(t *testing.T, m *dns.Msg) {
			m.SetUpdate("elsewhere.test.")
		}},
		"a belief that lasts": {dns.RcodeFormatError, func(t *testing.T, m *dns.Msg) {
			m.Answer = []dns.RR{rr(t, "www.example.test. 60 A 192.0.2.1")}
		}},
		"a zone section without SOA": {dns.RcodeFormatError, func(t *testing.T, m *dns.Msg) {
			m.Question[0].Qtype = dns.TypeA
		}},
	} {
		t.Run(name, func(t *testing.T) {
			server := setup(t)
			answer := send(t, server, update(func(m *dns.Msg) {
				m.Insert([]dns.RR{rr(t, "new.example.test. 60 A 192.0.2.7")})
				test.fill(t, m)
			}))
			if answer.Rcode != test.rcode {
				t.Errorf("rcode %s, want %s", dns.RcodeToString[answer.Rcode], dns.RcodeToString[test.rcode])
			}
			assertUnchanged(t, server)
		})
	}
}

func TestUpdate_must_be_signed(t *testing.T) {
	now := time.Now().Unix()
	sign := func(key, hash string, at int64) func(*dns.Msg) {
		return func(m *dns.Msg) { m.SetTsig(key, hash, fudge, at) }
	}
	for name, test := range map[string]struct {
		rcode  int
		tsig   uint16
		secret string
		sign   func(m *dns.Msg)
	}{
		"not at all":          {dns.RcodeRefused, 0, secret, func(*dns.Msg) {}},
		"by another key":      {dns.RcodeNotAuth, dns.RcodeBadKey, secret, sign("other.key.", dns.HmacSHA256, now)},
		"with another secret": {dns.RcodeNotAuth, dns.RcodeBadSig, NewSecret(), sign(keyName, dns.HmacSHA256, now)},
		"by another hash":     {dns.RcodeNotAuth, dns.RcodeBadKey, secret, sign(keyName, dns.HmacSHA512, now)},
		"long ago":            {dns.RcodeNotAuth, dns.RcodeBadTime, secret, sign(keyName, dns.HmacSHA256, now-fudge-60)},
	} {
		t.Run(name, func(t *testing.T) {
			server := setup(t)
			m := update(func(m *dns.Msg) { m.Insert([]dns.RR{rr(t, "new.example.test. 60 A 192.0.2.7")}) })
			test.sign(m)
			answer := exchange(t, server, m, test.secret)
			if answer.Rcode != test.rcode {
				t.Errorf("rcode %s, want %s", dns.RcodeToString[answer.Rcode], dns.RcodeToString[test.rcode])
			}
			if signature := answer.IsTsig(); signature != nil && signature.Error != test.tsig || (signature == nil) != (test.tsig == 0) {
				t.Errorf("the signature says %v, want error %d", signature, test.tsig)
			}
			assertUnchanged(t, server)
		})
	}
}

func TestUpdate_without_a_key_is_refused(t *testing.T) {
	server, err := Listen(Config{Addr: "127.0.0.1:0", Zones: []Zone{{Origin: "example.test", Records: records}}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(t.Context()) }()
	answer := send(t, server, update(func(m *dns.Msg) { m.Insert([]dns.RR{rr(t, "new.example.test. 60 A 192.0.2.7")}) }))
	if answer.Rcode != dns.RcodeNotAuth {
		t.Errorf("rcode %s", dns.RcodeToString[answer.Rcode])
	}
	assertUnchanged(t, server)
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func assertUnchanged(t *testing.T, server *Server) {
	t.Helper()
	if got := ask(t, server, "udp", "new.example.test.", dns.TypeA).Rcode; got != dns.RcodeNameError {
		t.Errorf("the refused record is served")
	}
	if got := serial(t, server); got != 7 {
		t.Errorf("serial is %d, want 7", got)
	}
}

func TestZone_serial_skips_zero(t *testing.T) {
	z, err := newZone(Zone{Origin: "a.test", Records: []string{"@ SOA ns h 4294967295 1 1 1 1"}})
	if err != nil {
		t.Fatal(err)
	}
	if z.bump(); z.soa().Serial != 1 {
		t.Errorf("serial is %d, want 1", z.soa().Serial)
	}
}

func TestWriteKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "update.key")
	if err := WriteKeyFile(path, "siteplane", secret); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "key \"siteplane\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + secret + "\";\n};\n"
	if string(content) != want {
		t.Errorf("the file holds\n%s", content)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	if err := WriteKeyFile(filepath.Join(t.TempDir(), "none", "k"), "k", secret); err == nil || !strings.Contains(err.Error(), "write dns key file") {
		t.Errorf("error is %v", err)
	}
}
