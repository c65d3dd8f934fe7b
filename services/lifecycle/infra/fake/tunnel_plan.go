package fake

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/internal/platform/shrink"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// effect is one thing that an apply writes, or that a look finds to be written.
type effect struct {
	hostname string
	kind     string // of the drift that it ends, as the tunnel service names it
	do       func()
}

// words names the things that lead to the tunnel, as the kinds of drift do.
var words = map[desired.RouteKind]string{desired.ByRecord: "RECORD", desired.ByCustomHostname: "CUSTOM_HOSTNAME"}

// plan returns the effects that lead to what is wanted, in the order that never
// leaves an entry without its rule: entries go before rules, rules come before
// entries.
func (t *Tunnel) plan(wanted map[string]desired.TunnelRoute, owner string) (effects []effect) {
	right := func(at entry, h holding) bool {
		r, ok := wanted[at.hostname]
		return ok && r.Kind == at.kind && r.ZoneID == h.zoneID
	}
	for _, at := range t.entriesOf(owner) {
		if !right(at, t.entries[at]) {
			effects = append(effects, effect{at.hostname, words[at.kind] + "_SURPLUS", func() { delete(t.entries, at) }})
		}
	}
	for _, hostname := range slices.Sorted(maps.Keys(t.rules)) {
		if _, ok := wanted[hostname]; !ok {
			effects = append(effects, effect{hostname, "RULE_SURPLUS", func() { delete(t.rules, hostname); t.version++ }})
		}
	}
	for _, hostname := range slices.Sorted(maps.Keys(wanted)) {
		if !t.rules[hostname] {
			effects = append(effects, effect{hostname, "RULE_MISSING", func() { t.rules[hostname] = true; t.version++ }})
		}
	}
	for _, hostname := range slices.Sorted(maps.Keys(wanted)) {
		r := wanted[hostname]
		at := entry{hostname, r.Kind}
		if h, ok := t.entries[at]; !ok || !right(at, h) {
			effects = append(effects, effect{hostname, words[at.kind] + "_MISSING", func() { t.entries[at] = holding{r.ZoneID, owner} }})
		}
	}
	return effects
}

// entriesOf returns the entries of an owner in a fixed order.
func (t *Tunnel) entriesOf(owner string) (out []entry) {
	for at, h := range t.entries {
		if h.owner == owner {
			out = append(out, at)
		}
	}
	slices.SortFunc(out, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.hostname, b.hostname), strings.Compare(string(a.kind), string(b.kind)))
	})
	return out
}

// changed returns the hostnames of effects, sorted.
func changed(effects []effect) (hostnames []string) {
	for _, e := range effects {
		hostnames = append(hostnames, e.hostname)
	}
	slices.Sort(hostnames)
	return slices.Compact(hostnames)
}

// findings tells effects, and what somebody else blocks, as a look does.
func findings(effects []effect, blocks map[string]infra.Diagnosis) (out []drift.Finding) {
	for _, e := range effects {
		out = append(out, drift.Finding{Kind: e.kind, Place: e.hostname, Detail: e.hostname + " is not as wanted", Cause: "a change by hand"})
	}
	for hostname, d := range blocks {
		out = append(out, drift.Finding{Kind: "BLOCKED", Place: hostname, Detail: d.Summary, Foreign: true})
	}
	slices.SortFunc(out, func(a, b drift.Finding) int {
		return cmp.Or(strings.Compare(a.Place, b.Place), strings.Compare(a.Kind, b.Kind))
	})
	return out
}

// guard holds an update back when more hostnames would go than its operations
// explain.
func (t *Tunnel) guard(update infra.TunnelUpdate) error {
	held := maps.Clone(t.rules)
	for _, at := range t.entriesOf(update.Installation) {
		held[at.hostname] = true
	}
	stays := map[string]bool{}
	for _, r := range update.Routes {
		stays[r.Hostname] = held[r.Hostname]
	}
	removal := shrink.Removal{Held: len(held)}
	for hostname := range held {
		switch {
		case stays[hostname]:
			removal.Left++
		case update.Removals[hostname] == "":
			removal.Unexplained = append(removal.Unexplained, hostname)
		}
	}
	return guard(removal, update.ConfirmedHold)
}
