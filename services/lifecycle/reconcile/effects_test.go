package reconcile_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// The custom name of each mode in the world of these tests.
var namesByMode = map[network.Mode]string{
	network.Managed: "shop.example.org", network.CustomHostname: "shop.example.com", network.Direct: "www.example.net",
}

// F53, I13: a domain of each mode becomes ACTIVE and is removed; each call outside
// fails in turn, once before it has an effect and once after. At no time does a
// public name lead to a tunnel without its rule or to an edge that does not know
// it, and all comes out as if nothing had failed.
func TestEffects_in_order_whatever_call_fails(t *testing.T) {
	t.Parallel()
	for mode := range namesByMode {
		whole := lead(t, mode, 0, false)
		if whole < 15 {
			t.Fatalf("a whole life in mode %s took %d calls only: are they counted?", mode, whole)
		}
		for n := 1; n <= whole; n++ {
			for way, after := range map[string]bool{"before": false, "after": true} {
				t.Run(fmt.Sprintf("%s, %s call %d", mode, way, n), func(t *testing.T) {
					t.Parallel()
					lead(t, mode, n, after)
				})
			}
		}
	}
}

// lead leads the life of a domain with one failing call and returns how many
// calls there were.
func lead(t *testing.T, mode network.Mode, failing int, after bool) int {
	t.Helper()
	cut := &cutter{failing: failing, after: after}
	tunnel := fake.NewTunnel("example.org")
	tunnel.OfferCustomHostnames("target.example.edu")
	w := apptest.New(t, apptest.Options{Tunnel: tunnel, Outside: cut.around})
	hostname := namesByMode[mode]
	cut.look = func() error {
		if tunnel.Public(hostname) && !w.Host().Serves(hostname) {
			return errors.New(hostname + " is public, and the edge does not know it")
		}
		return tunnel.Invariant()
	}
	w.GrantZone("example.org", w.Caller.TenantID)
	s := w.Create("Shop")
	d := w.AddDomain(s, hostname, mode == network.Direct)
	publishProof(w, d)
	w.Settle()
	if d = w.Domain(d); d.Status != network.Active || d.Mode != mode {
		t.Fatalf("%s is %s in mode %s; conditions %+v", hostname, d.Status, d.Mode, w.DomainConditions(d))
	}
	w.CheckSettled()
	if err := w.TryRemoveDomain(d); err != nil {
		t.Fatal(err)
	}
	w.Settle()
	if d = w.Domain(d); d.Status != network.Released || tunnel.Public(hostname) || tunnel.Routed(hostname) || w.Host().Serves(hostname) {
		t.Fatalf("%s is %s and not gone", hostname, d.Status)
	}
	w.CheckSettled()
	for _, problem := range cut.problems {
		t.Error(problem)
	}
	if failing > 0 && cut.calls < failing {
		t.Errorf("only %d calls were made", cut.calls)
	}
	return cut.calls
}

// publishProof writes the ownership record that the tenant is told to write.
func publishProof(w *apptest.World, d network.Domain) {
	for _, record := range w.Records(d, network.Ownership) {
		w.DNS.SetTXT(record.Name, append(w.DNS.TXT(record.Name), record.Value)...)
	}
}
