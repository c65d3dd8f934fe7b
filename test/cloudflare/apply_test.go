package cloudflare_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
)

func (w *world) look(t *testing.T) seen {
	t.Helper()
	s, err := look(w.sim.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLookupZone(t *testing.T) {
	w := setup(t)
	w.sim.ResetLog()
	for hostname, want := range map[string]string{
		"shop.test": shopZone, "www.shop.test": shopZone, "a.b.shop.test": shopZone,
		"blog.shop.test": blogZone, "www.blog.shop.test": blogZone,
		"nonshop.test": "", "elsewhere.test": "",
		// The token sees this zone, but it is in another account.
		"www.foreign.test": "",
	} {
		response, err := w.client.LookupZone(t.Context(), &tunnelv1.LookupZoneRequest{Hostname: hostname})
		if err != nil {
			t.Fatal(err)
		}
		if got := response.GetZone().GetZoneId(); got != want {
			t.Errorf("%s is in %q, want %q", hostname, got, want)
		}
		if response.GetBackend() != "cloudflare" || response.GetCustomHostnameTarget() != target {
			t.Errorf("response is %v", response)
		}
	}
	if calls := len(w.sim.Log()); calls != 1 {
		t.Errorf("looking up cost %d calls", calls)
	}
}

func TestApply_publishes_and_takes_away(t *testing.T) {
	w := setup(t)
	before := w.look(t)
	routes := []*tunnelv1.Route{record("www.shop.test", shopZone), record("blog.shop.test", blogZone), custom("www.tenant.test")}
	response := w.apply(t, 1, routes...)
	// One configuration, three records with the target, one custom hostname.
	if response.GetWrites() != 5 || len(response.GetProblems()) != 0 || response.GetConfigVersion() != 2 {
		t.Errorf("response is %v", response)
	}
	got := w.look(t)
	want := seen{
		rules:   []string{"blog.shop.test", "www.shop.test", "www.tenant.test"},
		records: []string{"blog.shop.test", target, "www.shop.test"},
		customs: []string{"www.tenant.test"}, foreign: before.foreign,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(seen{})); diff != "" {
		t.Errorf("after adding (-want +got):\n%s", diff)
	}

	w.sim.ResetLog()
	if again := w.apply(t, 2, routes...); again.GetWrites() != 0 || len(w.mutations()) != 0 {
		t.Errorf("applying again wrote %d times: %v", again.GetWrites(), w.mutations())
	}

	w.apply(t, 3, routes[1])
	if got := w.look(t); !slices.Equal(got.rules, []string{"blog.shop.test"}) || len(got.customs) != 0 || !slices.Equal(got.records, got.rules) {
		t.Errorf("after removing two: %+v", got)
	}
	w.apply(t, 4)
	if diff := cmp.Diff(before, w.look(t), cmp.AllowUnexported(seen{})); diff != "" {
		t.Errorf("after removing all (-before +after):\n%s", diff)
	}
	w.sim.ResetLog()
	if w.apply(t, 5); len(w.mutations()) != 0 {
		t.Errorf("applying nothing wrote %v", w.mutations())
	}
}
