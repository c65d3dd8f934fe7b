package fake

import (
	"fmt"
	"maps"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// OfferCustomHostnames makes the provider offer custom hostnames that lead to a
// target; "" ends it.
func (t *Tunnel) OfferCustomHostnames(target string) { t.change(func() { t.target = target }) }

// SetDown makes every call fail, or work again.
func (t *Tunnel) SetDown(down bool) { t.change(func() { t.down = down }) }

// Refuse makes every call be refused with a diagnosis.
func (t *Tunnel) Refuse(d infra.Diagnosis) { t.change(func() { t.refusal = &d }) }

// Accept ends a Refuse.
func (t *Tunnel) Accept() { t.change(func() { t.refusal = nil }) }

// FailNext makes the next apply fail with an error and do nothing.
func (t *Tunnel) FailNext(err error) { t.next(tunnelFault{err: err}) }

// LoseReply makes the next apply take effect and its reply get lost.
func (t *Tunnel) LoseReply() { t.next(tunnelFault{err: unavailable("tunnel"), done: true}) }

// CutAfter makes the next apply die after n effects; each rule, record and custom
// hostname that comes or goes is one. Its caller is told that nothing answers,
// even when there was no effect left to lose.
func (t *Tunnel) CutAfter(n int) {
	t.next(tunnelFault{err: unavailable("tunnel"), done: true, cut: true, left: n})
}

// HoldBack keeps the next apply on the way until Deliver; its caller is told that
// the tunnel does not answer.
func (t *Tunnel) HoldBack() { t.next(tunnelFault{err: unavailable("tunnel"), hold: true}) }

// Deliver lets what was held back arrive, and returns what each was answered.
func (t *Tunnel) Deliver() (answers []error) {
	t.mu.Lock()
	late := t.held
	t.held = nil
	t.mu.Unlock()
	for _, update := range late {
		_, err := t.take(update, tunnelFault{})
		answers = append(answers, err)
	}
	return answers
}

// During runs a function once, while the next apply has taken effect and its
// caller waits for the reply.
func (t *Tunnel) During(do func()) { t.change(func() { t.during = do }) }

// See makes the tunnel see a fence, as if somebody else had called.
func (t *Tunnel) See(f infra.Fence) { t.change(func() { t.seen = f }) }

// Block puts foreign entries where a hostname's must go; one of ours that was
// there is gone.
func (t *Tunnel) Block(hostname string) {
	t.change(func() {
		t.entries[entry{hostname, desired.ByRecord}] = holding{}
		t.entries[entry{hostname, desired.ByCustomHostname}] = holding{}
	})
}

// Unblock takes the foreign entries of a hostname away.
func (t *Tunnel) Unblock(hostname string) {
	t.change(func() {
		maps.DeleteFunc(t.entries, func(at entry, h holding) bool { return at.hostname == hostname && h.owner == "" })
	})
}

// Pend keeps a custom hostname from being active until Activate.
func (t *Tunnel) Pend(hostname string) { t.change(func() { t.pending[hostname] = true }) }

// Activate makes a custom hostname active, once it is there.
func (t *Tunnel) Activate(hostname string) { t.change(func() { delete(t.pending, hostname) }) }

// RemoveRule takes a rule away, as an edit by hand would.
func (t *Tunnel) RemoveRule(hostname string) {
	t.change(func() { delete(t.rules, hostname); t.version++ })
}

// RemoveRecord takes our record or custom hostname away, as an edit by hand would.
func (t *Tunnel) RemoveRecord(hostname string) {
	t.change(func() {
		maps.DeleteFunc(t.entries, func(at entry, h holding) bool { return at.hostname == hostname && h.owner != "" })
	})
}

// Plant puts a rule and a record or custom hostname of an installation there, as a
// backup that comes back would.
func (t *Tunnel) Plant(installation string, r desired.TunnelRoute) {
	t.change(func() {
		t.rules[r.Hostname] = true
		t.version++
		t.entries[entry{r.Hostname, r.Kind}] = holding{r.ZoneID, installation}
	})
}

// Rules returns the hostnames that have a rule, sorted.
func (t *Tunnel) Rules() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.rules))
}

// Records returns the hostnames that have a record of ours, sorted.
func (t *Tunnel) Records() []string {
	return t.names(func(at entry, h holding) bool { return at.kind == desired.ByRecord && h.owner != "" })
}

// CustomHostnames returns the hostnames that have a custom hostname of ours,
// sorted.
func (t *Tunnel) CustomHostnames() []string {
	return t.names(func(at entry, h holding) bool { return at.kind == desired.ByCustomHostname && h.owner != "" })
}

// Foreign returns the hostnames that have an entry which is not ours, sorted.
func (t *Tunnel) Foreign() []string {
	return t.names(func(_ entry, h holding) bool { return h.owner == "" })
}

// Public reports whether a record or custom hostname of ours leads visitors here.
func (t *Tunnel) Public(hostname string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.public(hostname)
}

// Routed reports whether the tunnel has a rule for a hostname.
func (t *Tunnel) Routed(hostname string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rules[hostname]
}

// Writes returns how many effects there were so far.
func (t *Tunnel) Writes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.writes
}

// Invariant returns an error when a record or custom hostname of ours leads to a
// tunnel that has no rule for it.
func (t *Tunnel) Invariant() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for at, h := range t.entries {
		if h.owner != "" && !t.rules[at.hostname] {
			return fmt.Errorf("%s is public by %s and has no rule", at.hostname, at.kind)
		}
	}
	return nil
}

func (t *Tunnel) public(hostname string) bool {
	return t.entries[entry{hostname, desired.ByRecord}].owner != "" || t.entries[entry{hostname, desired.ByCustomHostname}].owner != ""
}

// holds reports whether a hostname is in a zone of ours.
func (t *Tunnel) holds(hostname string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ours := t.zoneOf(hostname)
	return ours
}

// carries reports whether what comes for a hostname leaves the tunnel at an edge.
func (t *Tunnel) carries(hostname string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rules[hostname] && t.public(hostname) && !t.pending[hostname]
}

func (t *Tunnel) names(which func(entry, holding) bool) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := map[string]bool{}
	for at, h := range t.entries {
		if which(at, h) {
			names[at.hostname] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func (t *Tunnel) next(f tunnelFault) { t.change(func() { t.faults = append(t.faults, f) }) }

func (t *Tunnel) change(do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	do()
}
