package dns

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestZone_is_kept_over_a_restart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "example.zone")
	first := serve(t, Zone{Origin: "example.test", Records: records, File: file})
	answer := send(t, first, update(func(m *dns.Msg) {
		m.Insert([]dns.RR{rr(t, `new.example.test. 60 TXT "a; b" "c"`)})
		m.RemoveName([]dns.RR{rr(t, "www.example.test. 0 A 192.0.2.1")})
	}))
	if answer.Rcode != dns.RcodeSuccess {
		t.Fatal(dns.RcodeToString[answer.Rcode])
	}
	if err := first.Replace("other.example.test", "A", "192.0.2.8"); err != nil {
		t.Fatal(err)
	}
	second := serve(t, Zone{Origin: "example.test", Records: []string{"unread A 192.0.2.5"}, File: file})
	for name, want := range map[string]string{
		"new.example.test.": `"a; b" "c"`, "other.example.test.": "192.0.2.8", "www.example.test.": "", "unread.example.test.": "",
	} {
		qtype := dns.TypeA
		if strings.HasPrefix(name, "new") {
			qtype = dns.TypeTXT
		}
		if got := data(ask(t, second, "udp", name, qtype).Answer); got != want {
			t.Errorf("%s answers %q, want %q", name, got, want)
		}
	}
	if before, after := serial(t, first), serial(t, second); before != after {
		t.Errorf("the serial was %d and is %d", before, after)
	}
}

func TestZone_that_cannot_be_kept_does_not_change(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	server := serve(t, Zone{Origin: "example.test", Records: records, File: filepath.Join(dir, "example.zone")})
	answer := send(t, server, update(func(m *dns.Msg) { m.Insert([]dns.RR{rr(t, "new.example.test. 60 A 192.0.2.7")}) }))
	if answer.Rcode != dns.RcodeServerFailure || len(ask(t, server, "udp", "new.example.test.", dns.TypeA).Answer) != 0 {
		t.Errorf("answered %s", dns.RcodeToString[answer.Rcode])
	}
	if err := server.Replace("new.example.test", "A", "192.0.2.7"); err == nil || len(ask(t, server, "udp", "new.example.test.", dns.TypeA).Answer) != 0 {
		t.Errorf("Replace says %v", err)
	}
}

func TestListen_names_the_zone_file_that_cannot_be_read(t *testing.T) {
	file := filepath.Join(t.TempDir(), "example.zone")
	if err := os.WriteFile(file, []byte("www A not-an-address\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Listen(Config{Addr: "127.0.0.1:0", Zones: []Zone{{Origin: "example.test", File: file}}})
	if err == nil || !strings.Contains(err.Error(), "example.test") {
		t.Errorf("error is %v", err)
	}
}
