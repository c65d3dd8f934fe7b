package fake

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// tunnelFault is what happens to one apply.
type tunnelFault struct {
	err  error // told the caller
	done bool  // whether it takes effect
	hold bool  // whether it arrives later
	cut  bool  // whether it dies on the way
	left int   // effects that it still has then
}

// apply is one Apply with everything that may go wrong on the way.
func (t *Tunnel) apply(update infra.TunnelUpdate) (infra.TunnelProof, error) {
	f := t.nextFault(update)
	if f.err != nil && !f.done {
		return infra.TunnelProof{}, f.err
	}
	proof, err := t.take(update, f)
	if during := t.takeDuring(); during != nil {
		during()
	}
	if f.err != nil {
		return infra.TunnelProof{}, f.err
	}
	return proof, err
}

func (t *Tunnel) nextFault(update infra.TunnelUpdate) (f tunnelFault) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.faults) > 0 {
		f, t.faults = t.faults[0], t.faults[1:]
	}
	if f.hold {
		t.held = append(t.held, update)
	}
	return f
}

func (t *Tunnel) takeDuring() func() {
	t.mu.Lock()
	defer t.mu.Unlock()
	during := t.during
	t.during = nil
	return during
}

// take is what a faithful tunnel does with an update, unless it is cut.
func (t *Tunnel) take(update infra.TunnelUpdate, f tunnelFault) (infra.TunnelProof, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.mayTake(update); err != nil {
		return infra.TunnelProof{}, err
	}
	t.seen = update.Fence
	wanted, blocked := t.split(update)
	effects := t.plan(wanted, update.Installation)
	if f.cut {
		effects = effects[:min(f.left, len(effects))]
	}
	for _, effect := range effects {
		effect()
		t.writes++
	}
	return infra.TunnelProof{
		Generation: update.Fence.Generation, Digest: desired.TunnelDigest(update.Routes),
		ConfigVersion: t.version, Writes: len(effects), Blocked: blocked,
	}, nil
}

func (t *Tunnel) mayTake(update infra.TunnelUpdate) error {
	if err := t.away(); err != nil {
		return err
	}
	if compare(update.Fence, t.seen) < 0 {
		return infra.ErrStaleFence
	}
	if err := t.malformed(update); err != nil {
		return &infra.UnavailableError{Service: "tunnel", Err: err}
	}
	return nil
}

// malformed says what keeps an update from being one that lifecycle may send.
func (t *Tunnel) malformed(update infra.TunnelUpdate) error {
	if update.Installation == "" {
		return errors.New("the update has no installation")
	}
	if desired.TunnelDigest(update.Routes) != update.Digest {
		return errors.New("the digest does not come out")
	}
	for i, r := range update.Routes {
		if i > 0 && update.Routes[i-1].Hostname >= r.Hostname {
			return errors.New("the routes are not in order: " + r.Hostname)
		}
		zone, ours := t.zoneOf(r.Hostname)
		if r.Kind == desired.ByRecord && (!ours || r.ZoneID != ZoneID(zone)) {
			return errors.New("another zone holds " + r.Hostname)
		}
		if r.Kind == desired.ByCustomHostname && t.target == "" {
			return errors.New("there are no custom hostnames for " + r.Hostname)
		}
	}
	return nil
}

// split sets the routes aside that something foreign blocks.
func (t *Tunnel) split(update infra.TunnelUpdate) (wanted map[string]desired.TunnelRoute, blocked map[string]infra.Diagnosis) {
	wanted = map[string]desired.TunnelRoute{}
	for _, r := range update.Routes {
		if !t.blocks(r, update.Installation) {
			wanted[r.Hostname] = r
			continue
		}
		if blocked == nil {
			blocked = map[string]infra.Diagnosis{}
		}
		blocked[r.Hostname] = inTheWay()
	}
	return wanted, blocked
}

// blocks reports whether somebody else's entry stands where a route's must go.
func (t *Tunnel) blocks(r desired.TunnelRoute, installation string) bool {
	h, ok := t.entries[entry{r.Hostname, r.Kind}]
	return ok && h.owner != installation
}

// plan returns the effects that lead to what is wanted, in the order that never
// leaves an entry without its rule: entries go before rules, rules come before
// entries.
func (t *Tunnel) plan(wanted map[string]desired.TunnelRoute, owner string) (effects []func()) {
	right := func(at entry, h holding) bool {
		r, ok := wanted[at.hostname]
		return ok && r.Kind == at.kind && r.ZoneID == h.zoneID
	}
	for _, at := range t.entriesOf(owner) {
		if !right(at, t.entries[at]) {
			effects = append(effects, func() { delete(t.entries, at) })
		}
	}
	for _, hostname := range slices.Sorted(maps.Keys(t.rules)) {
		if _, ok := wanted[hostname]; !ok {
			effects = append(effects, func() { delete(t.rules, hostname); t.version++ })
		}
	}
	for _, hostname := range slices.Sorted(maps.Keys(wanted)) {
		if !t.rules[hostname] {
			effects = append(effects, func() { t.rules[hostname] = true; t.version++ })
		}
	}
	for _, hostname := range slices.Sorted(maps.Keys(wanted)) {
		r := wanted[hostname]
		at := entry{hostname, r.Kind}
		if h, ok := t.entries[at]; !ok || !right(at, h) {
			effects = append(effects, func() { t.entries[at] = holding{r.ZoneID, owner} })
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
