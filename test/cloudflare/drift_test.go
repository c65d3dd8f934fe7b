package cloudflare_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/simulators/cloudflare"
)

// wanted is what most tests want to find.
func wanted() []*tunnelv1.Route {
	return []*tunnelv1.Route{record("blog.shop.test", blogZone), record("www.shop.test", shopZone), custom("www.tenant.test")}
}

func (w *world) observe(t *testing.T, routes ...*tunnelv1.Route) *tunnelv1.ObserveResponse {
	t.Helper()
	response, err := w.client.Observe(t.Context(), &tunnelv1.ObserveRequest{InstallationId: installation, Routes: routes})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// always is found in every look: what somebody else has in the tunnel, that is no
// last rule for all the rest.
const always = "RULE_FOREIGN *.blog.test, RULE_FOREIGN git.shop.test"

// words are the drifts in their order, without those that are always there.
func words(drifts []*tunnelv1.Drift) string {
	var all []string
	for _, d := range drifts {
		word := strings.TrimPrefix(d.GetKind().String(), "DRIFT_KIND_") + " " + d.GetHostname()
		if !strings.Contains(always, word) {
			all = append(all, word)
		}
	}
	return strings.Join(all, ", ")
}

// foreign says whether a drift is left alone.
func foreign(d *tunnelv1.Drift) bool {
	return d.GetKind() == tunnelv1.DriftKind_DRIFT_KIND_RULE_FOREIGN || d.GetKind() == tunnelv1.DriftKind_DRIFT_KIND_BLOCKED
}

// hand is somebody in the dashboard of a test's world.
type hand struct {
	cloudflare.Hand

	t *testing.T
	w *world
}

func (h hand) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// rules changes the ingress rules.
func (h hand) rules(change func(rules []string) []string) {
	h.t.Helper()
	var held holding
	h.must(json.Unmarshal(h.w.sim.Snapshot(), &held))
	config := held.Tunnels[account+"/edge"].Configuration
	var rules []json.RawMessage
	h.must(json.Unmarshal(config["ingress"], &rules))
	var texts []string
	for _, r := range rules {
		texts = append(texts, string(r))
	}
	config["ingress"] = json.RawMessage("[" + strings.Join(change(texts), ",") + "]")
	whole, err := json.Marshal(config)
	h.must(err)
	h.must(h.PutConfiguration(tunnelID, whole))
}

func (h hand) add(zone string, r cloudflare.Record) {
	h.t.Helper()
	_, err := h.CreateRecord(zone, r)
	h.must(err)
}

// drop deletes our record of the shop.
func (h hand) drop() {
	h.t.Helper()
	ours := h.w.ours(h.t, "www.shop.test")
	h.must(h.DeleteRecord(ours.ZoneID, ours.ID))
}

func without(hostname string) func([]string) []string {
	return func(rules []string) []string {
		return slices.DeleteFunc(rules, func(r string) bool { return strings.Contains(r, `"`+hostname+`"`) })
	}
}

func first(rule string) func([]string) []string {
	return func(rules []string) []string { return append([]string{rule}, rules...) }
}

// last puts a rule before the one that catches all the rest.
func last(rule string) func([]string) []string {
	return func(rules []string) []string { return slices.Insert(rules, len(rules)-1, rule) }
}

func ruleTo(hostname string) string {
	return `{"hostname":"` + hostname + `","service":"http://10.9.9.9:9"}`
}

// marked is a record of ours, as an apply would make it.
func marked(name string) cloudflare.Record {
	return cloudflare.Record{Type: "CNAME", Name: name, Content: tunnelID + ".cfargotunnel.com", Proxied: true, Comment: ourComment}
}

// F55, F56: whatever somebody has done, a look names it and writes nothing, and an
// apply then writes of exactly what was named as ours.
func TestObserve_names_the_drift(t *testing.T) {
	for _, tt := range []struct {
		name  string
		act   func(h hand)
		want  string
		since bool // whether Cloudflare tells since when
	}{
		{"nothing", func(hand) {}, "", false},
		{"a rule removed", func(h hand) { h.rules(without("www.shop.test")) }, "RULE_MISSING www.shop.test", false},
		{"all rules removed", func(h hand) { h.must(h.PutConfiguration(tunnelID, json.RawMessage(foreignConfiguration))) },
			"RULE_MISSING blog.shop.test, RULE_MISSING www.shop.test, RULE_MISSING www.tenant.test", false},
		{"a rule edited", func(h hand) {
			h.rules(func(rules []string) []string {
				i := slices.IndexFunc(rules, func(r string) bool { return strings.Contains(r, `"www.shop.test"`) })
				rules[i] = ourRule("www.shop.test", "http://10.9.9.9:9")
				return rules
			})
		}, "RULE_CHANGED www.shop.test", false},
		{"somebody else's rule for all names in front", func(h hand) { h.rules(first(ruleTo("*.shop.test"))) },
			"RULE_FOREIGN *.shop.test, RULE_CHANGED blog.shop.test, RULE_CHANGED www.shop.test, RULE_CHANGED www.tenant.test", false},
		{"somebody else's rule behind", func(h hand) { h.rules(last(ruleTo("rogue.shop.test"))) }, "RULE_FOREIGN rogue.shop.test", false},
		{"somebody else's rule instead of ours", func(h hand) {
			h.rules(without("www.shop.test"))
			h.rules(last(ruleTo("www.shop.test")))
		}, "BLOCKED www.shop.test", false},
		{"a rule of ours that is not wanted", func(h hand) { h.rules(first(ourRule("old.shop.test", edgeURL))) }, "RULE_SURPLUS old.shop.test", false},
		{"a record deleted", hand.drop, "RECORD_MISSING www.shop.test", false},
		{"a record edited", func(h hand) {
			ours := h.w.ours(h.t, "www.shop.test")
			ours.Content = "elsewhere.test"
			h.must(h.UpdateRecord(ours))
		}, "RECORD_CHANGED www.shop.test", true},
		{"a record of another type", func(h hand) {
			ours := h.w.ours(h.t, "www.shop.test")
			ours.Type, ours.Content = "A", "192.0.2.1"
			h.must(h.UpdateRecord(ours))
		}, "RECORD_MISSING www.shop.test, RECORD_SURPLUS www.shop.test", false},
		{"a record of ours that is not wanted", func(h hand) { h.add(shopZone, marked("old.shop.test")) }, "RECORD_SURPLUS old.shop.test", true},
		{"somebody else's record instead of ours", func(h hand) {
			h.drop()
			h.add(shopZone, cloudflare.Record{Type: "A", Name: "www.shop.test", Content: "192.0.2.1"})
		}, "BLOCKED www.shop.test", true},
		{"a custom hostname deleted", func(h hand) { h.must(h.DeleteCustomHostname(saasZone, "www.tenant.test")) },
			"CUSTOM_HOSTNAME_MISSING www.tenant.test", false},
		{"a custom hostname of ours that is not wanted", func(h hand) {
			_, err := h.CreateCustomHostname(saasZone, "old.tenant.test", map[string]any{"siteplane": installation})
			h.must(err)
		}, "CUSTOM_HOSTNAME_SURPLUS old.tenant.test", true},
		{"somebody else's custom hostname instead of ours", func(h hand) {
			h.must(h.DeleteCustomHostname(saasZone, "www.tenant.test"))
			_, err := h.CreateCustomHostname(saasZone, "www.tenant.test", map[string]any{"siteplane": "fedcba9876543210"})
			h.must(err)
		}, "BLOCKED www.tenant.test", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.apply(t, 1, wanted()...)
			begin := time.Now().Add(-time.Minute)
			tt.act(hand{w.sim.Hand(), t, w})
			w.sim.ResetLog()
			found := w.observe(t, wanted()...)
			if got := words(found.GetDrifts()); got != tt.want {
				t.Errorf("drift is %s, want %s\n%v", got, tt.want, found)
			}
			w.wantTold(t, found, begin, tt.since)
			w.wantRepaired(t, found)
		})
	}
}

