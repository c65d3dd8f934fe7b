package cloudflare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

func wished(routes ...route.Route) wish {
	s := snapshot(routes...)
	return newWish(ours, settings(), s.Routes)
}

func worldOf(records []Record, hostnames []CustomHostname) world {
	seen := world{records: map[key]Record{}}
	for _, zone := range []string{shop, saas} {
		seen.setRecords(zone, slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return r.ZoneID != zone }))
	}
	seen.setHostnames(hostnames)
	return seen
}

func TestWish_surplus(t *testing.T) {
	w := wished()
	a := w.record(shop, "a.shop.test")
	inSaas := w.record(saas, "a.shop.test")
	address := Record{ZoneID: shop, Type: "A", Name: "a.shop.test", Content: "192.0.2.1", Comment: ours.comment()}
	other := address
	other.Content = "192.0.2.2"
	foreign := Record{ZoneID: shop, Type: "CNAME", Name: "a.shop.test", Content: w.tunnelName(), Proxied: true, Comment: ours.comment() + " "}
	wrong := a
	wrong.Content = "elsewhere.test"
	targetRecord := w.target
	tenant := w.hostname("www.tenant.test")
	someone := CustomHostname{ZoneID: saas, Hostname: "www.someone.test", Metadata: map[string]any{"siteplane": true}}
	for _, tt := range []struct {
		name      string
		routes    []route.Route
		records   []Record
		hostnames []CustomHostname
		want      string
	}{
		{"nothing", nil, nil, nil, ""},
		{"wanted", []route.Route{byRecord("a.shop.test")}, []Record{a}, nil, ""},
		{"wanted with other content is repaired, not deleted", []route.Route{byRecord("a.shop.test")}, []Record{wrong}, nil, ""},
		{"not wanted", nil, []Record{a}, nil, "record a.shop.test"},
		{"wanted in another zone", []route.Route{byRecord("a.shop.test")}, []Record{a, inSaas}, nil, "record a.shop.test"},
		{"wanted, but of another type", []route.Route{byRecord("a.shop.test")}, []Record{address, other}, nil, "record a.shop.test, record a.shop.test"},
		{"wanted as another kind", []route.Route{byHostname("a.shop.test")}, []Record{a}, nil, "record a.shop.test"},
		{"not ours", nil, []Record{foreign}, []CustomHostname{someone}, ""},
		{"a custom hostname before its target", nil, []Record{targetRecord}, []CustomHostname{tenant}, "custom hostname www.tenant.test"},
		{"a target without custom hostnames", nil, []Record{targetRecord}, []CustomHostname{someone}, "record " + target},
		{"a target that is wanted", []route.Route{byHostname("www.new.test")}, []Record{targetRecord}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, change := range wished(tt.routes...).surplus(worldOf(tt.records, tt.hostnames)) {
				got = append(got, change.What())
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("surplus is %v, want %s", got, tt.want)
			}
		})
	}
}

func TestWish_rules(t *testing.T) {
	foreign := func(hostname string) string { return `{"hostname":"` + hostname + `","service":"http://10.0.0.1:1"}` }
	for _, tt := range []struct {
		name   string
		wanted []string
		rules  []string
		free   map[string]bool
		want   string
	}{
		{"comes", []string{"b", "a"}, nil, nil, "[a.test b.test] blocked []"},
		{"goes only when its name is free", nil, []string{own("a.test"), own("b.test")}, map[string]bool{"b.test": true}, "[a.test] blocked []"},
		{"in upper case it is the same name", []string{"a"}, []string{own("A.test")}, nil, "[a.test] blocked []"},
		{"in upper case it goes only when its name is free", nil, []string{own("A.test"), own("B.test.")}, map[string]bool{"b.test": true}, "[a.test] blocked []"},
		{"what we never write goes", nil, []string{own("*.test"), own(""), own("a_b.test")}, nil, "[] blocked []"},
		{"somebody else's rule blocks", []string{"a", "b"}, []string{foreign("A.test."), own("b.test")}, nil, "[b.test] blocked [a.test]"},
		{"whoever has the name keeps it", []string{"a"}, []string{own("a.test"), foreign("a.test")}, nil, "[a.test] blocked []"},
		{"a wildcard blocks nothing", []string{"a"}, []string{foreign("*.test")}, nil, "[a.test] blocked []"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var routes []route.Route
			for _, name := range tt.wanted {
				routes = append(routes, byRecord(name+".test"))
			}
			config := parsed(t, `{"ingress":[`+strings.Join(tt.rules, ",")+`]}`)
			names, blocked := wished(routes...).rules(config, tt.free)
			if got := fmt.Sprint(names, " blocked ", slices.Sorted(maps.Keys(blocked))); got != tt.want {
				t.Errorf("rules are %s, want %s", got, tt.want)
			}
		})
	}
}

// The same routes give the same rules whatever the order in which things are held.
func TestWish_surplus_is_in_a_stable_order(t *testing.T) {
	w := wished()
	var records []Record
	for i := range 50 {
		r := w.record(shop, fmt.Sprintf("n%02d.shop.test", i*7%50))
		r.ID = fmt.Sprint(i)
		records = append(records, r)
	}
	changes := w.surplus(worldOf(records, nil))
	if !slices.IsSortedFunc(changes, func(a, b Change) int { return strings.Compare(a.What(), b.What()) }) || len(changes) != 50 {
		t.Errorf("changes are %v", changes)
	}
}

func TestZoneOf(t *testing.T) {
	zones := []Zone{
		{ID: "1", Name: "example.com", Active: true}, {ID: "2", Name: "sub.example.com", Active: true},
		{ID: "3", Name: "pending.example.com"}, {ID: "4", Name: "other.com", Active: true},
	}
	for hostname, want := range map[string]string{
		"example.com": "1", "www.example.com": "1", "sub.example.com": "2", "a.b.sub.example.com": "2",
		"www.pending.example.com": "1", "notexample.com": "", "com": "", "www.other.com": "4",
	} {
		if found, _ := zoneOf(hostname, zones); found.ID != want {
			t.Errorf("%s is in %q, want %q", hostname, found.ID, want)
		}
	}
}

func TestCustomHostname_says_who_must_act(t *testing.T) {
	for _, tt := range []struct {
		status, ssl string
		active      bool
		stuck       bool
		actor       string
	}{
		{"active", "active", true, false, "nobody"},
		{"pending", "initializing", false, false, "tenant"},
		{"active", "pending_validation", false, false, "tenant"},
		{"active", "validation_timed_out", false, true, "tenant"},
		{"active", "pending_deployment", false, false, "nobody"},
		{"blocked", "active", false, false, "cloudflare"},
		{"moved", "active", false, false, "tenant"},
	} {
		h := CustomHostname{Status: tt.status, SSL: Certificate{Status: tt.ssl, Method: "http", Type: "dv"}}
		actor := map[int]string{1: "operator", 2: "tenant", 3: "cloudflare", 4: "nobody"}[int(h.actor())]
		if h.active() != tt.active || h.stuck() != tt.stuck || actor != tt.actor {
			t.Errorf("%s, %s: active %t, stuck %t, actor %s", tt.status, tt.ssl, h.active(), h.stuck(), actor)
		}
	}
}
