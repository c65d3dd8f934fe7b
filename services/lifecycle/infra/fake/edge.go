package fake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"sync"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// Edges is an infra.EdgeProvider over hosts in memory. An edge that no host was
// made for does not answer.
type Edges struct {
	journal

	mu    sync.Mutex
	hosts map[id.Edge]*Host
}

var _ infra.EdgeProvider = (*Edges)(nil)

// NewEdges returns a provider without hosts.
func NewEdges() *Edges { return &Edges{hosts: map[id.Edge]*Host{}} }

// Host returns the host of an edge and makes it, blank, if there is none.
func (p *Edges) Host(edge id.Edge) *Host {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hosts[edge] == nil {
		key := sha256.Sum256([]byte(edge))
		p.hosts[edge] = &Host{probeKey: key[:], nginx: nginxVersion, rejects: map[string]string{}}
	}
	return p.hosts[edge]
}

// find returns the host of an edge if it answers.
func (p *Edges) find(edge id.Edge) (*Host, error) {
	p.mu.Lock()
	h := p.hosts[edge]
	p.mu.Unlock()
	if h == nil || h.isDown() {
		return nil, unavailable("edge")
	}
	return h, nil
}

// Apply implements infra.EdgeProvider.
func (p *Edges) Apply(_ context.Context, edge id.Edge, update infra.EdgeUpdate) (proof infra.EdgeProof, err error) {
	h, err := p.find(edge)
	if err == nil {
		proof, err = h.apply(update)
	}
	p.note(Call{Method: "Apply", Edge: edge, Update: update, Err: err})
	return proof, err
}

// State implements infra.EdgeProvider.
func (p *Edges) State(_ context.Context, edge id.Edge) (state infra.EdgeState, err error) {
	h, err := p.find(edge)
	if err == nil {
		state = h.state()
	}
	p.note(Call{Method: "State", Edge: edge, Err: err})
	return state, err
}

// ProbeSite implements infra.EdgeProvider.
func (p *Edges) ProbeSite(_ context.Context, edge id.Edge, site id.Site) (proof infra.SiteProof, err error) {
	h, err := p.find(edge)
	if err == nil {
		proof, err = h.probe(site)
	}
	p.note(Call{Method: "ProbeSite", Edge: edge, Object: string(site), Err: err})
	return proof, err
}

// ListHeld implements infra.EdgeProvider.
func (p *Edges) ListHeld(_ context.Context, edge id.Edge, sums [][]byte) (held infra.Held, err error) {
	h, err := p.find(edge)
	if err == nil {
		held, err = h.list(sums)
	}
	p.note(Call{Method: "ListHeld", Edge: edge, Err: err})
	return held, err
}

// Preview implements infra.EdgeProvider.
func (p *Edges) Preview(_ context.Context, edge id.Edge, update infra.EdgeUpdate) (diffs []infra.FileDiff, err error) {
	h, err := p.find(edge)
	if err == nil {
		diffs, err = h.preview(update)
	}
	p.note(Call{Method: "Preview", Edge: edge, Update: update, Err: err})
	return diffs, err
}

// accepted returns whether a host whose probe key is accepted serves a hostname.
func (p *Edges) accepted(hostname string, keys map[id.Edge][]byte) (edge id.Edge, ok bool) {
	for edge, key := range keys {
		if h, err := p.find(edge); err == nil && h.signs(key) && h.Serves(hostname) {
			return edge, true
		}
	}
	return "", false
}

// compare orders fences as an edge does.
func compare(a, b infra.Fence) int {
	return cmp.Or(cmp.Compare(a.Era, b.Era), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Generation, b.Generation))
}

// clone copies what a host holds.
func clone(sites map[id.Site]desired.EdgeSite) map[id.Site]desired.EdgeSite {
	out := make(map[id.Site]desired.EdgeSite, len(sites))
	for siteID, s := range sites {
		out[siteID] = s
	}
	return out
}
