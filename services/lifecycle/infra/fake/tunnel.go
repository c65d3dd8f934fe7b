package fake

import (
	"context"
	"strings"
	"sync"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// Tunnel is an infra.TunnelProvider in memory: one tunnel with its rules, and the
// records and custom hostnames that lead to it, ours and foreign ones.
type Tunnel struct {
	journal

	mu      sync.Mutex
	zones   []string
	target  string // of custom hostnames; "" offers none
	rules   map[string]bool
	entries map[entry]holding
	seen    infra.Fence // the highest of all that were begun
	version int64       // of the rules
	writes  int

	down    bool
	refusal *infra.Diagnosis
	pending map[string]bool // custom hostnames that are not active
	faults  []tunnelFault
	during  func()
	held    []infra.TunnelUpdate
}

// entry is one way into the tunnel: a record or a custom hostname.
type entry struct {
	hostname string
	kind     desired.RouteKind
}

// holding says where an entry is and whose: the installation that made it, "" for
// a foreign one.
type holding struct {
	zoneID, owner string
}

var _ infra.TunnelProvider = (*Tunnel)(nil)

// NewTunnel returns a provider that has these zones and offers no custom
// hostnames.
func NewTunnel(zones ...string) *Tunnel {
	return &Tunnel{zones: zones, rules: map[string]bool{}, entries: map[entry]holding{}, pending: map[string]bool{}}
}

// ZoneID is the id of a zone.
func ZoneID(zone string) string { return "zone-id-of-" + zone }

// LookupZone implements infra.TunnelProvider.
func (t *Tunnel) LookupZone(_ context.Context, hostname string) (infra.ZoneAnswer, error) {
	answer, err := t.lookup(hostname)
	t.note(Call{Method: "LookupZone", Object: hostname, Err: err})
	return answer, err
}

func (t *Tunnel) lookup(hostname string) (infra.ZoneAnswer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.away(); err != nil {
		return infra.ZoneAnswer{}, err
	}
	answer := infra.ZoneAnswer{Backend: "fake", CustomHostnameTarget: t.target}
	if zone, ok := t.zoneOf(hostname); ok {
		answer.Found, answer.ZoneID, answer.ZoneName = true, ZoneID(zone), zone
	}
	return answer, nil
}

// zoneOf returns the nearest zone that holds a hostname.
func (t *Tunnel) zoneOf(hostname string) (zone string, ok bool) {
	for _, z := range t.zones {
		if (hostname == z || strings.HasSuffix(hostname, "."+z)) && len(z) > len(zone) {
			zone, ok = z, true
		}
	}
	return zone, ok
}

// Apply implements infra.TunnelProvider.
func (t *Tunnel) Apply(_ context.Context, update infra.TunnelUpdate) (infra.TunnelProof, error) {
	proof, err := t.apply(update)
	t.note(Call{Method: "Apply", TunnelUpdate: update, Err: err})
	return proof, err
}

// Observe implements infra.TunnelProvider: it tells what an Apply would write.
func (t *Tunnel) Observe(_ context.Context, installation string, routes []desired.TunnelRoute) ([]drift.Finding, error) {
	found, err := t.observe(installation, routes)
	t.note(Call{Method: "Observe", Err: err})
	return found, err
}

func (t *Tunnel) observe(installation string, routes []desired.TunnelRoute) ([]drift.Finding, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.away(); err != nil {
		return nil, err
	}
	if err := t.wellFormed(routes, installation); err != nil {
		return nil, err
	}
	wanted, blocks := t.split(routes, installation)
	return findings(t.plan(wanted, installation), blocks), nil
}

// ReadRoute implements infra.TunnelProvider.
func (t *Tunnel) ReadRoute(_ context.Context, installation string, route desired.TunnelRoute) (infra.RouteReading, error) {
	reading, err := t.read(installation, route)
	t.note(Call{Method: "ReadRoute", Object: route.Hostname, Err: err})
	return reading, err
}

func (t *Tunnel) read(installation string, route desired.TunnelRoute) (infra.RouteReading, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.away(); err != nil {
		return infra.RouteReading{}, err
	}
	r := infra.RouteReading{State: t.state(installation, route), Seen: t.sightings(route)}
	if !t.rules[route.Hostname] {
		r.Diagnoses = append(r.Diagnoses, diagnose(infra.CodeTunnelNoRule, condition.Operator))
	}
	if t.blocks(route, installation) {
		r.Diagnoses = append(r.Diagnoses, inTheWay())
	}
	if route.Kind == desired.ByCustomHostname && t.pending[route.Hostname] {
		r.Diagnoses = append(r.Diagnoses, diagnose("CUSTOM_HOSTNAME_PENDING", condition.Cloudflare))
		r.Records = preparations(route.Hostname)
	}
	return r, nil
}

// state derives how far a route is from what is there.
func (t *Tunnel) state(installation string, route desired.TunnelRoute) infra.RouteState {
	at := entry{route.Hostname, route.Kind}
	there := t.entries[at] == holding{route.ZoneID, installation}
	active := route.Kind != desired.ByCustomHostname || !t.pending[route.Hostname]
	switch {
	case t.rules[route.Hostname] && there && active:
		return infra.RouteReady
	case t.rules[route.Hostname] || t.public(route.Hostname):
		return infra.RoutePartial
	}
	return infra.RouteAbsent
}

func (t *Tunnel) sightings(route desired.TunnelRoute) []string {
	seen := []string{"no rule"}
	if t.rules[route.Hostname] {
		seen[0] = "a rule"
	}
	what := string(route.Kind)
	switch h, ok := t.entries[entry{route.Hostname, route.Kind}]; {
	case !ok:
		return append(seen, "no "+what)
	case h.owner == "":
		return append(seen, "a "+what+" that is not ours")
	}
	return append(seen, "a "+what+" of ours")
}

// preparations are what Cloudflare asks for before a custom hostname is active.
func preparations(hostname string) []network.Instruction {
	return []network.Instruction{
		{Purpose: network.Preparation, Type: "TXT", Name: "_cf-custom-hostname." + hostname, Value: "ownership-of-" + hostname, Note: "shows the name to Cloudflare"},
		{Purpose: network.Preparation, Type: "TXT", Name: "_acme-challenge." + hostname, Value: "certificate-of-" + hostname, Note: "lets Cloudflare get the certificate"},
	}
}

func inTheWay() infra.Diagnosis { return diagnose("RECORD_IN_THE_WAY", condition.Operator) }

// away is what every call is told while the provider does not work for us.
func (t *Tunnel) away() error {
	switch {
	case t.down:
		return unavailable("tunnel")
	case t.refusal != nil:
		return &infra.RefusedError{Diagnosis: *t.refusal}
	}
	return nil
}
