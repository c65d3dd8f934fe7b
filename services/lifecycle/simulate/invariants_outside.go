package simulate

import (
	"context"
	"errors"
	"sync"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// outside is what edges and tunnel were seen to do.
type outside struct {
	world *world

	mu sync.Mutex
	// applied are the highest fences that each edge took, sent what each fence brought.
	applied map[id.Edge]infra.Fence
	sent    map[sending]string
	// served are the names that any edge has ever served.
	served map[string]bool
}

// sending names one generation of one target, "" for the tunnel.
type sending struct {
	edge  id.Edge
	fence infra.Fence
}

func newOutside(w *world) outside {
	return outside{world: w, applied: map[id.Edge]infra.Fence{}, sent: map[sending]string{}, served: map[string]bool{}}
}

// applyEdge lets an update reach an edge and judges what it does there.
func (w *world) applyEdge(ctx context.Context, edgeID id.Edge, u infra.EdgeUpdate) (infra.EdgeProof, error) {
	before := w.namesOn(edgeID)
	proof, err := w.edges.Apply(ctx, edgeID, u)
	if len(proof.Rejected) > 0 {
		w.tally.saw(sawPin)
	}
	if len(proof.Drifts) > 0 {
		w.tally.saw(sawDrift)
	}
	w.judge.outside.edgeTook(edgeID, u, err, before, w.namesOn(edgeID))
	return proof, err
}

func (o *outside) edgeTook(edgeID id.Edge, u infra.EdgeUpdate, err error, before, now map[string]bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.judgeSending(sending{edgeID, u.Fence}, u.Digest, err)
	if err == nil {
		if last := o.applied[edgeID]; older(u.Fence, last) {
			o.world.violate("I7 an edge never goes back", "%s took %+v after %+v", edgeID, u.Fence, last)
		}
		o.applied[edgeID] = u.Fence
	}
	for name := range now {
		o.served[name] = true
	}
	for name := range before {
		if !now[name] && o.world.tunnel.Public(name) {
			o.world.violate("unpublish first", "%s left %s while visitors were led to it", name, edgeID)
		}
	}
}

// judgeSending demands that one fence brings one thing.
func (o *outside) judgeSending(s sending, digest string, err error) {
	if errors.Is(err, infra.ErrStaleFence) {
		o.world.tally.saw(sawStaleFence)
	}
	if first, ok := o.sent[s]; ok && first != digest {
		o.world.violate("I7 a generation is one thing", "%s was sent %+v with two contents", s.edge, s.fence)
	}
	o.sent[s] = digest
}

// applyTunnel lets an update reach the tunnel and judges what it does there.
func (w *world) applyTunnel(ctx context.Context, u infra.TunnelUpdate) (infra.TunnelProof, error) {
	before := map[string]bool{}
	for _, name := range hostnames {
		before[name] = w.tunnel.Public(name)
	}
	proof, err := w.tunnel.Apply(ctx, u)
	o := &w.judge.outside
	o.mu.Lock()
	defer o.mu.Unlock()
	o.judgeSending(sending{"", u.Fence}, u.Digest, err)
	for _, name := range hostnames {
		if !before[name] && w.tunnel.Public(name) && !o.served[name] {
			w.violate("publish last", "visitors are led to %s, which no edge has ever served", name)
		}
	}
	return proof, err
}

func older(a, b infra.Fence) bool {
	if a.Era != b.Era {
		return a.Era < b.Era
	}
	if a.Epoch != b.Epoch {
		return a.Epoch < b.Epoch
	}
	return a.Generation < b.Generation
}

// namesOn returns the public names that an edge serves.
func (w *world) namesOn(edgeID id.Edge) map[string]bool {
	names := map[string]bool{}
	for _, s := range w.edges.Host(edgeID).Sites() {
		for _, name := range s.Hostnames {
			names[name] = true
		}
	}
	return names
}

// serving: edges serve a name only for a site that claims it, no two sites of the
// world have it, and what is gone is on no edge; nor does the tunnel know it.
func (o *outside) serving(p picture) error {
	claimed, gone := map[string]id.Site{}, map[id.Site]bool{}
	holds := map[[2]string]bool{}
	for _, s := range p.sites {
		gone[s.ID] = s.Status == site.Deleted
	}
	for _, d := range p.domains {
		if d.Status != network.Released {
			holds[[2]string{string(d.SiteID), d.Hostname}] = true
			holds[[2]string{"", d.Hostname}] = true
		}
	}
	for _, e := range p.edges {
		for _, s := range o.world.edges.Host(e.ID).Sites() {
			if was, known := gone[s.SiteID]; was || !known {
				return wrongly("I18 what is deleted is gone", "edge %s holds site %s", e.Name, s.SiteID)
			}
			for _, name := range s.Hostnames {
				if !holds[[2]string{string(s.SiteID), name}] {
					return wrongly("I12 a name is served for who claims it", "edge %s serves %s for %s, which has no claim", e.Name, name, s.SiteID)
				}
				if other, ok := claimed[name]; ok && other != s.SiteID {
					return wrongly("I12 a name is served for one", "%s is served for %s and for %s", name, other, s.SiteID)
				}
				claimed[name] = s.SiteID
			}
		}
	}
	for _, name := range o.world.tunnel.Rules() {
		if !holds[[2]string{"", name}] {
			return wrongly("I12 a name is routed for who claims it", "the tunnel has a rule for %s, which nobody claims", name)
		}
	}
	return nil
}

// generations: no edge is ahead of the database.
func (o *outside) generations(p picture) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range p.edges {
		if took := o.applied[e.ID]; took.Generation > e.Generation {
			return wrongly("M7 no edge is ahead", "edge %s took generation %d, the last that was given is %d", e.Name, took.Generation, e.Generation)
		}
	}
	return nil
}
