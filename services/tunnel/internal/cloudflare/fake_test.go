package cloudflare

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
	"github.com/siteplane/siteplane/services/tunnel/internal/fence"
	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

const (
	ours    = mark("0123456789abcdef")
	theirs  = mark("fedcba9876543210")
	edgeURL = "http://127.0.0.1:8088"
	shop    = "zone-shop"
	saas    = "zone-saas"
	target  = "customers.saas.test"
)

func settings() Settings {
	return Settings{
		TunnelID: "tunnel", EdgeURL: edgeURL, CustomHostnameZoneID: saas, CustomHostnameTarget: target, CallTimeout: time.Minute,
	}
}

// account is a Cloudflare account in memory. It fails one call where it is told,
// and checks after each call what must always hold.
type account struct {
	t         *testing.T
	zones     []Zone
	config    json.RawMessage
	version   int64
	records   []Record
	hostnames []CustomHostname
	ids       int

	calls   int
	writes  int
	failAt  int   // number of the call that fails, from 1; 0 for none
	failure error // what it fails with
	effect  bool  // whether it has its effect all the same
	foreign string
	wild    bool // whether somebody broke what must always hold
}

func newAccount(t *testing.T) *account {
	a := &account{
		t: t, version: 1, failure: &fault.Unavailable{Message: "lost"},
		zones:  []Zone{{ID: shop, Name: "shop.test", Active: true}, {ID: saas, Name: "saas.test", Active: true}},
		config: json.RawMessage(`{"warp-routing":{"enabled":true},"ingress":[{"hostname":"git.shop.test","service":"ssh://10.0.0.1:22","x":1.50},{"service":"http_status:503"}]}`),
		records: []Record{
			{ID: "mail", ZoneID: shop, Type: "A", Name: "mail.shop.test", Content: "192.0.2.1"},
			{ID: "other", ZoneID: shop, Type: "CNAME", Name: "other.shop.test", Content: "tunnel.cfargotunnel.com", Proxied: true, Comment: theirs.comment()},
		},
		hostnames: []CustomHostname{{ID: "someone", ZoneID: saas, Hostname: "www.someone.test", Metadata: theirs.metadata()}},
	}
	a.foreign = a.others()
	return a
}

// call counts one call and fails it where it must.
func (a *account) call(effect func()) error {
	a.calls++
	fails := a.calls == a.failAt
	if !fails || a.effect {
		effect()
	}
	a.check()
	if fails {
		return a.failure
	}
	return nil
}

func (a *account) Zones(context.Context) (found []Zone, err error) {
	err = a.call(func() { found = slices.Clone(a.zones) })
	return found, err
}

func (a *account) Configuration(context.Context) (c Configuration, err error) {
	if err := a.call(func() {}); err != nil {
		return Configuration{}, err
	}
	return parseConfiguration(a.version, a.config)
}

func (a *account) Records(_ context.Context, zoneID string, filter RecordFilter) (found []Record, err error) {
	err = a.call(func() {
		for _, r := range a.records {
			if r.ZoneID == zoneID && filter.passes(r) {
				found = append(found, r)
			}
		}
	})
	return found, err
}

func (a *account) CustomHostnames(_ context.Context, zoneID, hostname string) (found []CustomHostname, err error) {
	err = a.call(func() {
		for _, h := range a.hostnames {
			if h.ZoneID == zoneID && (hostname == "" || h.Hostname == hostname) {
				found = append(found, h)
			}
		}
	})
	return found, err
}

func (a *account) Do(_ context.Context, change Change) error {
	var refused error
	err := a.call(func() {
		if refused = a.do(change); refused == nil {
			a.writes++
		}
	})
	if err != nil {
		return err
	}
	return refused
}

func (a *account) do(change Change) error {
	a.ids++
	id := fmt.Sprint("made-", a.ids)
	switch change := change.(type) {
	case PutConfiguration:
		a.config, a.version = change.Config, a.version+1
	case CreateRecord:
		if slices.ContainsFunc(a.records, func(r Record) bool { return r.Name == change.Record.Name }) {
			return &refusal{status: 400, message: "A record with that host already exists. (81053)"}
		}
		change.Record.ID = id
		a.records = append(a.records, change.Record)
	case ReplaceRecord:
		i := slices.IndexFunc(a.records, func(r Record) bool { return r.ID == change.Record.ID })
		a.records[i] = change.Record
	case DeleteRecord:
		a.records = slices.DeleteFunc(a.records, func(r Record) bool { return r.ID == change.Record.ID })
	case CreateCustomHostname:
		h := change.CustomHostname
		h.ID, h.Status = id, "pending"
		h.SSL = Certificate{Status: "initializing", Method: "http", Type: "dv"}
		a.hostnames = append(a.hostnames, h)
	case RestartCustomHostname:
		i := slices.IndexFunc(a.hostnames, func(h CustomHostname) bool { return h.ID == change.CustomHostname.ID })
		a.hostnames[i].SSL = Certificate{Status: "initializing", Method: validationMethod, Type: validationType}
	case DeleteCustomHostname:
		a.hostnames = slices.DeleteFunc(a.hostnames, func(h CustomHostname) bool { return h.ID == change.CustomHostname.ID })
	default:
		a.t.Errorf("change %T was not expected", change)
	}
	return nil
}

