package fake

import (
	"errors"

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
	if err := t.guard(update); err != nil {
		return infra.TunnelProof{}, err
	}
	wanted, blocked := t.split(update.Routes, update.Installation)
	effects := t.plan(wanted, update.Installation)
	if f.cut {
		effects = effects[:min(f.left, len(effects))]
	}
	for _, e := range effects {
		e.do()
		t.writes++
	}
	return infra.TunnelProof{
		Generation: update.Fence.Generation, Digest: desired.TunnelDigest(update.Routes),
		ConfigVersion: t.version, Writes: len(effects), Changed: changed(effects), Blocked: blocked,
	}, nil
}

func (t *Tunnel) mayTake(update infra.TunnelUpdate) error {
	if err := t.away(); err != nil {
		return err
	}
	if compare(update.Fence, t.seen) < 0 {
		return infra.ErrStaleFence
	}
	if desired.TunnelDigest(update.Routes) != update.Digest {
		return malformed("the digest does not come out")
	}
	return t.wellFormed(update.Routes, update.Installation)
}

func malformed(why string) error {
	return &infra.UnavailableError{Service: "tunnel", Err: errors.New(why)}
}

// wellFormed says what keeps routes from being those that lifecycle may send.
func (t *Tunnel) wellFormed(routes []desired.TunnelRoute, installation string) error {
	if installation == "" {
		return malformed("there is no installation")
	}
	for i, r := range routes {
		if i > 0 && routes[i-1].Hostname >= r.Hostname {
			return malformed("the routes are not in order: " + r.Hostname)
		}
		zone, ours := t.zoneOf(r.Hostname)
		if r.Kind == desired.ByRecord && (!ours || r.ZoneID != ZoneID(zone)) {
			return malformed("another zone holds " + r.Hostname)
		}
		if r.Kind == desired.ByCustomHostname && t.target == "" {
			return malformed("there are no custom hostnames for " + r.Hostname)
		}
	}
	return nil
}

// split sets the routes aside that something foreign blocks.
func (t *Tunnel) split(routes []desired.TunnelRoute, installation string) (wanted map[string]desired.TunnelRoute, blocked map[string]infra.Diagnosis) {
	wanted = map[string]desired.TunnelRoute{}
	for _, r := range routes {
		if !t.blocks(r, installation) {
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
