package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/siteplane/siteplane/internal/platform/closer"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	dnsvalidator "github.com/siteplane/siteplane/services/dnsvalidator/app"
	edgeagent "github.com/siteplane/siteplane/services/edge-agent/app"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/service"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	tunnel "github.com/siteplane/siteplane/services/tunnel/app"
	dnssim "github.com/siteplane/siteplane/simulators/dns"
)

// parts are the running pieces of an installation.
type parts struct {
	cfg          Config
	certificates *certificates
	db           store.Store
	bound        listeners
	edgeID       id.Edge
	closers      *closer.Stack
	logs         io.Writer

	// callees are what lifecycle calls; they end after it.
	callees, lifecycle *group
	telemetries        map[string]*telemetry.Telemetry
	self               *identity.Identity
	tunnelConfig       tunnel.Config
}

// startCallees starts what lifecycle calls, and returns once the edge agent
// answers: then nginx runs.
func (p *parts) startCallees(ctx context.Context) (err error) {
	p.callees, p.lifecycle = newGroup(ctx), newGroup(ctx)
	published, err := p.startDNS()
	if err != nil {
		return err
	}
	if err := p.startCloudflare(published); err != nil {
		return err
	}
	if err := p.startServices(); err != nil {
		return err
	}
	if p.self, err = p.certificates.issue(service.LifecyclePath); err != nil {
		return err
	}
	return p.awaitEdge(ctx)
}

// awaitEdge waits for the edge agent to serve, or for a callee to fail.
func (p *parts) awaitEdge(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	toEdge, err := rpc.Dial(p.bound.edge.Addr().String(), rpc.DialConfig{
		TLS: p.self.ClientTLS(service.EdgePath(p.edgeID)), Telemetry: p.telemetries["lifecycle"],
	})
	if err != nil {
		return err
	}
	p.closers.PushCloser("first connection to the edge agent", toEdge)
	answered := make(chan error, 1)
	go func() {
		_, err := healthpb.NewHealthClient(toEdge).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
		answered <- err
	}()
	select {
	case err := <-p.callees.failed:
		return err
	case err := <-answered:
		if err != nil {
			return fmt.Errorf("wait for the edge agent: %w", err)
		}
		return nil
	}
}

// startTelemetry gives each service its own, so that each has its own name in
// logs and traces.
func (p *parts) startTelemetry(ctx context.Context) error {
	p.telemetries = map[string]*telemetry.Telemetry{}
	for _, name := range []string{"lifecycle", "edge-agent", "tunnel", "dnsvalidator"} {
		t, err := telemetry.New(ctx, telemetry.Config{
			Service: name, OTLPEndpoint: p.cfg.OTLPEndpoint,
			Log: p.logs, LogFormat: p.cfg.LogFormat, LogLevel: p.cfg.LogLevel,
		})
		if err != nil {
			return fmt.Errorf("start telemetry of %s: %w", name, err)
		}
		p.closers.Push("telemetry of "+name, t.Shutdown)
		p.telemetries[name] = t
	}
	return nil
}

// startDNS runs the simulated DNS with the operator's wildcard record.
func (p *parts) startDNS() (*dnssim.Server, error) {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(p.cfg.Ports().DNS))
	secret, err := dnssim.EnsureKeyFile(p.cfg.path("dns-update.key"), updateKeyName)
	if err != nil {
		return nil, err
	}
	wildcard := make([]string, 0, 2*len(p.cfg.EdgeAddresses))
	for _, a := range p.cfg.EdgeAddresses {
		wildcard = append(wildcard, addressRecord("*", a), addressRecord("@", a))
	}
	server, err := dnssim.Listen(dnssim.Config{
		Addr: address, TSIGName: updateKeyName, TSIGSecret: secret,
		Zones:  append(cloudflareZones(), dnssim.Zone{Origin: PlatformDomain, Records: wildcard}, dnssim.Zone{Origin: tenantZone, File: p.cfg.path("tenants.zone")}),
		Logger: p.telemetries["dnsvalidator"].Logger(),
	})
	if err != nil {
		return nil, fmt.Errorf("start the simulated DNS on %s: %w", address, err)
	}
	p.callees.run("simulated DNS", server.Serve)
	return server, nil
}

