package fake

import (
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// SetDown makes the host unreachable, or reachable again.
func (h *Host) SetDown(down bool) { h.change(func() { h.down = down }) }

// FailNext makes the next apply fail with an error and do nothing.
func (h *Host) FailNext(err error) { h.next(fault{err: err}) }

// LoseReply makes the next apply take effect and its reply get lost.
func (h *Host) LoseReply() { h.next(fault{err: unavailable("edge"), done: true}) }

// HoldBack keeps the next apply on the way until Deliver; its caller is told
// that the host does not answer.
func (h *Host) HoldBack() { h.next(fault{err: unavailable("edge"), hold: true}) }

// Deliver lets what was held back arrive, and returns what each was answered.
func (h *Host) Deliver() (answers []error) {
	h.mu.Lock()
	late := h.held
	h.held = nil
	h.mu.Unlock()
	for _, update := range late {
		_, err := h.take(update)
		answers = append(answers, err)
	}
	return answers
}

// During runs a function once, while the next apply has taken effect and its
// caller waits for the reply.
func (h *Host) During(do func()) { h.change(func() { h.during = do }) }

// SetNotProven makes every apply fail without proof, for the reason given; ""
// ends it.
func (h *Host) SetNotProven(reason string) { h.change(func() { h.notProven = reason }) }

// SetNginxVersion makes the host's nginx another one.
func (h *Host) SetNginxVersion(version string) { h.change(func() { h.nginx = version }) }

// Wipe makes the host lose everything that it held, as a new disk would; its
// probe key is another one then.
func (h *Host) Wipe() {
	h.change(func() {
		h.sites, h.fence, h.seen, h.drifts = nil, infra.Fence{}, infra.Fence{}, nil
		h.probeKey = slices.Concat(h.probeKey[1:], h.probeKey[:1])
	})
}

// Lose makes the host drop a site without saying so.
func (h *Host) Lose(site id.Site) { h.change(func() { delete(h.sites, site) }) }

// See makes the host see a fence, as if somebody else had called.
func (h *Host) See(f infra.Fence) { h.change(func() { h.seen = f }) }

// Sites returns what the host holds, ordered by id; nil when it never received
// anything.
func (h *Host) Sites() []desired.EdgeSite {
	h.mu.Lock()
	defer h.mu.Unlock()
	return sorted(h.sites)
}

// Past returns what the host held after each apply that it proved.
func (h *Host) Past() [][]desired.EdgeSite {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.past)
}

// Writes counts the applies that made the host write and reload: those that
// changed what it holds, overwrote drift, or were not a mere repetition.
func (h *Host) Writes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.writes
}

// Holds reports whether the host holds a site.
func (h *Host) Holds(site id.Site) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.sites[site]
	return ok
}

// Serves reports whether the host answers for a public hostname.
func (h *Host) Serves(hostname string) bool {
	return slices.ContainsFunc(h.Sites(), func(s desired.EdgeSite) bool { return slices.Contains(s.Hostnames, hostname) })
}

func (h *Host) next(f fault) { h.change(func() { h.faults = append(h.faults, f) }) }

func (h *Host) change(do func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
}