// wantTold checks what is told of each drift, and that nothing was written.
func (w *world) wantTold(t *testing.T, found *tunnelv1.ObserveResponse, begin time.Time, since bool) {
	t.Helper()
	if len(w.mutations()) > 0 {
		t.Errorf("a look wrote %v", w.mutations())
	}
	told := false
	for _, d := range found.GetDrifts() {
		if d.GetDetail() == "" || d.GetCause() == "" {
			t.Errorf("drift is %v", d)
		}
		told = told || d.GetSince().AsTime().After(begin)
	}
	if since && !told {
		t.Errorf("no drift says since when: %v", found)
	}
}

// wantRepaired applies, and checks that this changed what was found to be ours,
// and nothing else.
func (w *world) wantRepaired(t *testing.T, found *tunnelv1.ObserveResponse) {
	t.Helper()
	var names []string
	for _, d := range found.GetDrifts() {
		if !foreign(d) {
			names = append(names, d.GetHostname())
		}
	}
	response := w.apply(t, 2, wanted()...)
	if got := response.GetChanged(); !slices.Equal(got, slices.Compact(names)) || (response.GetWrites() == 0) != (len(names) == 0) {
		t.Errorf("the apply changed %v in %d writes, and the look named %v", got, response.GetWrites(), names)
	}
	if again := w.observe(t, wanted()...); slices.ContainsFunc(again.GetDrifts(), func(d *tunnelv1.Drift) bool { return !foreign(d) }) {
		t.Errorf("after the apply there is %v", again)
	}
}

