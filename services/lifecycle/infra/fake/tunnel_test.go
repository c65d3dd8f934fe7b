package fake_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
)

const (
	zone         = "ours.example"
	installation = "0123456789abcdef"
)

var (
	managed = desired.TunnelRoute{Hostname: "a.ours.example", Kind: desired.ByRecord, ZoneID: fake.ZoneID(zone)}
	custom  = desired.TunnelRoute{Hostname: "shop.tenant.example", Kind: desired.ByCustomHostname}
)

func newTunnel() *fake.Tunnel {
	tun := fake.NewTunnel(zone)
	tun.OfferCustomHostnames("edge.ours.example")
	return tun
}

// caller applies with growing generations.
type caller struct {
	*testing.T
	tun        *fake.Tunnel
	generation uint64
}

func (c *caller) apply(routes ...desired.TunnelRoute) (infra.TunnelProof, error) {
	c.generation++
	return c.tun.Apply(c.Context(), c.update(routes...))
}

// update explains whatever goes.
func (c *caller) update(routes ...desired.TunnelRoute) infra.TunnelUpdate {
	update := c.unexplained(routes...)
	update.Removals = map[string]string{}
	for _, hostname := range slices.Concat(c.tun.Rules(), c.tun.Records(), c.tun.CustomHostnames()) {
		update.Removals[hostname] = "op_1"
	}
	return update
}

func (c *caller) unexplained(routes ...desired.TunnelRoute) infra.TunnelUpdate {
	slices.SortFunc(routes, func(a, b desired.TunnelRoute) int { return slices.Compare([]byte(a.Hostname), []byte(b.Hostname)) })
	return infra.TunnelUpdate{
		Fence: infra.Fence{Era: 1, Epoch: 1, Generation: c.generation}, Installation: installation,
		Routes: routes, Digest: desired.TunnelDigest(routes),
	}
}

func (c *caller) must(routes ...desired.TunnelRoute) infra.TunnelProof {
	c.Helper()
	proof, err := c.apply(routes...)
	if err != nil {
		c.Fatal(err)
	}
	return proof
}

func (c *caller) state(r desired.TunnelRoute) infra.RouteState {
	c.Helper()
	reading, err := c.tun.ReadRoute(c.Context(), installation, r)
	if err != nil {
		c.Fatal(err)
	}
	return reading.State
}

func down(err error) bool {
	var unavailable *infra.UnavailableError
	return errors.As(err, &unavailable)
}

