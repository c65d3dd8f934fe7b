package authority_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/authority"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnsq"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/dnstest"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/reach"
)

var loopback = reach.Filter{netip.MustParsePrefix("127.0.0.0/8")}

// setup returns a resolver and a Finder that asks it.
func setup(t *testing.T) (*dnstest.Server, *authority.Finder) {
	t.Helper()
	resolver := dnstest.Start(t)
	resolver.Set("example.test", dns.TypeNS, dnstest.Reply{Lame: true, Records: []string{
		"example.test. 60 IN NS ns1.example.test.", "example.test. 60 IN NS ns2.example.test.",
	}})
	resolver.Set("ns1.example.test", dns.TypeA, dnstest.Reply{Lame: true, Records: []string{"ns1.example.test. 60 IN A 127.0.0.2"}})
	resolver.Set("ns2.example.test", dns.TypeA, dnstest.Reply{Lame: true, Records: []string{
		"ns2.example.test. 60 IN CNAME ns2.other.test.", "ns2.other.test. 60 IN A 127.0.0.3"}})
	resolver.Set("ns2.example.test", dns.TypeAAAA, dnstest.Reply{Lame: true, Records: []string{"ns2.example.test. 60 IN AAAA 2606:4700::1"}})
	return resolver, &authority.Finder{
		Asker: dnsq.Client{Timeout: 2 * time.Second}, Resolvers: []string{resolver.Addr()}, Port: 5353, Reach: loopback,
	}
}

func TestFinder_Locate_walks_up_to_the_zone_cut(t *testing.T) {
	resolver, finder := setup(t)
	zone, err := finder.Locate(t.Context(), "WWW.deep.example.test")
	if err != nil {
		t.Fatal(err)
	}
	want := []authority.Server{
		{Name: "ns1.example.test.", Addresses: []string{"127.0.0.2:5353"}},
		{Name: "ns2.example.test.", Addresses: []string{"127.0.0.3:5353", "[2606:4700::1]:5353"}},
	}
	if diff := cmp.Diff(want, zone.Servers); diff != "" || zone.Name != "example.test." || zone.Trusted {
		t.Errorf("zone %s, trusted %v, servers (-want +got):\n%s", zone.Name, zone.Trusted, diff)
	}
	if len(zone.Answers) != len(resolver.Asked()) {
		t.Errorf("%d questions were asked and %d answers kept", len(resolver.Asked()), len(zone.Answers))
	}
}

func TestFinder_Locate_stops_at_the_nearest_cut(t *testing.T) {
	resolver, finder := setup(t)
	resolver.Set("deep.example.test", dns.TypeNS, dnstest.Reply{Lame: true, Records: []string{"deep.example.test. 60 IN NS ns1.example.test."}})
	zone, err := finder.Locate(t.Context(), "www.deep.example.test")
	if err != nil || zone.Name != "deep.example.test." {
		t.Errorf("zone is %s, %v", zone.Name, err)
	}
}

func TestFinder_Locate_does_not_take_the_cut_of_an_alias(t *testing.T) {
	resolver, finder := setup(t)
	resolver.Set("www.example.test", dns.TypeNS, dnstest.Reply{Lame: true, Records: []string{
		"www.example.test. 60 IN CNAME other.test.", "other.test. 60 IN NS ns.other.test."}})
	zone, err := finder.Locate(t.Context(), "www.example.test")
	if err != nil || zone.Name != "example.test." {
		t.Errorf("zone is %s, %v", zone.Name, err)
	}
}

func TestFinder_Locate_does_not_pass_over_a_failure(t *testing.T) {
	resolver, finder := setup(t)
	resolver.Set("www.example.test", dns.TypeNS, dnstest.Reply{Rcode: dns.RcodeServerFailure})
	_, err := finder.Locate(t.Context(), "www.example.test")
	var located *authority.LocateError
	if !errors.As(err, &located) || located.Unreachable || located.Zone != "www.example.test." {
		t.Errorf("error is %v", err)
	}
}

func TestFinder_Locate_goes_on_above_an_alias_whose_target_fails(t *testing.T) {
	resolver, finder := setup(t)
	resolver.Set("www.example.test", dns.TypeNS, dnstest.Reply{Rcode: dns.RcodeServerFailure})
	resolver.Set("www.example.test", dns.TypeCNAME, dnstest.Reply{Lame: true, Records: []string{"www.example.test. 60 IN CNAME broken.test."}})
	zone, err := finder.Locate(t.Context(), "www.example.test")
	if err != nil || zone.Name != "example.test." {
		t.Errorf("zone is %s, %v", zone.Name, err)
	}
	if len(zone.Answers) != len(resolver.Asked()) {
		t.Errorf("%d questions were asked and %d answers kept", len(resolver.Asked()), len(zone.Answers))
	}
}

