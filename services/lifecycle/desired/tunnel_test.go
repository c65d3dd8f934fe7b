package desired_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// domains is one domain of every mode.
func domains() (all []desired.Routed) {
	for _, mode := range []network.Mode{network.Managed, network.CustomHostname, network.Direct, network.ModeUnknown} {
		all = append(all, desired.Routed{Hostname: string(mode) + ".example", Mode: mode, ZoneID: "zone-of-" + string(mode)})
	}
	return all
}

func TestForTunnel(t *testing.T) {
	want := []desired.TunnelRoute{
		{Hostname: "custom_hostname.example", Kind: desired.ByCustomHostname},
		{Hostname: "managed.example", Kind: desired.ByRecord, ZoneID: "zone-of-managed"},
	}
	t.Run("only what goes through a tunnel gives a route", func(t *testing.T) {
		if diff := cmp.Diff(want, desired.ForTunnel(domains())); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("the same domains in any order give the same routes", func(t *testing.T) {
		rows := domains()
		random := rand.New(rand.NewPCG(1, 2))
		for range 50 {
			random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			if diff := cmp.Diff(want, desired.ForTunnel(rows)); diff != "" {
				t.Fatalf("another order, other routes (-want +got):\n%s", diff)
			}
		}
	})
	t.Run("a domain that waits gives the same route", func(t *testing.T) {
		rows := domains()
		for i := range rows {
			rows[i].Waits = true
		}
		if diff := cmp.Diff(want, desired.ForTunnel(rows)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("no domains give nothing", func(t *testing.T) {
		if got := desired.ForTunnel(nil); len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}

// A route is the same whatever the domain is wanted to be: it is read when it
// goes, too.
func TestRouteOf(t *testing.T) {
	want := map[network.Mode]desired.TunnelRoute{
		network.Managed:        {Hostname: "www.example.com", Kind: desired.ByRecord, ZoneID: "z"},
		network.CustomHostname: {Hostname: "www.example.com", Kind: desired.ByCustomHostname},
	}
	for _, wanted := range []network.Wanted{network.Hidden, network.OnEdge, network.Public, ""} {
		for _, mode := range []network.Mode{network.Managed, network.CustomHostname, network.Direct, network.ModeUnknown} {
			route, has := want[mode]
			d := network.Domain{Hostname: "www.example.com", Mode: mode, Wanted: wanted, ZoneID: "z"}
			if got, ok := desired.RouteOf(d); ok != has || got != route {
				t.Errorf("%s wanted %q gives %+v, %t", mode, wanted, got, ok)
			}
		}
	}
}

// A change of anything that a tunnel shall hold changes the digest.
func TestTunnelDigest_covers_every_field(t *testing.T) {
	base := func() []desired.TunnelRoute {
		return []desired.TunnelRoute{
			{Hostname: "a.example", Kind: desired.ByRecord, ZoneID: "z"}, {Hostname: "b.example", Kind: desired.ByCustomHostname},
		}
	}
	if once, again := desired.TunnelDigest(base()), desired.TunnelDigest(base()); once != again {
		t.Fatal("the same routes have two digests")
	}
	seen := map[string]string{desired.TunnelDigest(base()): "nothing"}
	for name, change := range map[string]func([]desired.TunnelRoute) []desired.TunnelRoute{
		"hostname":   func(r []desired.TunnelRoute) []desired.TunnelRoute { r[0].Hostname = "c.example"; return r },
		"kind":       func(r []desired.TunnelRoute) []desired.TunnelRoute { r[0].Kind = desired.ByCustomHostname; return r },
		"zone":       func(r []desired.TunnelRoute) []desired.TunnelRoute { r[0].ZoneID = "y"; return r },
		"no zone":    func(r []desired.TunnelRoute) []desired.TunnelRoute { r[0].ZoneID = ""; return r },
		"other zone": func(r []desired.TunnelRoute) []desired.TunnelRoute { r[1].ZoneID = "z"; return r },
		"fewer":      func(r []desired.TunnelRoute) []desired.TunnelRoute { return r[:1] },
		"none":       func([]desired.TunnelRoute) []desired.TunnelRoute { return nil },
		"more":       func(r []desired.TunnelRoute) []desired.TunnelRoute { return append(r, desired.TunnelRoute{}) },
		"order":      func(r []desired.TunnelRoute) []desired.TunnelRoute { r[0], r[1] = r[1], r[0]; return r },
		"border": func(r []desired.TunnelRoute) []desired.TunnelRoute {
			r[0].Hostname, r[0].Kind = "a.examplerecord", ""
			return r
		},
	} {
		got := desired.TunnelDigest(change(base()))
		if other, taken := seen[got]; taken {
			t.Errorf("a change of %s has the digest of a change of %s", name, other)
		}
		seen[got] = name
	}
}

// The tunnel service computes the same digests: both sides read the same vectors.
func TestTunnelDigest_golden(t *testing.T) {
	const path = "../../../proto/siteplane/tunnel/v1/testdata/digest.json"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Routes []struct {
			Hostname string `json:"hostname"`
			Kind     string `json:"kind"`
			ZoneID   string `json:"zone_id"`
		} `json:"routes"`
		Digest string `json:"digest"`
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 5 {
		t.Fatalf("%s has %d vectors", path, len(vectors))
	}
	for _, v := range vectors {
		var routes []desired.TunnelRoute
		for _, r := range v.Routes {
			routes = append(routes, desired.TunnelRoute{Hostname: r.Hostname, Kind: desired.RouteKind(r.Kind), ZoneID: r.ZoneID})
		}
		if got := desired.TunnelDigest(routes); got != v.Digest {
			t.Errorf("%v has the digest %s, want %s", v.Routes, got, v.Digest)
		}
	}
}
