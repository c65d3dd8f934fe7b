package cloudflare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

// difference is one way in which the rules that are there are not those that shall
// be there.
type difference struct {
	kind     route.DriftKind
	hostname string // "" for the rule that catches all the rest
	detail   string
}

// differences names what must change for the configuration to become the next one,
// which with has made of it. There is none exactly when the two are the same.
func (c Configuration) differences(m mark, next Configuration) []difference {
	wanted, theirs := next.ours(m)
	found := &finding{wanted: wanted, met: map[string]bool{}}
	for _, r := range c.rules {
		if m.onRule(r) {
			found.judge(r)
			continue
		}
		theirs--
		if found.foreign == "" {
			found.foreign = r.describe()
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if !found.met[name] {
			found.add(route.RuleMissing, name, "There is no rule for %s.", name)
		}
	}
	if theirs > 0 {
		found.add(route.RuleMissing, "", "The last rule does not catch all the rest.")
	}
	return found.all
}

// ours returns our rules by hostname, and how many others there are.
func (c Configuration) ours(m mark) (own map[string]rule, others int) {
	own = map[string]rule{}
	for _, r := range c.rules {
		if m.onRule(r) {
			own[r.name()] = r
		} else {
			others++
		}
	}
	return own, others
}

// finding collects differences while rules are met in their order.
type finding struct {
	wanted  map[string]rule
	met     map[string]bool
	last    string // the last wanted hostname that was met
	foreign string // the first rule of somebody else's that was met
	all     []difference
}

func (f *finding) add(kind route.DriftKind, hostname, format string, args ...any) {
	f.all = append(f.all, difference{kind, hostname, fmt.Sprintf(format, args...)})
}

// judge compares one rule of ours with the wanted one.
func (f *finding) judge(r rule) {
	name := r.name()
	want, wanted := f.wanted[name]
	switch {
	case !wanted:
		f.add(route.RuleSurplus, name, "Our rule for %s is not wanted.", r.describe())
		return
	case f.met[name]:
		f.add(route.RuleSurplus, name, "There is more than one rule of ours for %s.", name)
		return
	case r.Service != want.Service:
		f.add(route.RuleChanged, name, "Our rule for %s leads to %s instead of %s.", name, r.Service, want.Service)
	case !r.same(want):
		f.add(route.RuleChanged, name, "Our rule for %s has another path, spelling or option than we gave it.", name)
	case f.foreign != "":
		f.add(route.RuleChanged, name, "Our rule for %s stands behind somebody else's for %s, which may take its requests.", name, f.foreign)
	case name < f.last:
		f.add(route.RuleChanged, name, "Our rule for %s is out of order.", name)
	}
	f.met[name], f.last = true, max(f.last, name)
}

// name is the rule's hostname as cloudflared compares it.
func (r rule) name() string { return strings.ToLower(strings.TrimSuffix(r.Hostname, ".")) }

// describe says which requests the rule takes.
func (r rule) describe() string {
	switch {
	case r.catchesAll():
		return "all hostnames"
	case r.Hostname == "":
		return "all hostnames with path " + r.Path
	case r.Path != "":
		return r.Hostname + " with path " + r.Path
	default:
		return r.Hostname
	}
}
