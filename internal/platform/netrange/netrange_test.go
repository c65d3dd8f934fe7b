package netrange

import (
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"8.8.8.8":              true,
		"2606:4700::1111":      true,
		"::ffff:8.8.8.8":       true,
		"127.0.0.1":            false,
		"::ffff:127.0.0.1":     false,
		"::127.0.0.1":          false,
		"100.64.0.1":           false,
		"0.1.2.3":              false,
		"192.0.0.1":            false,
		"198.18.0.1":           false,
		"240.0.0.1":            false,
		"224.0.0.1":            false,
		"64:ff9b::7f00:1":      false,
		"64:ff9b:1::a00:1":     false,
		"2002:7f00:1::":        false,
		"fec0::1":              false,
		"fe80::1":              false,
		"fe80::1%eth0":         false,
		"2001:db8::1":          false,
		"168.63.129.16":        false,
		"2002:808:808::":       true,
		"255.255.255.255":      false,
		"fd00:ec2::254":        false,
		"2606:4700::1111%eth0": false,
	} {
		if got := Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s) = %v, want %v", text, got, want)
		}
	}
	if Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

func TestMetadata(t *testing.T) {
	for text, want := range map[string]bool{
		"169.254.169.254":        true,
		"::ffff:169.254.169.254": true,
		"64:ff9b::a9fe:a9fe":     true,
		"168.63.129.16":          true,
		"100.100.100.200":        true,
		"fd00:ec2::254":          true,
		"127.0.0.1":              false,
		"8.8.8.8":                false,
	} {
		if got := Metadata(netip.MustParseAddr(text)); got != want {
			t.Errorf("Metadata(%s) = %v, want %v", text, got, want)
		}
	}
}
