// Package marked puts a failpoint before and after every call that leaves the
// process. It changes nothing else.
//
// Invariant: no call of a worker passes unmarked. The providers are not embedded, so a
// new method of theirs does not compile until it is written here.
package marked

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// The calls.
const (
	edgeApply         failpoint.Name = "edge.apply"
	edgeState         failpoint.Name = "edge.state"
	edgeProbeSite     failpoint.Name = "edge.probe_site"
	edgeListHeld      failpoint.Name = "edge.list_held"
	tunnelLookupZone  failpoint.Name = "tunnel.lookup_zone"
	tunnelApply       failpoint.Name = "tunnel.apply"
	tunnelObserve     failpoint.Name = "tunnel.observe"
	tunnelReadRoute   failpoint.Name = "tunnel.read_route"
	dnsCheckAddresses failpoint.Name = "dns.check_addresses"
	dnsCheckOwnership failpoint.Name = "dns.check_ownership"
	dnsProbeHostname  failpoint.Name = "dns.probe_hostname"
)

// Names returns the failpoints of all calls.
func Names() (names []failpoint.Name) {
	for _, call := range []failpoint.Name{
		edgeApply,
		edgeState,
		edgeProbeSite,
		edgeListHeld,
		tunnelLookupZone,
		tunnelApply,
		tunnelObserve,
		tunnelReadRoute,
		dnsCheckAddresses,
		dnsCheckOwnership,
		dnsProbeHostname,
	} {
		names = append(names, call+before, call+after)
	}
	return names
}

const (
	before = ".before"
	after  = ".after"
)

// call makes one call between its two failpoints.
func call[T any](r failpoint.Reached, name failpoint.Name, do func() (T, error)) (T, error) {
	r.At(name + before)
	defer r.At(name + after)
	return do()
}

type edgesCalls struct {
	inside  infra.EdgeProvider
	reached failpoint.Reached
}

// Edges marks the calls of a provider.
func Edges(p infra.EdgeProvider, reached failpoint.Reached) infra.EdgeProvider {
	return edgesCalls{p, reached}
}

func (c edgesCalls) Apply(ctx context.Context, edge id.Edge, update infra.EdgeUpdate) (infra.EdgeProof, error) {
	return call(c.reached, edgeApply, func() (infra.EdgeProof, error) { return c.inside.Apply(ctx, edge, update) })
}

func (c edgesCalls) State(ctx context.Context, edge id.Edge) (infra.EdgeState, error) {
	return call(c.reached, edgeState, func() (infra.EdgeState, error) { return c.inside.State(ctx, edge) })
}

func (c edgesCalls) ProbeSite(ctx context.Context, edge id.Edge, site id.Site) (infra.SiteProof, error) {
	return call(c.reached, edgeProbeSite, func() (infra.SiteProof, error) { return c.inside.ProbeSite(ctx, edge, site) })
}

func (c edgesCalls) ListHeld(ctx context.Context, edge id.Edge, sums [][]byte) (infra.Held, error) {
	return call(c.reached, edgeListHeld, func() (infra.Held, error) { return c.inside.ListHeld(ctx, edge, sums) })
}

// Preview is asked for by callers, never by a worker, and leaves nothing behind.
func (c edgesCalls) Preview(ctx context.Context, edge id.Edge, update infra.EdgeUpdate) ([]infra.FileDiff, error) {
	return c.inside.Preview(ctx, edge, update)
}

type tunnelCalls struct {
	inside  infra.TunnelProvider
	reached failpoint.Reached
}

// Tunnel marks the calls of a provider.
func Tunnel(p infra.TunnelProvider, reached failpoint.Reached) infra.TunnelProvider {
	return tunnelCalls{p, reached}
}

func (c tunnelCalls) LookupZone(ctx context.Context, hostname string) (infra.ZoneAnswer, error) {
	return call(c.reached, tunnelLookupZone, func() (infra.ZoneAnswer, error) { return c.inside.LookupZone(ctx, hostname) })
}

func (c tunnelCalls) Apply(ctx context.Context, update infra.TunnelUpdate) (infra.TunnelProof, error) {
	return call(c.reached, tunnelApply, func() (infra.TunnelProof, error) { return c.inside.Apply(ctx, update) })
}

func (c tunnelCalls) Observe(ctx context.Context, installation string, routes []desired.TunnelRoute) ([]drift.Finding, error) {
	return call(c.reached, tunnelObserve, func() ([]drift.Finding, error) { return c.inside.Observe(ctx, installation, routes) })
}

func (c tunnelCalls) ReadRoute(ctx context.Context, installation string, route desired.TunnelRoute) (infra.RouteReading, error) {
	return call(c.reached, tunnelReadRoute, func() (infra.RouteReading, error) { return c.inside.ReadRoute(ctx, installation, route) })
}

type dnsCalls struct {
	inside  infra.DNSValidator
	reached failpoint.Reached
}

// DNS marks the calls of a provider.
func DNS(p infra.DNSValidator, reached failpoint.Reached) infra.DNSValidator {
	return dnsCalls{p, reached}
}

func (c dnsCalls) CheckAddresses(ctx context.Context, hostname string, right infra.RightTarget) (infra.Finding, error) {
	return call(c.reached, dnsCheckAddresses, func() (infra.Finding, error) { return c.inside.CheckAddresses(ctx, hostname, right) })
}

func (c dnsCalls) CheckOwnership(ctx context.Context, hostname, recordName, token string) (infra.Finding, error) {
	return call(c.reached, dnsCheckOwnership, func() (infra.Finding, error) { return c.inside.CheckOwnership(ctx, hostname, recordName, token) })
}

func (c dnsCalls) ProbeHostname(ctx context.Context, probe infra.Probe) (infra.Finding, error) {
	return call(c.reached, dnsProbeHostname, func() (infra.Finding, error) { return c.inside.ProbeHostname(ctx, probe) })
}
