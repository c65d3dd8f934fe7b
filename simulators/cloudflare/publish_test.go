package cloudflare

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"github.com/siteplane/siteplane/simulators/dns"
)

// lookup returns what the DNS says, without TTLs.
func lookup(t *testing.T, names *dns.Server, name string, qtype uint16) string {
	t.Helper()
	client := &mdns.Client{Timeout: 5 * time.Second}
	got, _, err := client.Exchange(new(mdns.Msg).SetQuestion(mdns.Fqdn(name), qtype), names.Addr())
	if err != nil {
		t.Fatal(err)
	}
	var data []string
	for _, rr := range got.Answer {
		data = append(data, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	slices.Sort(data)
	return strings.Join(data, " ")
}

func TestPublish_tells_the_DNS(t *testing.T) {
	names, with := withDNS(t)
	server := setup(t, with)
	publishes(t, server, names)
}

func TestDNSUpdate_tells_the_DNS_of_another_process(t *testing.T) {
	key := dns.NewSecret()
	names, err := dns.Listen(dns.Config{
		Addr: "127.0.0.1:0", TSIGName: "siteplane", TSIGSecret: key,
		Zones: []dns.Zone{{Origin: "platform.test"}, {Origin: "customer.test"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, names.Serve)
	path := t.TempDir() + "/key"
	if err := dns.WriteKeyFile(path, "siteplane", key); err != nil {
		t.Fatal(err)
	}
	update, err := DNSUpdate{Server: names.Addr()}.ReadKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	server := setup(t, func(cfg *Config) { cfg.Publish = update })
	publishes(t, server, names)

	wrong := update
	wrong.Secret = dns.NewSecret()
	for name, failing := range map[string]func() error{
		"another key":   func() error { return wrong.Replace("a.platform.test", "A", "192.0.2.1") },
		"no zone":       func() error { return update.Replace("a.elsewhere.test", "A", "192.0.2.1") },
		"no type":       func() error { return update.Replace("a.platform.test", "WHAT", "192.0.2.1") },
		"broken record": func() error { return update.Replace("a.platform.test", "A", "x") },
	} {
		if failing() == nil {
			t.Errorf("%s: there is no error", name)
		}
	}
}

func publishes(t *testing.T, server *Server, names *dns.Server) {
	t.Helper()
	proxied := result[recordView](t, must(t, server, "POST", recordPath, `{"type":"CNAME","name":"www","content":"away.test","proxied":true}`))
	must(t, server, "POST", recordPath, `{"type":"CNAME","name":"grey","content":"away.test"}`)
	must(t, server, "POST", recordPath, `{"type":"A","name":"two","content":"192.0.2.1"}`)
	must(t, server, "POST", recordPath, `{"type":"A","name":"two","content":"192.0.2.2"}`)
	must(t, server, "POST", recordPath, `{"type":"TXT","name":"text","content":"say \"hi\" \\ there"}`)
	must(t, server, "POST", recordPath, `{"type":"TXT","name":"long","content":"`+strings.Repeat("x", 300)+`"}`)
	must(t, server, "POST", recordPath, `{"type":"CNAME","name":"*.wild.platform.test","content":"away.test","proxied":true}`)
	if _, err := server.Hand().CreateRecord(customerZone, Record{Type: "AAAA", Name: "www", Content: "2001:db8::1", Proxied: true}); err != nil {
		t.Fatal(err)
	}
	here := server.dataIP.String()
	expect := func(name string, qtype uint16, want string) {
		t.Helper()
		if got := lookup(t, names, name, qtype); got != want {
			t.Errorf("%s %s is %q, want %q", name, mdns.TypeToString[qtype], got, want)
		}
	}
	expect("www.platform.test", mdns.TypeA, here)
	expect("www.platform.test", mdns.TypeCNAME, "")
	expect("any.wild.platform.test", mdns.TypeA, here)
	expect("grey.platform.test", mdns.TypeCNAME, "away.test.")
	expect("two.platform.test", mdns.TypeA, "192.0.2.1 192.0.2.2")
	expect("text.platform.test", mdns.TypeTXT, `"say \"hi\" \\ there"`)
	expect("long.platform.test", mdns.TypeTXT, `"`+strings.Repeat("x", 255)+`" "`+strings.Repeat("x", 45)+`"`)
	expect("www.customer.test", mdns.TypeA, here)
	expect("www.customer.test", mdns.TypeAAAA, "")

	must(t, server, "PATCH", recordPath+"/"+proxied.ID, `{"proxied":false}`)
	expect("www.platform.test", mdns.TypeCNAME, "away.test.")
	must(t, server, "PATCH", recordPath+"/"+proxied.ID, `{"proxied":true}`)
	expect("www.platform.test", mdns.TypeA, here)
	must(t, server, "DELETE", recordPath+"/"+proxied.ID, "")
	expect("www.platform.test", mdns.TypeA, "")
}

// flaky is a publisher that fails as long as it is told to.
type flaky struct {
	broken bool
	heard  []string
}

func (f *flaky) Replace(name, rrtype string, records ...string) error {
	if f.broken {
		return errors.New("broken")
	}
	f.heard = append(f.heard, name+" "+rrtype+" "+strings.Join(records, ","))
	return nil
}

func TestPublish_tries_again_with_the_next_call(t *testing.T) {
	publisher := &flaky{broken: true}
	server := setup(t, func(cfg *Config) { cfg.Publish = publisher })
	must(t, server, "POST", recordPath, newRecord)
	publisher.broken = false
	must(t, server, "GET", recordPath, "")
	must(t, server, "GET", recordPath, "")
	if got := strings.Join(publisher.heard, "; "); got != "new.platform.test A 192.0.2.1" {
		t.Errorf("heard %s", got)
	}
}

func TestPublish_tells_at_the_start_what_the_file_holds(t *testing.T) {
	file := t.TempDir() + "/state.json"
	publisher := &flaky{}
	keep := func(cfg *Config) { cfg.StateFile, cfg.Publish = file, publisher }
	must(t, setup(t, keep), "POST", recordPath, newRecord)
	publisher.heard = nil
	setup(t, keep)
	if got := strings.Join(publisher.heard, "; "); got != "new.platform.test A 192.0.2.1" {
		t.Errorf("heard %s", got)
	}
}