// startServices runs the edge agent, the tunnel and the DNS validator.
func (p *parts) startServices() error {
	ids, edgePath := map[string]*identity.Identity{}, service.EdgePath(p.edgeID)
	for _, path := range []string{edgePath, service.TunnelPath, service.DNSValidatorPath} {
		issued, err := p.certificates.issue(path)
		if err != nil {
			return err
		}
		ids[path] = issued
	}
	agent := edgeConfig(p.cfg)
	agent.EdgeID, agent.Listener, agent.Identity = string(p.edgeID), p.bound.edge, ids[edgePath]
	agent.Telemetry = p.telemetries["edge-agent"]
	p.callees.run("edge agent", func(ctx context.Context) error { return edgeagent.Run(ctx, agent) })
	tunnelConfig := p.tunnelConfig
	tunnelConfig.Listener, tunnelConfig.Identity, tunnelConfig.Telemetry = p.bound.tunnel, ids[service.TunnelPath], p.telemetries["tunnel"]
	p.callees.run("tunnel", func(ctx context.Context) error { return tunnel.Run(ctx, tunnelConfig) })
	p.callees.run("DNS validator", func(ctx context.Context) error {
		return dnsvalidator.Run(ctx, dnsvalidator.Config{
			Listener: p.bound.dnsvalidate, Identity: ids[service.DNSValidatorPath], Telemetry: p.telemetries["dnsvalidator"],
			Servers:   map[string]string{".": net.JoinHostPort("127.0.0.1", strconv.Itoa(p.cfg.Ports().DNS))},
			ProbePort: p.cfg.Ports().Edge, ProbeAllowNetworks: loopback(),
			CloudflareIPsURL: p.cfg.cloudflareURL() + "/ips",
		})
	})
	return nil
}

// edgeConfig is the part of the agent's configuration that needs no run.
func edgeConfig(cfg Config) edgeagent.Config {
	return edgeagent.Config{
		Dir: cfg.path("edge"), RuntimeDir: cfg.runtimeDir,
		PublicListen: []string{cfg.edgeListen()}, NginxBin: cfg.NginxBin,
	}
}

// startLifecycle begins the work of the control plane and serves its API.
func (p *parts) startLifecycle(ctx context.Context) error {
	cfg := lifecycle.Defaults()
	cfg.PlatformDomain, cfg.ProbePolicy, cfg.AllowReservedTLDs = PlatformDomain, p.cfg.ProbePolicy, true
	cfg.OriginAllowNetworks, cfg.OwnListeners = loopback(), p.bound.own(p.cfg)
	public, err := p.certificates.publicTLS()
	if err != nil {
		return err
	}
	t := p.telemetries["lifecycle"]
	served, err := service.Start(ctx, service.Config{
		Lifecycle: cfg, Store: p.db, GRPC: p.bound.grpc, REST: p.bound.rest, Admin: p.bound.admin, Public: public, Identity: p.self,
		Tunnel: p.bound.tunnel.Addr().String(), DNSValidator: p.bound.dnsvalidate.Addr().String(),
		Edges: map[id.Edge]string{p.edgeID: p.bound.edge.Addr().String()}, Enrolment: p.enrolment(), Telemetry: t,
	})
	if err != nil {
		return err
	}
	p.lifecycle.run("certificate renewal", func(ctx context.Context) error {
		return p.certificates.keepRenewing(ctx, t.Logger())
	})
	p.lifecycle.run("lifecycle", served.Serve)
	return nil
}

// enrolment lets other hosts become edges, where that was asked for.
func (p *parts) enrolment() *service.Enrolment {
	if p.bound.enrolment == nil {
		return nil
	}
	return &service.Enrolment{Listener: p.bound.enrolment, CA: p.certificates.ca}
}

// wait returns when the context is done, or with the error of the part that
// ended first.
func (p *parts) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-p.callees.failed:
		return err
	case err := <-p.lifecycle.failed:
		return err
	}
}

// stop ends lifecycle before what it calls.
func (p *parts) stop() error {
	err := p.lifecycle.stop()
	return errors.Join(err, p.callees.stop())
}
