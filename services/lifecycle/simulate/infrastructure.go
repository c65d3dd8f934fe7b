package simulate

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// edgeProvider, tunnelProvider and validator are the doors of a process to the fakes.
type (
	edgeProvider   struct{ *process }
	tunnelProvider struct{ *process }
	validator      struct{ *process }
)

// Apply implements infra.EdgeProvider.
func (e edgeProvider) Apply(ctx context.Context, edge id.Edge, u infra.EdgeUpdate) (infra.EdgeProof, error) {
	return through(ctx, e.process, edgeDoor, "Apply", func(ctx context.Context) (infra.EdgeProof, error) {
		return e.world.applyEdge(ctx, edge, u)
	})
}

// State implements infra.EdgeProvider.
func (e edgeProvider) State(ctx context.Context, edge id.Edge) (infra.EdgeState, error) {
	return through(ctx, e.process, edgeDoor, "State", func(ctx context.Context) (infra.EdgeState, error) {
		return e.world.edges.State(ctx, edge)
	})
}

// ProbeSite implements infra.EdgeProvider.
func (e edgeProvider) ProbeSite(ctx context.Context, edge id.Edge, site id.Site) (infra.SiteProof, error) {
	return through(ctx, e.process, edgeDoor, "ProbeSite", func(ctx context.Context) (infra.SiteProof, error) {
		return e.world.edges.ProbeSite(ctx, edge, site)
	})
}

// ListHeld implements infra.EdgeProvider.
func (e edgeProvider) ListHeld(ctx context.Context, edge id.Edge, sums [][]byte) (infra.Held, error) {
	return through(ctx, e.process, edgeDoor, "ListHeld", func(ctx context.Context) (infra.Held, error) {
		return e.world.edges.ListHeld(ctx, edge, sums)
	})
}

// Preview implements infra.EdgeProvider.
func (e edgeProvider) Preview(ctx context.Context, edge id.Edge, u infra.EdgeUpdate) ([]infra.FileDiff, error) {
	return through(ctx, e.process, edgeDoor, "Preview", func(ctx context.Context) ([]infra.FileDiff, error) {
		return e.world.edges.Preview(ctx, edge, u)
	})
}

// LookupZone implements infra.TunnelProvider.
func (t tunnelProvider) LookupZone(ctx context.Context, hostname string) (infra.ZoneAnswer, error) {
	return through(ctx, t.process, tunnelDoor, "LookupZone", func(ctx context.Context) (infra.ZoneAnswer, error) {
		return t.world.tunnel.LookupZone(ctx, hostname)
	})
}

// Apply implements infra.TunnelProvider.
func (t tunnelProvider) Apply(ctx context.Context, u infra.TunnelUpdate) (infra.TunnelProof, error) {
	return through(ctx, t.process, tunnelDoor, "Apply", func(ctx context.Context) (infra.TunnelProof, error) {
		return t.world.applyTunnel(ctx, u)
	})
}

// Observe implements infra.TunnelProvider.
func (t tunnelProvider) Observe(ctx context.Context, installation string, routes []desired.TunnelRoute) ([]drift.Finding, error) {
	return through(ctx, t.process, tunnelDoor, "Observe", func(ctx context.Context) ([]drift.Finding, error) {
		return t.world.tunnel.Observe(ctx, installation, routes)
	})
}

// ReadRoute implements infra.TunnelProvider.
func (t tunnelProvider) ReadRoute(ctx context.Context, installation string, route desired.TunnelRoute) (infra.RouteReading, error) {
	return through(ctx, t.process, tunnelDoor, "ReadRoute", func(ctx context.Context) (infra.RouteReading, error) {
		return t.world.tunnel.ReadRoute(ctx, installation, route)
	})
}

// CheckAddresses implements infra.DNSValidator.
func (v validator) CheckAddresses(ctx context.Context, hostname string, right infra.RightTarget) (infra.Finding, error) {
	return through(ctx, v.process, dnsDoor, "CheckAddresses", func(ctx context.Context) (infra.Finding, error) {
		return v.world.dns.CheckAddresses(ctx, hostname, right)
	})
}

// CheckOwnership implements infra.DNSValidator.
func (v validator) CheckOwnership(ctx context.Context, hostname, recordName, token string) (infra.Finding, error) {
	return through(ctx, v.process, dnsDoor, "CheckOwnership", func(ctx context.Context) (infra.Finding, error) {
		return v.world.dns.CheckOwnership(ctx, hostname, recordName, token)
	})
}

// ProbeHostname implements infra.DNSValidator.
func (v validator) ProbeHostname(ctx context.Context, probe infra.Probe) (infra.Finding, error) {
	return through(ctx, v.process, dnsDoor, "ProbeHostname", func(ctx context.Context) (infra.Finding, error) {
		return v.world.dns.ProbeHostname(ctx, probe)
	})
}