func TestVisitor_Perspectives(t *testing.T) {
	visitor := authority.Visitor{Servers: authority.Servers{"test": "192.0.2.2:53"}, Resolvers: []string{"192.0.2.8:53", "192.0.2.9:53"}}
	if got := visitor.Perspectives("www.example.test"); len(got) != 0 {
		t.Errorf("for a mapped name the resolvers are %v", got)
	}
	if got := visitor.Perspectives("www.example.com"); len(got) != 2 {
		t.Errorf("for another name the resolvers are %v", got)
	}
}

func TestFinder_Locate_asks_the_next_resolver(t *testing.T) {
	_, finder := setup(t)
	broken := dnstest.Start(t)
	broken.Set("example.test", dns.TypeNS, dnstest.Reply{Rcode: dns.RcodeServerFailure})
	finder.Resolvers = append([]string{broken.Addr()}, finder.Resolvers...)
	zone, err := finder.Locate(t.Context(), "example.test")
	if err != nil || len(zone.Servers) != 2 {
		t.Errorf("zone is %+v, %v", zone, err)
	}
}

func TestFinder_Locate_says_when_no_resolver_answers(t *testing.T) {
	resolver, finder := setup(t)
	finder.Asker = dnsq.Client{Timeout: 200 * time.Millisecond}
	resolver.Set("example.test", dns.TypeNS, dnstest.Reply{Silent: true})
	_, err := finder.Locate(t.Context(), "example.test")
	var located *authority.LocateError
	if !errors.As(err, &located) || !located.Unreachable {
		t.Errorf("error is %v", err)
	}
}

func TestFinder_Locate_asks_no_server_in_our_own_network(t *testing.T) {
	_, finder := setup(t)
	finder.Reach = nil
	zone, err := finder.Locate(t.Context(), "example.test")
	if err != nil {
		t.Fatal(err)
	}
	want := []authority.Server{
		{Name: "ns1.example.test."},
		{Name: "ns2.example.test.", Addresses: []string{"[2606:4700::1]:5353"}},
	}
	if diff := cmp.Diff(want, zone.Servers); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
}

func TestFinder_Locate_tries_a_bounded_number_of_addresses_of_a_server(t *testing.T) {
	resolver, finder := setup(t)
	var v4, v6 []string
	for i := range 40 {
		v4 = append(v4, fmt.Sprintf("ns1.example.test. 60 IN A 127.0.1.%d", i+1))
		v6 = append(v6, fmt.Sprintf("ns1.example.test. 60 IN AAAA 2606:4700::%d", i+1))
	}
	resolver.Set("ns1.example.test", dns.TypeA, dnstest.Reply{Lame: true, Truncated: true, Records: v4})
	resolver.Set("ns1.example.test", dns.TypeAAAA, dnstest.Reply{Lame: true, Truncated: true, Records: v6})
	zone, err := finder.Locate(t.Context(), "example.test")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"127.0.1.1:5353", "127.0.1.2:5353", "127.0.1.3:5353", "127.0.1.4:5353",
		"[2606:4700::1]:5353", "[2606:4700::2]:5353", "[2606:4700::3]:5353", "[2606:4700::4]:5353",
	}
	if diff := cmp.Diff(want, zone.Servers[0].Addresses); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func TestFinder_Locate_obeys_the_map(t *testing.T) {
	_, finder := setup(t)
	for _, everything := range []string{".", ""} {
		finder.Servers = authority.Servers{everything: "192.0.2.1:53", "test": "192.0.2.2:53", "Example.test.": "192.0.2.3:53"}
		for name, want := range map[string]string{
			"example.com":      "192.0.2.1:53",
			"other.test":       "192.0.2.2:53",
			"notexample.test":  "192.0.2.2:53",
			"example.test":     "192.0.2.3:53",
			"www.EXAMPLE.test": "192.0.2.3:53",
		} {
			zone, err := finder.Locate(t.Context(), name)
			if err != nil || len(zone.Servers) != 1 || zone.Servers[0].Addresses[0] != want || !zone.Trusted {
				t.Errorf("%s with %q: %+v, %v", name, everything, zone, err)
			}
		}
	}
}

func TestVisitor_Locate(t *testing.T) {
	visitor := authority.Visitor{Servers: authority.Servers{"test": "192.0.2.2:53"}, Resolvers: []string{"192.0.2.8:53", "192.0.2.9:53"}}
	mapped, err := visitor.Locate(t.Context(), "www.example.test")
	if err != nil || mapped.Recursive || mapped.Servers[0].Addresses[0] != "192.0.2.2:53" {
		t.Errorf("mapped is %+v, %v", mapped, err)
	}
	other, err := visitor.Locate(t.Context(), "www.example.com")
	if err != nil || !other.Recursive || !other.Trusted || len(other.Servers) != 1 || len(other.Servers[0].Addresses) != 2 {
		t.Errorf("other is %+v, %v", other, err)
	}
}
