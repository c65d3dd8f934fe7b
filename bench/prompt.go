package main

import (
	"context"
	"crypto/ed25519"
	"sync"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// benchZone is the platform domain, in a zone of ours.
const benchZone = "sites.example"

// promptEdge confirms whatever it is sent, at once and unseen, so that no time is
// spent outside of the engine; infra/fake looks at everything.
type promptEdge struct {
	mu   sync.Mutex
	held infra.EdgeState
}

func (e *promptEdge) Apply(_ context.Context, _ id.Edge, update infra.EdgeUpdate) (infra.EdgeProof, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held.Generation, e.held.Running, e.held.Digest = update.Fence.Generation, update.Fence.Generation, update.Digest
	return infra.EdgeProof{Generation: update.Fence.Generation, Digest: update.Digest, Sites: len(update.Sites)}, nil
}

func (e *promptEdge) State(context.Context, id.Edge) (infra.EdgeState, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	state := e.held
	state.Intact, state.ProbePublicKey = true, make([]byte, ed25519.PublicKeySize)
	return state, nil
}

// ProbeSite answers for the first revision; there is no other.
func (e *promptEdge) ProbeSite(_ context.Context, _ id.Edge, siteID id.Site) (infra.SiteProof, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return infra.SiteProof{InternalName: site.InternalName(siteID), Revision: 1, Generation: e.held.Generation}, nil
}

func (e *promptEdge) ListHeld(context.Context, id.Edge, [][]byte) (infra.Held, error) {
	return infra.Held{}, nil
}

func (e *promptEdge) Preview(context.Context, id.Edge, infra.EdgeUpdate) ([]infra.FileDiff, error) {
	return nil, nil
}

// promptTunnel does the same for routes.
type promptTunnel struct {
	mu      sync.Mutex
	digest  string
	version int64
}

func (t *promptTunnel) LookupZone(context.Context, string) (infra.ZoneAnswer, error) {
	return infra.ZoneAnswer{Found: true, ZoneID: "zone", ZoneName: benchZone, Backend: "bench"}, nil
}

func (t *promptTunnel) Apply(_ context.Context, update infra.TunnelUpdate) (infra.TunnelProof, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	proof := infra.TunnelProof{Generation: update.Fence.Generation, Digest: update.Digest}
	if t.digest != update.Digest {
		t.digest, proof.Writes = update.Digest, 1
		t.version++
	}
	proof.ConfigVersion = t.version
	return proof, nil
}

func (t *promptTunnel) Observe(context.Context, string, []desired.TunnelRoute) ([]drift.Finding, error) {
	return nil, nil
}

func (t *promptTunnel) ReadRoute(context.Context, string, desired.TunnelRoute) (infra.RouteReading, error) {
	return infra.RouteReading{State: infra.RouteReady, Seen: []string{"a rule", "a record of ours"}}, nil
}

// promptDNS confirms every name.
type promptDNS struct{}

func (promptDNS) CheckAddresses(context.Context, string, infra.RightTarget) (infra.Finding, error) {
	return infra.Finding{Outcome: infra.Confirmed, Seen: []string{"192.0.2.1"}}, nil
}

func (promptDNS) CheckOwnership(context.Context, string, string, string) (infra.Finding, error) {
	return infra.Finding{Outcome: infra.Confirmed, Seen: []string{"the token"}}, nil
}

func (promptDNS) ProbeHostname(context.Context, infra.Probe) (infra.Finding, error) {
	return infra.Finding{Outcome: infra.Confirmed, Seen: []string{"a signed nonce"}}, nil
}