func TestTunnel_LookupZone(t *testing.T) {
	tun := fake.NewTunnel("example", "a.example")
	for hostname, want := range map[string]infra.ZoneAnswer{
		"example":       {Found: true, ZoneID: fake.ZoneID("example"), ZoneName: "example", Backend: "fake"},
		"b.example":     {Found: true, ZoneID: fake.ZoneID("example"), ZoneName: "example", Backend: "fake"},
		"x.a.example":   {Found: true, ZoneID: fake.ZoneID("a.example"), ZoneName: "a.example", Backend: "fake"},
		"badexample":    {Backend: "fake"},
		"a.example.com": {Backend: "fake"},
	} {
		if got, err := tun.LookupZone(t.Context(), hostname); err != nil || got != want {
			t.Errorf("%s: %+v, %v", hostname, got, err)
		}
	}
	tun.OfferCustomHostnames("edge.example")
	if got, err := tun.LookupZone(t.Context(), "a.net"); err != nil || got.Found || got.CustomHostnameTarget != "edge.example" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTunnel_Apply(t *testing.T) {
	t.Run("holds exactly what is wanted, and writes nothing twice", func(t *testing.T) {
		c := &caller{T: t, tun: newTunnel()}
		if proof := c.must(managed, custom); proof.Writes != 4 || proof.Generation != 1 || proof.Blocked != nil {
			t.Errorf("proved %+v", proof)
		}
		if got := c.tun.Rules(); !slices.Equal(got, []string{managed.Hostname, custom.Hostname}) {
			t.Errorf("rules are %v", got)
		}
		if !slices.Equal(c.tun.Records(), []string{managed.Hostname}) || !slices.Equal(c.tun.CustomHostnames(), []string{custom.Hostname}) {
			t.Errorf("records %v, custom hostnames %v", c.tun.Records(), c.tun.CustomHostnames())
		}
		if proof := c.must(managed, custom); proof.Writes != 0 || c.tun.Writes() != 4 {
			t.Errorf("wrote again: %+v", proof)
		}
		if proof := c.must(); proof.Writes != 4 || c.tun.Public(managed.Hostname) || c.tun.Routed(custom.Hostname) {
			t.Errorf("proved %+v and holds rules %v", proof, c.tun.Rules())
		}
	})
	t.Run("a lower fence is refused and does nothing, an equal one is not", func(t *testing.T) {
		c := &caller{T: t, tun: newTunnel()}
		c.must(managed)
		if _, err := c.tun.Apply(t.Context(), c.update(managed)); err != nil {
			t.Errorf("the same again: %v", err)
		}
		c.tun.See(infra.Fence{Era: 1, Epoch: 2})
		if _, err := c.apply(); !errors.Is(err, infra.ErrStaleFence) || !c.tun.Public(managed.Hostname) {
			t.Errorf("got %v, public is %t", err, c.tun.Public(managed.Hostname))
		}
	})
	t.Run("what lifecycle may not send is refused", func(t *testing.T) {
		for name, change := range map[string]func(*infra.TunnelUpdate){
			"digest":       func(u *infra.TunnelUpdate) { u.Digest = "x" },
			"installation": func(u *infra.TunnelUpdate) { u.Installation = "" },
			"order":        func(u *infra.TunnelUpdate) { u.Routes = []desired.TunnelRoute{custom, managed} },
			"twice":        func(u *infra.TunnelUpdate) { u.Routes = []desired.TunnelRoute{custom, custom} },
			"zone":         func(u *infra.TunnelUpdate) { u.Routes[0].ZoneID = "x" },
			"foreign zone": func(u *infra.TunnelUpdate) { u.Routes[0].Hostname = "a.tenant.example" },
		} {
			c := &caller{T: t, tun: newTunnel(), generation: 1}
			update := c.update(managed)
			change(&update)
			if name != "digest" {
				update.Digest = desired.TunnelDigest(update.Routes)
			}
			if _, err := c.tun.Apply(t.Context(), update); !down(err) || c.tun.Writes() != 0 {
				t.Errorf("another %s: %v after %d writes", name, err, c.tun.Writes())
			}
		}
		c := &caller{T: t, tun: fake.NewTunnel(zone)}
		if _, err := c.apply(custom); !down(err) {
			t.Errorf("custom hostnames that are not offered: %v", err)
		}
	})
	t.Run("what is blocked holds up nothing else", func(t *testing.T) {
		for _, r := range []desired.TunnelRoute{managed, custom} {
			c := &caller{T: t, tun: newTunnel()}
			c.tun.Block(r.Hostname)
			proof := c.must(managed, custom)
			if d, ok := proof.Blocked[r.Hostname]; !ok || d.Code != "RECORD_IN_THE_WAY" || len(proof.Blocked) != 1 || len(c.tun.Rules()) != 1 {
				t.Errorf("proved %+v, rules are %v", proof, c.tun.Rules())
			}
			reading, err := c.tun.ReadRoute(t.Context(), installation, r)
			if err != nil || reading.State != infra.RouteAbsent || !slices.Equal(codes(reading), []string{"TUNNEL_NO_RULE", "RECORD_IN_THE_WAY"}) {
				t.Errorf("read %+v, %v", reading, err)
			}
			if c.must(); !slices.Contains(c.tun.Foreign(), r.Hostname) {
				t.Error("what is not ours is gone")
			}
			c.tun.Unblock(r.Hostname)
			if proof := c.must(managed, custom); proof.Blocked != nil || c.state(r) != infra.RouteReady {
				t.Errorf("proved %+v", proof)
			}
		}
	})
}

func codes(r infra.RouteReading) (out []string) {
	for _, d := range r.Diagnoses {
		out = append(out, d.Code)
	}
	return out
}

func TestTunnel_ReadRoute(t *testing.T) {
	c := &caller{T: t, tun: newTunnel()}
	c.must(managed, custom)
	t.Run("what is removed by hand is missed, and comes back", func(t *testing.T) {
		c.tun.RemoveRule(managed.Hostname)
		if c.state(managed) != infra.RoutePartial || c.tun.Invariant() == nil {
			t.Errorf("without a rule it is %s, %v", c.state(managed), c.tun.Invariant())
		}
		c.must(managed, custom)
		c.tun.RemoveRecord(managed.Hostname)
		if c.state(managed) != infra.RoutePartial || c.tun.Invariant() != nil {
			t.Errorf("without a record it is %s, %v", c.state(managed), c.tun.Invariant())
		}
		if proof := c.must(managed, custom); proof.Writes != 1 || c.state(managed) != infra.RouteReady {
			t.Errorf("mended by %+v", proof)
		}
	})
	t.Run("a custom hostname is ready once it is active", func(t *testing.T) {
		c.tun.Pend(custom.Hostname)
		got, err := c.tun.ReadRoute(t.Context(), installation, custom)
		if err != nil || got.State != infra.RoutePartial || len(got.Records) == 0 || !slices.Equal(codes(got), []string{"CUSTOM_HOSTNAME_PENDING"}) {
			t.Errorf("read %+v, %v", got, err)
		}
		c.tun.Activate(custom.Hostname)
		if got, err := c.tun.ReadRoute(t.Context(), installation, custom); err != nil || got.State != infra.RouteReady || got.Records != nil {
			t.Errorf("read %+v, %v", got, err)
		}
	})
	t.Run("another installation's record is not ours", func(t *testing.T) {
		got, err := c.tun.ReadRoute(t.Context(), "fedcba9876543210", managed)
		if err != nil || got.State == infra.RouteReady || !slices.Contains(codes(got), "RECORD_IN_THE_WAY") {
			t.Errorf("read %+v, %v", got, err)
		}
	})
}

func TestTunnel_faults(t *testing.T) {
	t.Run("down and refused: nothing works, and nothing is written", func(t *testing.T) {
		c := &caller{T: t, tun: newTunnel()}
		calls := func() (errs []error) {
			_, look := c.tun.LookupZone(t.Context(), managed.Hostname)
			_, apply := c.apply(managed)
			_, observe := c.tun.Observe(t.Context(), installation, []desired.TunnelRoute{managed})
			_, read := c.tun.ReadRoute(t.Context(), installation, managed)
			return []error{look, apply, observe, read}
		}
		c.tun.SetDown(true)
		for _, err := range calls() {
			if !down(err) {
				t.Errorf("down: %v", err)
			}
		}
		c.tun.SetDown(false)
		c.tun.Refuse(infra.Diagnosis{Code: "CLOUDFLARE_PERMISSION", Actor: condition.Operator})
		for _, err := range calls() {
			var refused *infra.RefusedError
			if !errors.As(err, &refused) || refused.Diagnosis.Code != "CLOUDFLARE_PERMISSION" {
				t.Errorf("refused: %v", err)
			}
		}
		if c.tun.Writes() != 0 {
			t.Errorf("wrote %d times", c.tun.Writes())
		}
		c.tun.Accept()
		c.must(managed)
	})
	t.Run("FailNext does nothing, LoseReply everything, once each", func(t *testing.T) {
		c := &caller{T: t, tun: newTunnel()}
		c.tun.FailNext(infra.ErrStaleFence)
		c.tun.LoseReply()
		if _, err := c.apply(managed); !errors.Is(err, infra.ErrStaleFence) || c.tun.Writes() != 0 {
			t.Errorf("FailNext: %v after %d writes", err, c.tun.Writes())
		}
		if _, err := c.apply(managed); !down(err) || c.tun.Writes() != 2 {
			t.Errorf("LoseReply: %v after %d writes", err, c.tun.Writes())
		}
		c.must(managed)
	})
	t.Run("what is held back arrives late, and is refused when somebody else was there", func(t *testing.T) {
		c := &caller{T: t, tun: newTunnel()}
		c.tun.HoldBack()
		if _, err := c.apply(managed); !down(err) || c.tun.Writes() != 0 {
			t.Errorf("held back: %v after %d writes", err, c.tun.Writes())
		}
		c.must()
		if got := c.tun.Deliver(); len(got) != 1 || !errors.Is(got[0], infra.ErrStaleFence) || c.tun.Writes() != 0 {
			t.Errorf("delivered: %v after %d writes", got, c.tun.Writes())
		}
	})
	t.Run("During runs once, when the effects are there", func(t *testing.T) {
		c := &caller{T: t, tun: newTunnel()}
		ran := 0
		c.tun.During(func() {
			ran++
			if !c.tun.Public(managed.Hostname) {
				t.Error("nothing took effect yet")
			}
		})
		c.must(managed)
		c.must(managed)
		if ran != 1 {
			t.Errorf("ran %d times", ran)
		}
	})
	t.Run("every call is kept with its answer", func(t *testing.T) {
		c := &caller{T: t, tun: newTunnel()}
		c.tun.FailNext(infra.ErrStaleFence)
		_, _ = c.apply(managed)
		want := []fake.Call{{Method: "Apply", TunnelUpdate: c.update(managed), Err: infra.ErrStaleFence}}
		equal := cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })
		if diff := cmp.Diff(want, c.tun.Calls(""), equal); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Wherever an apply dies, no name is public without its rule, and the next apply
// that lives brings everything to what is wanted.
func TestTunnel_CutAfter(t *testing.T) {
	moved := desired.TunnelRoute{Hostname: managed.Hostname, Kind: desired.ByCustomHostname}
	pool := []desired.TunnelRoute{managed, custom, {Hostname: "b.ours.example", Kind: desired.ByRecord, ZoneID: fake.ZoneID(zone)}, {Hostname: "c.tenant.example", Kind: desired.ByCustomHostname}}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func() (routes []desired.TunnelRoute) {
		for _, r := range pool {
			if r == managed && random.IntN(2) == 0 {
				r = moved
			}
			if random.IntN(2) == 0 {
				routes = append(routes, r)
			}
		}
		return routes
	}
	c := &caller{T: t, tun: newTunnel()}
	for range 500 {
		wanted, n, before := pick(), random.IntN(9), c.tun.Writes()
		c.tun.CutAfter(n)
		if _, err := c.apply(wanted...); !down(err) || c.tun.Writes() > before+n {
			t.Fatalf("cut after %d effects: %v, wrote %d", n, err, c.tun.Writes()-before)
		}
		if err := c.tun.Invariant(); err != nil {
			t.Fatalf("cut after %d effects: %v", n, err)
		}
		if random.IntN(3) > 0 {
			continue
		}
		c.must(wanted...)
		for _, r := range append(pool, moved) {
			want := infra.RouteAbsent
			if slices.Contains(wanted, r) {
				want = infra.RouteReady
			} else if c.tun.Routed(r.Hostname) {
				want = infra.RoutePartial // by the other kind
			}
			if got := c.state(r); got != want || c.tun.Routed(r.Hostname) != c.tun.Public(r.Hostname) {
				t.Fatalf("%+v is %s, want %s", r, got, want)
			}
		}
	}
}
