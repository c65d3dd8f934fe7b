package up

import (
	"context"
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
	"github.com/siteplane/siteplane/services/lifecycle/api"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra/remote"
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
	toEdge             *grpc.ClientConn
	tunnelConfig       tunnel.Config
	cp                 *app.ControlPlane
}

// The SPIFFE paths of the services.
const (
	lifecyclePath    = "/service/lifecycle"
	tunnelPath       = "/service/tunnel"
	dnsvalidatorPath = "/service/dnsvalidator"
)

func (p *parts) edgePath() string { return "/edge/" + string(p.edgeID) }

// startCallees starts what lifecycle calls, and returns once the edge agent
// answers: then nginx runs.
func (p *parts) startCallees(ctx context.Context) (err error) {
	p.callees, p.lifecycle = newGroup(ctx), newGroup(ctx)
	if err := p.startTelemetry(ctx); err != nil {
		return err
	}
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
	if p.self, err = p.certificates.issue(lifecyclePath); err != nil {
		return err
	}
	if p.toEdge, err = p.dial(p.bound.edge, p.edgePath()); err != nil {
		return err
	}
	return p.awaitEdge(ctx)
}

// awaitEdge waits for the edge agent to serve, or for a callee to fail.
func (p *parts) awaitEdge(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		_, err := healthpb.NewHealthClient(p.toEdge).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
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

// dial connects lifecycle to a callee, which must prove to be peer.
func (p *parts) dial(l net.Listener, peer string) (*grpc.ClientConn, error) {
	conn, err := rpc.Dial(l.Addr().String(), rpc.DialConfig{TLS: p.self.ClientTLS(peer), Telemetry: p.telemetries["lifecycle"]})
	if err != nil {
		return nil, err
	}
	p.closers.PushCloser("connection to "+peer, conn)
	return conn, nil
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
	secret, err := updateKey(p.cfg.path("dns-update.key"))
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
	ids := map[string]*identity.Identity{}
	for _, path := range []string{p.edgePath(), tunnelPath, dnsvalidatorPath} {
		issued, err := p.certificates.issue(path)
		if err != nil {
			return err
		}
		ids[path] = issued
	}
	agent := edgeConfig(p.cfg)
	agent.EdgeID, agent.Listener, agent.Identity = string(p.edgeID), p.bound.edge, ids[p.edgePath()]
	agent.Telemetry = p.telemetries["edge-agent"]
	p.callees.run("edge agent", func(ctx context.Context) error { return edgeagent.Run(ctx, agent) })
	tunnelConfig := p.tunnelConfig
	tunnelConfig.Listener, tunnelConfig.Identity, tunnelConfig.Telemetry = p.bound.tunnel, ids[tunnelPath], p.telemetries["tunnel"]
	p.callees.run("tunnel", func(ctx context.Context) error { return tunnel.Run(ctx, tunnelConfig) })
	p.callees.run("DNS validator", func(ctx context.Context) error {
		return dnsvalidator.Run(ctx, dnsvalidator.Config{
			Listener: p.bound.dnsvalidate, Identity: ids[dnsvalidatorPath], Telemetry: p.telemetries["dnsvalidator"],
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

// startLifecycle wires the control plane to the callees and serves its API.
func (p *parts) startLifecycle(ctx context.Context) error {
	t := p.telemetries["lifecycle"]
	toTunnel, err := p.dial(p.bound.tunnel, tunnelPath)
	if err != nil {
		return err
	}
	toDNS, err := p.dial(p.bound.dnsvalidate, dnsvalidatorPath)
	if err != nil {
		return err
	}
	edges := remote.NewEdges(func(context.Context, id.Edge) (grpc.ClientConnInterface, error) { return p.toEdge, nil })
	cfg := lifecycle.Defaults()
	cfg.PlatformDomain, cfg.ProbePolicy, cfg.AllowReservedTLDs = PlatformDomain, p.cfg.ProbePolicy, true
	cfg.OriginAllowNetworks, cfg.OwnListeners = loopback(), p.bound.own(p.cfg)
	p.cp, err = app.New(
		app.WithConfig(cfg), app.WithStore(p.db), app.WithEdge(edges),
		app.WithTunnel(remote.NewTunnel(toTunnel)), app.WithDNS(remote.NewDNS(toDNS)),
		app.WithLogger(t.Logger()), app.WithTracer(t.Tracer("lifecycle")),
	)
	if err != nil {
		return err
	}
	if err := p.cp.Start(ctx); err != nil {
		return err
	}
	return p.serve(t)
}

// serve opens the public and the admin listeners.
func (p *parts) serve(t *telemetry.Telemetry) error {
	public, err := p.certificates.publicTLS()
	if err != nil {
		return err
	}
	served := api.New(p.cp, t)
	p.lifecycle.run("certificate renewal", func(ctx context.Context) error {
		return p.certificates.keepRenewing(ctx, t.Logger())
	})
	p.lifecycle.run("gRPC", func(ctx context.Context) error { return served.ServeGRPC(ctx, p.bound.grpc, public.Clone()) })
	p.lifecycle.run("REST", func(ctx context.Context) error { return served.ServeREST(ctx, p.bound.rest, public.Clone()) })
	p.lifecycle.run("admin", func(ctx context.Context) error { return served.ServeAdmin(ctx, p.bound.admin, public.Clone()) })
	return nil
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
	p.lifecycle.stop()
	var err error
	if p.cp != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		err = p.cp.Stop(ctx)
	}
	p.callees.stop()
	return err
}
