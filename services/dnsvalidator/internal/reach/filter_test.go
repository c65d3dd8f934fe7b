package reach

import (
	"net/netip"
	"testing"
)

func TestFilter_Admits(t *testing.T) {
	inside := Filter{
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fd00::/8"),
	}
	for addr, want := range map[string]struct{ public, inside bool }{
		"8.8.8.8":              {true, true},
		"2606:4700::1111":      {true, true},
		"127.0.0.1":            {false, true},
		"fd00::1":              {false, true},
		"10.0.0.1":             {false, false},
		"100.64.0.1":           {false, false},
		"192.0.2.1":            {false, false},
		"0.1.2.3":              {false, false},
		"240.0.0.1":            {false, false},
		"::127.0.0.1":          {false, false},
		"64:ff9b::7f00:1":      {false, false},
		"64:ff9b:1::7f00:1":    {false, false},
		"2002:7f00:1::":        {false, false},
		"fec0::1":              {false, false},
		"::ffff:127.0.0.1":     {false, false},
		"::ffff:8.8.8.8":       {false, false},
		"169.254.169.254":      {false, false},
		"fd00:ec2::254":        {false, false},
		"168.63.129.16":        {false, false},
		"2606:4700::1111%eth0": {false, false},
	} {
		addr := netip.MustParseAddr(addr)
		if got := Filter(nil).Admits(addr); got != want.public {
			t.Errorf("nothing admitted: Admits(%s) = %v", addr, got)
		}
		if got := inside.Admits(addr); got != want.inside {
			t.Errorf("some admitted: Admits(%s) = %v", addr, got)
		}
	}
}
