package dnsq_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnstest"
)

const name = "www.example.test."

var record = []string{"www.example.test. 60 IN A 192.0.2.1"}

// ask sets the reply, asks, and returns the answer with what the server was asked.
func ask(t *testing.T, reply dnstest.Reply) (dnsq.Answer, []string) {
	t.Helper()
	server := dnstest.Start(t)
	server.Set(name, dns.TypeA, reply)
	client := dnsq.Client{Timeout: 500 * time.Millisecond}
	answer := client.Ask(t.Context(), dnsq.Question{Server: server.Addr(), Name: name, Type: dns.TypeA})
	return answer, server.Asked()
}

const (
	overUDP = "udp www.example.test. A"
	overTCP = "tcp www.example.test. A"
)

func TestClient_Ask(t *testing.T) {
	for title, test := range map[string]struct {
		reply   dnstest.Reply
		failure string
		asked   []string
		found   int
	}{
		"an answer":                 {dnstest.Reply{Records: record}, "", []string{overUDP}, 1},
		"no such name":              {dnstest.Reply{Rcode: dns.RcodeNameError}, "", []string{overUDP}, 0},
		"server failure":            {dnstest.Reply{Rcode: dns.RcodeServerFailure}, "SERVFAIL", []string{overUDP}, 0},
		"failure behind an alias":   {dnstest.Reply{Rcode: dns.RcodeServerFailure, Records: []string{"www.example.test. 60 IN CNAME other.test."}}, "", []string{overUDP}, 0},
		"failure beside another's":  {dnstest.Reply{Rcode: dns.RcodeServerFailure, Records: []string{"a.example.test. 60 IN CNAME other.test."}}, "SERVFAIL", []string{overUDP}, 0},
		"refused":                   {dnstest.Reply{Rcode: dns.RcodeRefused}, "REFUSED", []string{overUDP}, 0},
		"tcp when it is too long":   {dnstest.Reply{Records: record, Truncated: true}, "", []string{overTCP, overUDP}, 1},
		"cut everywhere":            {dnstest.Reply{TruncatedTCP: true}, "cut", []string{overTCP, overUDP}, 0},
		"again when one got lost":   {dnstest.Reply{Records: record, SilentOnce: true}, "", []string{overUDP, overUDP}, 1},
		"twice at most":             {dnstest.Reply{Silent: true}, "timeout", []string{overUDP, overUDP}, 0},
		"answer to another":         {dnstest.Reply{Records: record, Other: true}, "another question", []string{overUDP}, 0},
		"without authority":         {dnstest.Reply{Records: record, Lame: true}, "is not authoritative", []string{overUDP}, 1},
		"no name without authority": {dnstest.Reply{Rcode: dns.RcodeNameError, Lame: true}, "is not authoritative", []string{overUDP}, 0},
		"a referral": {dnstest.Reply{Lame: true, Authority: []string{"example.test. 60 IN NS ns.example.test."}},
			"refers to other servers", []string{overUDP}, 0},
	} {
		t.Run(title, func(t *testing.T) {
			answer, asked := ask(t, test.reply)
			failure := answer.Failure(false)
			if (failure == "") != (test.failure == "") || !strings.Contains(failure, test.failure) {
				t.Errorf("failure is %q, want %q", failure, test.failure)
			}
			if len(answer.Addresses()) != test.found {
				t.Errorf("addresses are %v", answer.Addresses())
			}
			if diff := cmp.Diff(test.asked, asked); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnswer_Failure_trusts_whom_the_operator_chose(t *testing.T) {
	answer, _ := ask(t, dnstest.Reply{Records: record, Lame: true})
	if failure := answer.Failure(true); failure != "" {
		t.Errorf("failure is %q", failure)
	}
	answer, _ = ask(t, dnstest.Reply{Lame: true, Authority: []string{"example.test. 60 IN NS ns.example.test."}})
	if failure := answer.Failure(true); failure == "" {
		t.Error("a referral counts as an answer")
	}
}

func TestAnswer_counts_only_what_the_name_owns(t *testing.T) {
	answer, _ := ask(t, dnstest.Reply{Records: []string{
		"WWW.example.test. 60 IN CNAME Target.example.test.", "target.example.test. 60 IN A 192.0.2.1",
	}})
	if got := answer.Alias(); got != "target.example.test." {
		t.Errorf("alias is %q", got)
	}
	if got := answer.Addresses(); len(got) != 0 {
		t.Errorf("addresses of the name are %v", got)
	}
	if got := answer.AllAddresses(); len(got) != 1 {
		t.Errorf("addresses at the end are %v", got)
	}
}

func TestClient_Ask_nobody_there(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	answer := dnsq.Client{Timeout: time.Second}.Ask(t.Context(), dnsq.Question{Server: gone.Addr().String(), Name: name, Type: dns.TypeA})
	if answer.Err == nil || answer.Failure(true) == "" {
		t.Errorf("answer is %+v", answer)
	}
}

func TestClient_Ask_stops_with_the_context(t *testing.T) {
	server := dnstest.Start(t)
	server.Set(name, dns.TypeA, dnstest.Reply{Silent: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	answer := dnsq.Client{Timeout: time.Minute}.Ask(ctx, dnsq.Question{Server: server.Addr(), Name: name, Type: dns.TypeA})
	if answer.Err == nil || answer.Duration > 10*time.Second {
		t.Errorf("answer is %+v", answer)
	}
}

func TestClient_AskAll_keeps_the_order(t *testing.T) {
	server := dnstest.Start(t)
	server.Set(name, dns.TypeA, dnstest.Reply{Records: record, SilentOnce: true})
	server.Set(name, dns.TypeAAAA, dnstest.Reply{Records: []string{"www.example.test. 60 IN AAAA 2001:db8::1"}})
	answers := dnsq.Client{Timeout: 500 * time.Millisecond}.AskAll(t.Context(), []dnsq.Question{
		{Server: server.Addr(), Name: name, Type: dns.TypeA}, {Server: server.Addr(), Name: name, Type: dns.TypeAAAA},
	})
	for i, want := range []string{"192.0.2.1", "2001:db8::1"} {
		if got := answers[i].Addresses(); len(got) != 1 || got[0].String() != want {
			t.Errorf("answer %d is %v, want %s", i, got, want)
		}
	}
}

func TestAnswer_Texts(t *testing.T) {
	server := dnstest.Start(t)
	server.Set(name, dns.TypeTXT, dnstest.Reply{Records: []string{
		`WWW.example.test. 60 IN TXT "two " "strings"`,
		`www.example.test. 60 IN TXT "\"quoted\" \\ \027 \226\130\172 a\046b"`,
		`www.example.test. 60 IN TXT ""`,
		`other.example.test. 60 IN TXT "of another name"`,
	}})
	answer := dnsq.Client{Timeout: time.Second}.Ask(t.Context(), dnsq.Question{Server: server.Addr(), Name: name, Type: dns.TypeTXT})
	want := []string{"two strings", "\"quoted\" \\ \x1b \u20ac a.b", ""}
	if diff := cmp.Diff(want, answer.Texts()); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}