// check fails the test where a name of ours leads to the tunnel without its rule,
// or somebody else's things have changed.
func (a *account) check() {
	config, err := parseConfiguration(a.version, a.config)
	if err != nil {
		a.t.Fatal(err)
	}
	rules, _ := config.split(ours)
	for _, name := range a.names() {
		if !rules[name] && !a.wild {
			a.t.Errorf("call %d: %s leads to the tunnel without a rule", a.calls, name)
		}
	}
	if now := a.others(); now != a.foreign {
		a.t.Errorf("call %d: somebody else's things are\n%s\nand were\n%s", a.calls, now, a.foreign)
	}
}

// names are the hostnames of our records and custom hostnames.
func (a *account) names() []string {
	var names []string
	for _, r := range a.records {
		if ours.onRecord(r) && r.Name != target {
			names = append(names, r.Name)
		}
	}
	for _, h := range a.hostnames {
		if ours.onHostname(h) {
			names = append(names, h.Hostname)
		}
	}
	slices.Sort(names)
	return names
}

// others is everything that is not ours.
func (a *account) others() string {
	var b strings.Builder
	config, err := parseConfiguration(a.version, a.config)
	if err != nil {
		a.t.Fatal(err)
	}
	fmt.Fprintf(&b, "%s\n", config.keys)
	for _, r := range config.rules {
		if !ours.onRule(r) {
			fmt.Fprintf(&b, "%s\n", r.raw)
		}
	}
	for _, r := range a.records {
		if !ours.onRecord(r) {
			fmt.Fprintf(&b, "%+v\n", r)
		}
	}
	for _, h := range a.hostnames {
		if !ours.onHostname(h) {
			fmt.Fprintf(&b, "%+v\n", h)
		}
	}
	return b.String()
}

// memory is a state that survives nothing.
type memory struct {
	fence fence.Fence
	busy  time.Time
	ours  int64
}

func (m *memory) Raise(f fence.Fence) error {
	if err := m.Check(f); err != nil {
		return err
	}
	m.fence = f
	return nil
}

func (m *memory) Check(f fence.Fence) error {
	if f.Compare(m.fence) < 0 {
		return &fence.Stale{Got: f, Seen: m.fence}
	}
	return nil
}

func (m *memory) WaitIdle(context.Context) error {
	time.Sleep(time.Until(m.busy)) // In a synctest bubble.
	return nil
}

func (m *memory) MarkBusy(until time.Time) error { m.busy = until; return nil }

func (m *memory) ClearBusy() error { m.busy = time.Time{}; return nil }

func (m *memory) Ours(string) int64 { return m.ours }

func (m *memory) NoteOurs(_ string, version int64) error { m.ours = version; return nil }

func newBackend(api API) *Backend { return backendWith(api, &memory{}) }

func backendWith(api API, m *memory) *Backend {
	return New(Config{Settings: settings(), API: api, State: m, Versions: m})
}

// snapshot is of some routes, and operations explain all that goes.
func snapshot(routes ...route.Route) route.Snapshot {
	slices.SortFunc(routes, func(a, b route.Route) int { return strings.Compare(a.Hostname, b.Hostname) })
	return route.Snapshot{Fence: fence.Fence{Era: 1}, InstallationID: string(ours), Routes: routes, Digest: route.Digest(routes), Removals: explained(usual...)}
}

// usual are the names of the tests' routes.
var usual = []string{
	"a.shop.test", "b.shop.test", "x.shop.test", "www.tenant.test", "other.shop.test", "www.someone.test", "z.shop.test", "z.tenant.test", target,
}

func explained(names ...string) (removals []route.Removal) {
	for _, name := range names {
		removals = append(removals, route.Removal{Hostname: name, OperationID: "op_1"})
	}
	return removals
}

func byRecord(name string) route.Route {
	return route.Route{Hostname: name, Kind: route.KindRecord, ZoneID: shop}
}

func byHostname(name string) route.Route {
	return route.Route{Hostname: name, Kind: route.KindCustomHostname}
}
