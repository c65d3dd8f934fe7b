package network_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle/network"
)

func TestOwnershipRecord(t *testing.T) {
	want := network.Instruction{Purpose: network.Ownership, Type: "TXT", Name: "_siteplane-challenge.shop.example.com", Value: "token"}
	if diff := cmp.Diff(want, network.OwnershipRecord("shop.example.com", "token")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKeepRecord(t *testing.T) {
	until := time.Date(2026, 5, 4, 5, 2, 1, 0, time.FixedZone("", 2*60*60))
	want := network.Instruction{
		Purpose: network.Keep, Type: "TXT", Name: "_siteplane-challenge.shop.example.com", Value: "token",
		Note: "another tenant has proved this name; without this record it is theirs from 2026-05-04T03:02:01Z",
	}
	if diff := cmp.Diff(want, network.KeepRecord("shop.example.com", "token", until)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDomain_TrafficRecords(t *testing.T) {
	custom := func(hostname string, mode network.Mode) network.Domain {
		return network.Domain{Hostname: hostname, Kind: network.Custom, Mode: mode, Target: "edge.siteplane.example"}
	}
	edges := []string{"192.0.2.2", "2001:db8::1", "192.0.2.1"}

	t.Run("names that we write ourselves, or whose mode is not fixed, have none", func(t *testing.T) {
		platform := custom("shop.siteplane.example", network.Direct)
		platform.Kind = network.Platform
		for _, d := range []network.Domain{platform, custom("a.example.com", network.Managed), custom("a.example.com", network.ModeUnknown)} {
			if got := d.TrafficRecords(edges); got != nil {
				t.Errorf("%s %s has %+v", d.Kind, d.Mode, got)
			}
		}
	})
	t.Run("direct: one record for each edge, in one order", func(t *testing.T) {
		const note = "one of these is enough, all of them is better"
		want := []network.Instruction{
			{Purpose: network.Traffic, Type: "A", Name: "a.example.com", Value: "192.0.2.1", Note: note},
			{Purpose: network.Traffic, Type: "A", Name: "a.example.com", Value: "192.0.2.2", Note: note},
			{Purpose: network.Traffic, Type: "AAAA", Name: "a.example.com", Value: "2001:db8::1", Note: note},
		}
		if diff := cmp.Diff(want, custom("a.example.com", network.Direct).TrafficRecords(edges)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if edges[0] != "192.0.2.2" {
			t.Error("the addresses that were given are in another order now")
		}
	})
	t.Run("direct with one edge has no choice to explain", func(t *testing.T) {
		want := []network.Instruction{{Purpose: network.Traffic, Type: "A", Name: "a.example.com", Value: "192.0.2.1"}}
		if diff := cmp.Diff(want, custom("a.example.com", network.Direct).TrafficRecords([]string{"192.0.2.1"})); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("direct without edges has nothing to write", func(t *testing.T) {
		if got := custom("a.example.com", network.Direct).TrafficRecords(nil); len(got) != 0 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("an IPv4 address in IPv6 clothes is an A record", func(t *testing.T) {
		if got := custom("a.example.com", network.Direct).TrafficRecords([]string{"::ffff:192.0.2.1"}); got[0].Type != "A" {
			t.Errorf("got %+v", got)
		}
	})
}

// A CNAME is not allowed at the root of a zone: the instruction never stands there
// alone.
func TestDomain_TrafficRecords_custom_hostname(t *testing.T) {
	for hostname, apex := range map[string]bool{
		"www.example.com": false, "a.b.example.com": false, "example.com": true, "example.co.uk": true, "www.example.co.uk": false,
		"xn--mnchen-3ya.de": true,
	} {
		d := network.Domain{Hostname: hostname, Kind: network.Custom, Mode: network.CustomHostname, Target: "edge.siteplane.example"}
		got := d.TrafficRecords([]string{"192.0.2.1"})
		if len(got) != 1 {
			t.Fatalf("%s has %+v", hostname, got)
		}
		if apex != strings.Contains(got[0].Note, "ALIAS") || apex != strings.Contains(got[0].Note, "www."+hostname) {
			t.Errorf("%s has the note %q", hostname, got[0].Note)
		}
		got[0].Note = ""
		if want := (network.Instruction{Purpose: network.Traffic, Type: "CNAME", Name: hostname, Value: "edge.siteplane.example"}); got[0] != want {
			t.Errorf("%s has %+v", hostname, got[0])
		}
	}
}
