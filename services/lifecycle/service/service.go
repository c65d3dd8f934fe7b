// Package service runs lifecycle: the control plane on its database, with the
// other services over gRPC and mTLS, and its public listeners. It is what the
// program `lifecycle` and `siteplane up` start.
//
// It owns the wiring of that one shape, and what a first start makes. It decides
// nothing about sites; who wants another store or no gRPC uses packages app and
// api. A service that cannot be reached is no error here: it is said, and what
// needs it waits.
package service

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/siteplane/siteplane/internal/platform/closer"
	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/api"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra/remote"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// closeLimit is how long the work that was begun may take to let go.
const closeLimit = 8 * time.Second

// Config says what the service needs; all of it, but for Enrolment.
type Config struct {
	Lifecycle lifecycle.Config
	// Store is closed by the caller.
	Store store.Store
	// GRPC, REST and Admin are the public listeners; the service closes them.
	GRPC, REST, Admin net.Listener
	// Public is the TLS configuration of the public listeners.
	Public *tls.Config
	// Identity proves to the other services who we are.
	Identity *identity.Identity
	// Tunnel and DNSValidator are where those services are, as host:port.
	Tunnel, DNSValidator string
	// Edges are where agents are, as host:port, in place of what the database says.
	Edges map[id.Edge]string
	// Enrolment lets hosts become edges; nil where none can.
	Enrolment *Enrolment
	Telemetry *telemetry.Telemetry
}

// Service is a lifecycle that works.
type Service struct {
	cfg     Config
	cp      *app.ControlPlane
	peers   []*peer
	edges   *fleet
	closers *closer.Stack
}

// Start begins to work. The listeners answer once Serve runs.
func Start(ctx context.Context, cfg Config) (_ *Service, err error) {
	s := &Service{cfg: cfg, closers: closer.New(closeLimit)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closers.Close())
		}
	}()
	toTunnel, err := s.dial("tunnel", cfg.Tunnel, TunnelPath)
	if err != nil {
		return nil, err
	}
	toDNS, err := s.dial("dnsvalidator", cfg.DNSValidator, DNSValidatorPath)
	if err != nil {
		return nil, err
	}
	s.edges = s.newFleet()
	s.closers.Push("connections to edges", s.edges.close)
	options := []app.Option{
		app.WithConfig(cfg.Lifecycle), app.WithStore(cfg.Store), app.WithEdge(remote.NewEdges(s.edges.conn)),
		app.WithTunnel(remote.NewTunnel(toTunnel)), app.WithDNS(remote.NewDNS(toDNS)),
		app.WithLogger(cfg.Telemetry.Logger()), app.WithTracer(cfg.Telemetry.Tracer("lifecycle")),
		app.WithFailpoints(failpoint.FromEnvironment()),
	}
	if cfg.Enrolment != nil {
		if err := cfg.Enrolment.check(cfg.Identity); err != nil {
			return nil, err
		}
		options = append(options, app.WithIssuer(cfg.Enrolment.Issuer()))
	}
	if s.cp, err = app.New(options...); err != nil {
		return nil, err
	}
	s.closers.Push("control plane", s.cp.Stop)
	return s, s.cp.Start(ctx)
}

// dial connects to a peer, which must prove to be path. It does not wait for it.
func (s *Service) dial(name, address, path string) (*grpc.ClientConn, error) {
	conn, err := s.connect(address, path)
	if err != nil {
		return nil, err
	}
	s.closers.PushCloser("connection to "+name, conn)
	s.peers = append(s.peers, &peer{name: name, address: address, conn: conn})
	return conn, nil
}

func (s *Service) connect(address, path string) (*grpc.ClientConn, error) {
	return rpc.Dial(address, rpc.DialConfig{TLS: s.cfg.Identity.ClientTLS(path), Telemetry: s.cfg.Telemetry})
}

// newFleet follows the edges of the database.
func (s *Service) newFleet() *fleet {
	return &fleet{
		given: s.cfg.Edges, links: map[id.Edge]*link{},
		dial: func(edgeID id.Edge, address string) (*grpc.ClientConn, error) {
			return s.connect(address, EdgePath(edgeID))
		},
		read: func(ctx context.Context) (edges []edge.Edge, err error) {
			err = s.cfg.Store.View(ctx, func(tx store.Tx) error {
				edges, err = tx.ListEdges(ctx)
				return err
			})
			return edges, err
		},
	}
}

// Serve answers callers until the context is done, then ends the work. It may be
// called once.
func (s *Service) Serve(ctx context.Context) error {
	t := s.cfg.Telemetry
	served := api.New(s.cp, t)
	group, running := errgroup.WithContext(ctx)
	group.Go(func() error { return served.ServeGRPC(running, s.cfg.GRPC, s.cfg.Public.Clone()) })
	group.Go(func() error { return served.ServeREST(running, s.cfg.REST, s.cfg.Public.Clone()) })
	group.Go(func() error { return served.ServeAdmin(running, s.cfg.Admin, s.cfg.Public.Clone()) })
	if e := s.cfg.Enrolment; e != nil {
		enrolment := api.NewEnrolment(s.cp, t)
		group.Go(func() error { return enrolment.ServeEnrolment(running, e.Listener, s.cfg.Identity.EnrolmentTLS(e.CA)) })
	}
	for _, p := range s.peers {
		group.Go(func() error { p.watch(running, t.Logger()); return nil })
	}
	group.Go(func() error { s.edges.run(running, t.Logger()); return nil })
	err := group.Wait()
	if err != nil && ctx.Err() != nil { // how a call ends that outlasts the service is no failure of it
		t.Logger().WarnContext(ctx, "running calls are cut", telemetry.KeyError, err)
		err = nil
	}
	return errors.Join(err, s.closers.Close())
}

// Close ends the work of a service that is not served.
func (s *Service) Close() error { return s.closers.Close() }
