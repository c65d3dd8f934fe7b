package reconcile_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
)

// cutter counts the calls outside and makes one fail, before or after it has its
// effect. After each it looks at the world.
type cutter struct {
	failing  int
	after    bool
	calls    int
	look     func() error
	problems []error
}

func (c *cutter) around(p apptest.Providers) apptest.Providers {
	return apptest.Providers{Edges: cutEdges{c, p.Edges}, Tunnel: cutTunnel{c, p.Tunnel}, DNS: cutDNS{c, p.DNS}}
}

func through[T any](c *cutter, service string, call func() (T, error)) (T, error) {
	c.calls++
	lost := c.calls == c.failing
	var answer T
	var err error
	if !lost || c.after {
		answer, err = call()
	}
	if c.look != nil {
		if problem := c.look(); problem != nil {
			c.problems = append(c.problems, fmt.Errorf("after call %d: %w", c.calls, problem))
		}
	}
	if lost {
		var nothing T
		return nothing, &infra.UnavailableError{Service: service, Err: errors.New("cut")}
	}
	return answer, err
}

type cutEdges struct {
	*cutter
	inside infra.EdgeProvider
}

func (c cutEdges) Apply(ctx context.Context, edge id.Edge, u infra.EdgeUpdate) (infra.EdgeProof, error) {
	return through(c.cutter, "edge", func() (infra.EdgeProof, error) { return c.inside.Apply(ctx, edge, u) })
}

func (c cutEdges) State(ctx context.Context, edge id.Edge) (infra.EdgeState, error) {
	return through(c.cutter, "edge", func() (infra.EdgeState, error) { return c.inside.State(ctx, edge) })
}

func (c cutEdges) ProbeSite(ctx context.Context, edge id.Edge, site id.Site) (infra.SiteProof, error) {
	return through(c.cutter, "edge", func() (infra.SiteProof, error) { return c.inside.ProbeSite(ctx, edge, site) })
}

func (c cutEdges) ListHeld(ctx context.Context, edge id.Edge, sums [][]byte) (infra.Held, error) {
	return through(c.cutter, "edge", func() (infra.Held, error) { return c.inside.ListHeld(ctx, edge, sums) })
}

func (c cutEdges) Preview(ctx context.Context, edge id.Edge, u infra.EdgeUpdate) ([]infra.FileDiff, error) {
	return through(c.cutter, "edge", func() ([]infra.FileDiff, error) { return c.inside.Preview(ctx, edge, u) })
}

type cutTunnel struct {
	*cutter
	inside infra.TunnelProvider
}

func (c cutTunnel) LookupZone(ctx context.Context, hostname string) (infra.ZoneAnswer, error) {
	return through(c.cutter, "tunnel", func() (infra.ZoneAnswer, error) { return c.inside.LookupZone(ctx, hostname) })
}

func (c cutTunnel) Apply(ctx context.Context, u infra.TunnelUpdate) (infra.TunnelProof, error) {
	return through(c.cutter, "tunnel", func() (infra.TunnelProof, error) { return c.inside.Apply(ctx, u) })
}

func (c cutTunnel) Observe(ctx context.Context, installation string, routes []desired.TunnelRoute) ([]drift.Finding, error) {
	return through(c.cutter, "tunnel", func() ([]drift.Finding, error) { return c.inside.Observe(ctx, installation, routes) })
}

func (c cutTunnel) ReadRoute(ctx context.Context, installation string, route desired.TunnelRoute) (infra.RouteReading, error) {
	return through(c.cutter, "tunnel", func() (infra.RouteReading, error) { return c.inside.ReadRoute(ctx, installation, route) })
}

type cutDNS struct {
	*cutter
	inside infra.DNSValidator
}

func (c cutDNS) CheckAddresses(ctx context.Context, hostname string, right infra.RightTarget) (infra.Finding, error) {
	return through(c.cutter, "dnsvalidator", func() (infra.Finding, error) { return c.inside.CheckAddresses(ctx, hostname, right) })
}

func (c cutDNS) CheckOwnership(ctx context.Context, hostname, recordName, token string) (infra.Finding, error) {
	return through(c.cutter, "dnsvalidator", func() (infra.Finding, error) {
		return c.inside.CheckOwnership(ctx, hostname, recordName, token)
	})
}

func (c cutDNS) ProbeHostname(ctx context.Context, probe infra.Probe) (infra.Finding, error) {
	return through(c.cutter, "dnsvalidator", func() (infra.Finding, error) { return c.inside.ProbeHostname(ctx, probe) })
}
