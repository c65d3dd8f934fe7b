package fake_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
)

func (c *caller) observe(routes ...desired.TunnelRoute) []drift.Finding {
	c.Helper()
	found, err := c.tun.Observe(c.Context(), installation, c.update(routes...).Routes)
	if err != nil {
		c.Fatal(err)
	}
	return found
}

// kinds are findings in short, in their order.
func kinds(found []drift.Finding) (out []string) {
	for _, f := range found {
		out = append(out, f.Place+" "+f.Kind)
	}
	return out
}

func TestTunnel_Observe(t *testing.T) {
	for name, tt := range map[string]struct {
		hand func(*fake.Tunnel)
		want []string
	}{
		"nothing":                   {func(*fake.Tunnel) {}, nil},
		"a rule is gone":            {func(tun *fake.Tunnel) { tun.RemoveRule(managed.Hostname) }, []string{"a.ours.example RULE_MISSING"}},
		"a record is gone":          {func(tun *fake.Tunnel) { tun.RemoveRecord(managed.Hostname) }, []string{"a.ours.example RECORD_MISSING"}},
		"a custom hostname is gone": {func(tun *fake.Tunnel) { tun.RemoveRecord(custom.Hostname) }, []string{"shop.tenant.example CUSTOM_HOSTNAME_MISSING"}},
		"a record too many": {func(tun *fake.Tunnel) {
			tun.Plant(installation, desired.TunnelRoute{Hostname: "b.ours.example", Kind: desired.ByRecord, ZoneID: fake.ZoneID(zone)})
		}, []string{"b.ours.example RECORD_SURPLUS", "b.ours.example RULE_SURPLUS"}},
		"a custom hostname too many": {func(tun *fake.Tunnel) {
			tun.Plant(installation, desired.TunnelRoute{Hostname: "b.tenant.example", Kind: desired.ByCustomHostname})
		}, []string{"b.tenant.example CUSTOM_HOSTNAME_SURPLUS", "b.tenant.example RULE_SURPLUS"}},
		"something foreign": {func(tun *fake.Tunnel) { tun.Block(managed.Hostname) }, []string{"a.ours.example BLOCKED", "a.ours.example RULE_SURPLUS"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &caller{T: t, tun: newTunnel()}
			c.must(managed, custom)
			tt.hand(c.tun)
			writes := c.tun.Writes()
			found := c.observe(managed, custom)
			if diff := cmp.Diff(tt.want, kinds(found)); diff != "" || c.tun.Writes() != writes {
				t.Errorf("%d writes, (-want +got):\n%s", c.tun.Writes()-writes, diff)
			}
			for _, f := range found {
				if f.Foreign != (f.Kind == "BLOCKED") || f.Detail == "" {
					t.Errorf("found %+v", f)
				}
			}
		})
	}
	t.Run("what lifecycle may not ask for is no answer", func(t *testing.T) {
		c := &caller{T: t, tun: newTunnel()}
		if _, err := c.tun.Observe(t.Context(), "", nil); !down(err) {
			t.Errorf("no installation: %v", err)
		}
		if _, err := c.tun.Observe(t.Context(), installation, []desired.TunnelRoute{custom, managed}); !down(err) {
			t.Errorf("another order: %v", err)
		}
	})
}

// What a look finds of ours is exactly what the next apply writes, and an apply
// leaves nothing of ours to find.
func TestTunnel_Observe_is_what_Apply_does(t *testing.T) {
	pool := []desired.TunnelRoute{managed, custom, {Hostname: "b.ours.example", Kind: desired.ByRecord, ZoneID: fake.ZoneID(zone)}}
	random := rand.New(rand.NewPCG(3, 4))
	c := &caller{T: t, tun: newTunnel()}
	for range 500 {
		r := pool[random.IntN(len(pool))]
		hands := []func(){
			func() { c.tun.RemoveRule(r.Hostname) }, func() { c.tun.RemoveRecord(r.Hostname) }, func() { c.tun.Block(r.Hostname) },
			func() { c.tun.Unblock(r.Hostname) }, func() { c.tun.Plant(installation, r) }, func() {},
		}
		hands[random.IntN(len(hands))]()
		var wanted []desired.TunnelRoute
		for _, r := range pool {
			if random.IntN(3) > 0 {
				wanted = append(wanted, r)
			}
		}
		ours := drift.Ours(c.observe(wanted...))
		proof := c.must(wanted...)
		var places []string
		for _, f := range ours {
			places = append(places, f.Place)
		}
		if places = slices.Compact(places); len(ours) != proof.Writes || !slices.Equal(places, proof.Changed) {
			t.Fatalf("found %v, wrote %d times: %v", kinds(ours), proof.Writes, proof.Changed)
		}
		if left := drift.Ours(c.observe(wanted...)); left != nil {
			t.Fatalf("after an apply there is still %v", kinds(left))
		}
	}
}