// I16: a world that is as wanted costs a look as many calls as an apply, which
// writes nothing.
func TestObserve_of_a_converged_world(t *testing.T) {
	w := setup(t)
	w.apply(t, 1, wanted()...)
	w.sim.ResetLog()
	w.apply(t, 2, wanted()...)
	limit := len(w.sim.Log())
	w.sim.ResetLog()
	found := w.observe(t, wanted()...)
	if words(found.GetDrifts()) != "" || len(found.GetDrifts()) != 2 || found.GetConfigVersion() != 2 {
		t.Errorf("found %v", found)
	}
	if calls := len(w.sim.Log()); calls > limit || len(w.mutations()) > 0 {
		t.Errorf("a look cost %d calls, an apply %d; wrote %v", calls, limit, w.mutations())
	}
}

// The cause names the version that was ours, also after a restart.
func TestObserve_tells_who_wrote(t *testing.T) {
	w := setup(t)
	w.apply(t, 1, wanted()...)
	h := hand{w.sim.Hand(), t, w}
	h.rules(without("www.shop.test"))
	w.restart(t)
	for _, d := range w.observe(t, wanted()...).GetDrifts() {
		if want := "The configuration is version 3 and ours was 2: somebody has written it"; !foreign(d) && !strings.HasPrefix(d.GetCause(), want) {
			t.Errorf("cause is %q, want %q", d.GetCause(), want)
		}
	}
}

// An error is never an absence (F51).
func TestObserve_that_fails_finds_nothing(t *testing.T) {
	w := setup(t)
	w.apply(t, 1, wanted()...)
	for _, tt := range trials() {
		if !slices.Equal(tt.methods, []string{""}) {
			continue // Calls that are lost; see ReadRoute.
		}
		for call := range 6 {
			tt.fault.Method, tt.fault.Skip, tt.fault.Times = http.MethodGet, call, 1
			if err := w.sim.Inject(tt.fault); err != nil {
				t.Fatal(err)
			}
			response, err := w.client.Observe(t.Context(), &tunnelv1.ObserveRequest{InstallationId: installation, Routes: wanted()})
			w.sim.Clear()
			wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
			if len(response.GetDrifts()) > 0 {
				t.Errorf("%s, call %d: found %v", tt.name, call, response)
			}
		}
	}
}

// F59: what lists do not show yet is not known to be missing.
func TestObserve_believes_no_old_list(t *testing.T) {
	w := setup(t)
	if err := w.sim.Inject(cloudflare.Fault{Method: http.MethodGet, Path: "/dns_records$", Kind: cloudflare.FaultStale}); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.Apply(t.Context(), w.request(t, 1, wanted()...))
	wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	w.sim.ResetLog()
	_, err = w.client.Observe(t.Context(), &tunnelv1.ObserveRequest{InstallationId: installation, Routes: wanted()})
	wantStatus(t, err, codes.Unavailable, "UNAVAILABLE")
	if len(w.mutations()) > 0 {
		t.Errorf("a look wrote %v", w.mutations())
	}
}

// F57: a look that may not read names the permission, and no drift.
func TestObserve_names_the_permission_that_is_missing(t *testing.T) {
	w := setup(t)
	w.apply(t, 1, wanted()...)
	if err := w.sim.SetTokenPermissions(token, cloudflare.ZoneRead, cloudflare.TunnelEdit, cloudflare.CustomHostnamesEdit); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.Observe(t.Context(), &tunnelv1.ObserveRequest{InstallationId: installation, Routes: wanted()})
	wantStatus(t, err, codes.FailedPrecondition, "CLOUDFLARE_PERMISSION")
}

func numbered(n int) (routes []*tunnelv1.Route, names []string) {
	for i := range n {
		name := fmt.Sprintf("n%02d.shop.test", i)
		routes, names = append(routes, record(name, shopZone)), append(names, name)
	}
	return routes, names
}
