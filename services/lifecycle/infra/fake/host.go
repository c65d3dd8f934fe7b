package fake

import (
	"bytes"
	"slices"
	"sync"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// The versions of a host's renderer, and of its nginx until that is changed.
const (
	rendererVersion = "1"
	nginxVersion    = "1.22.1"
)

// Host is one edge: what it holds, which fence it has seen, and what is wrong
// with it. An apply that fails leaves what it held, and what had drifted.
type Host struct {
	mu       sync.Mutex
	sites    map[id.Site]desired.EdgeSite // nil: nothing was received yet
	fence    infra.Fence                  // of what it holds
	seen     infra.Fence                  // the highest of all that were begun
	drifts   []drift.Finding
	probeKey []byte
	nginx    string // its version
	past     [][]desired.EdgeSite
	writes   int
	// incidents are what happened to its processes.
	incidents []infra.Incident

	down      bool
	faults    []fault
	notProven string
	rejects   map[string]string // reasons by text
	rejectAll string
	during    func()
	held      []infra.EdgeUpdate
}

// fault is what happens to one apply.
type fault struct {
	err  error // told the caller
	done bool  // whether it takes effect
	hold bool  // whether it arrives later
}

// apply is one Apply with everything that may go wrong on the way.
func (h *Host) apply(update infra.EdgeUpdate) (infra.EdgeProof, error) {
	f := h.nextFault()
	if f.hold {
		h.mu.Lock()
		h.held = append(h.held, update)
		h.mu.Unlock()
	}
	if f.err != nil && !f.done {
		return infra.EdgeProof{}, f.err
	}
	proof, err := h.take(update)
	if during := h.takeDuring(); during != nil {
		during()
	}
	if f.err != nil {
		return infra.EdgeProof{}, f.err
	}
	return proof, err
}

func (h *Host) nextFault() (f fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.faults) > 0 {
		f, h.faults = h.faults[0], h.faults[1:]
	}
	return f
}

func (h *Host) takeDuring() func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	during := h.during
	h.during = nil
	return during
}

// take is what a faithful edge does with an update.
func (h *Host) take(update infra.EdgeUpdate) (infra.EdgeProof, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if compare(update.Fence, h.seen) < 0 {
		return infra.EdgeProof{}, infra.ErrStaleFence
	}
	next, err := h.outcome(update)
	if err != nil {
		return infra.EdgeProof{}, err
	}
	h.seen = update.Fence
	if err := h.refusal(update, next); err != nil {
		return infra.EdgeProof{}, err
	}
	proof := infra.EdgeProof{Generation: update.Fence.Generation, Rejected: h.isolate(next), Drifts: h.drifts}
	proof.Digest, proof.Sites = sum(next), len(next)
	if update.Fence != h.fence || sum(h.sites) != proof.Digest || len(h.drifts) > 0 {
		h.writes++
	}
	h.sites, h.fence, h.drifts = next, update.Fence, nil
	h.past = append(h.past, sorted(next))
	return proof, nil
}

// outcome is what the edge would hold after an update.
func (h *Host) outcome(update infra.EdgeUpdate) (map[id.Site]desired.EdgeSite, error) {
	if h.sites == nil && !update.Whole {
		return nil, infra.ErrSnapshotNeeded
	}
	next := map[id.Site]desired.EdgeSite{}
	if !update.Whole {
		next = clone(h.sites)
	}
	for siteID := range update.Removals {
		delete(next, siteID)
	}
	for _, s := range update.Sites {
		next[s.SiteID] = s
	}
	if sum(next) != update.Digest {
		return nil, infra.ErrSnapshotNeeded
	}
	return next, nil
}

// refusal says why the edge does not take an update at all.
func (h *Host) refusal(update infra.EdgeUpdate, next map[id.Site]desired.EdgeSite) error {
	if err := h.guard(update, next); err != nil {
		return err
	}
	if err := h.heldDrift(update); err != nil {
		return err
	}
	switch {
	case h.rejectAll != "":
		return &infra.RejectedError{Message: h.rejectAll}
	case h.notProven != "":
		return &infra.NotProvenError{Message: h.notProven}
	}
	return nil
}

func (h *Host) state() infra.EdgeState {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := infra.EdgeState{
		Running: h.fence.Generation, Generation: h.fence.Generation, Intact: h.intact(), Drifts: slices.Clone(h.drifts),
		ProbePublicKey: h.probeKey, RendererVersion: rendererVersion, NginxVersion: h.nginx,
		AppliedAt: h.appliedAt(), Incidents: slices.Clone(h.incidents), Sites: len(h.sites),
	}
	if h.sites != nil {
		s.Digest = sum(h.sites)
	}
	return s
}

func (h *Host) probe(siteID id.Site) (infra.SiteProof, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.sites[siteID]
	if !ok {
		return infra.SiteProof{}, infra.ErrNotServed
	}
	return infra.SiteProof{
		InternalName: site.InternalName(siteID), Revision: s.Revision, Generation: h.fence.Generation,
	}, nil
}

func (h *Host) isDown() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.down
}

func (h *Host) signs(key []byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Equal(h.probeKey, key)
}