func TestTunnel_guard(t *testing.T) {
	var many []desired.TunnelRoute
	for i := range 20 {
		many = append(many, desired.TunnelRoute{Hostname: fmt.Sprintf("n%02d.tenant.example", i), Kind: desired.ByCustomHostname})
	}
	filled := func(t *testing.T) *caller {
		c := &caller{T: t, tun: newTunnel()}
		c.must(many...)
		return c
	}
	for name, tt := range map[string]struct {
		keep   int
		change func(*infra.TunnelUpdate)
		stops  bool
	}{
		"five that nothing explains go":             {15, func(*infra.TunnelUpdate) {}, false},
		"six that nothing explains are held":        {14, func(*infra.TunnelUpdate) {}, true},
		"one is explained, five go":                 {14, func(u *infra.TunnelUpdate) { u.Removals = map[string]string{many[14].Hostname: "op_1"} }, false},
		"what has no operation is not explained":    {14, func(u *infra.TunnelUpdate) { u.Removals = map[string]string{many[14].Hostname: ""} }, true},
		"nothing left, and one of it not explained": {0, func(u *infra.TunnelUpdate) { delete(explain(u, many), many[7].Hostname) }, true},
		"nothing left, and all of it explained":     {0, func(u *infra.TunnelUpdate) { explain(u, many) }, false},
		"the hold of another set":                   {14, func(u *infra.TunnelUpdate) { u.ConfirmedHold = "hold_1" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := filled(t)
			c.generation++
			update := c.unexplained(many[:tt.keep]...)
			tt.change(&update)
			_, err := c.tun.Apply(t.Context(), update)
			var held *infra.HeldError
			if errors.As(err, &held) != tt.stops || err != nil && !tt.stops {
				t.Fatalf("got %v", err)
			}
			if kept := len(c.tun.Rules()); tt.stops != (kept == len(many)) {
				t.Errorf("there are %d rules", kept)
			}
		})
	}
	t.Run("what has lost its rule counts by its custom hostname", func(t *testing.T) {
		c := filled(t)
		for _, r := range many {
			c.tun.RemoveRule(r.Hostname)
		}
		c.generation++
		var held *infra.HeldError
		if _, err := c.tun.Apply(t.Context(), c.unexplained(many[:14]...)); !errors.As(err, &held) || len(c.tun.CustomHostnames()) != 20 {
			t.Errorf("got %v, %d custom hostnames", err, len(c.tun.CustomHostnames()))
		}
	})
	t.Run("a confirmation lets exactly that set pass", func(t *testing.T) {
		c := filled(t)
		c.generation++
		update := c.unexplained(many[:14]...)
		_, err := c.tun.Apply(t.Context(), update)
		var held *infra.HeldError
		if !errors.As(err, &held) || len(held.Names) != 6 || held.Held != 20 || held.Message == "" {
			t.Fatalf("got %+v, %v", held, err)
		}
		other := c.unexplained(many[:13]...)
		update.ConfirmedHold, other.ConfirmedHold = held.ID, held.ID
		if _, err := c.tun.Apply(t.Context(), other); !errors.As(err, &held) {
			t.Errorf("seven go: %v", err)
		}
		if _, err := c.tun.Apply(t.Context(), update); err != nil || len(c.tun.Rules()) != 14 {
			t.Errorf("there are %d rules, %v", len(c.tun.Rules()), err)
		}
	})
}

// explain names an operation for each route.
func explain(u *infra.TunnelUpdate, routes []desired.TunnelRoute) map[string]string {
	u.Removals = map[string]string{}
	for _, r := range routes {
		u.Removals[r.Hostname] = "op_1"
	}
	return u.Removals
}
