package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/program"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/service"
)

// run serves until the context is done.
func run(ctx context.Context, s settings, env program.Env) (err error) {
	bound, err := listen(s)
	if err != nil {
		return err
	}
	defer bound.close() // those that the service has closed are closed already
	logger := env.Telemetry.Logger()
	db, err := service.OpenDatabase(ctx, s.Database, logger)
	if err != nil {
		return fmt.Errorf("--database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	edges, err := ensureEdges(ctx, s, db)
	if err != nil {
		return err
	}
	if err := service.EnsureTunnel(ctx, db, "tunnel"); err != nil {
		return err
	}
	public, err := s.PublicPKI.Open(ctx, s.PKI.Dir, logger)
	if err != nil {
		return err
	}
	self, err := s.PKI.Open(ctx, logger)
	if err != nil {
		return err
	}
	if self.Path() != service.LifecyclePath {
		return fmt.Errorf("the certificate in --pki is for %s, not for %s: give the folder lifecycle of `siteplane pki init`", self.Path(), service.LifecyclePath)
	}
	access, err := service.EnsureAccess(ctx, db, service.Client{
		File: s.CLIConfig, Address: s.cliAddress(), CA: string(public.RootPEM()), PublicPort: s.PublicPort, KeyName: "lifecycle",
	})
	if err != nil {
		return err
	}
	joins, err := openEnrolment(s.Enrolment, bound.enrolment)
	if err != nil {
		return err
	}
	cfg := s.config()
	cfg.OwnListeners = append(cfg.OwnListeners, own(s, bound, edges)...)
	served, err := service.Start(ctx, service.Config{
		Lifecycle: cfg, Store: db, GRPC: bound.grpc, REST: bound.rest, Admin: bound.admin, Public: public.TLS(), Identity: self,
		Tunnel: s.Tunnel, DNSValidator: s.DNSValidator, Edges: addresses(edges), Enrolment: joins, Telemetry: env.Telemetry,
	})
	if err != nil {
		return err
	}
	announce(env.Out, s, bound, access)
	return served.Serve(ctx)
}

// ensureEdges writes down the edges of the settings.
func ensureEdges(ctx context.Context, s settings, db *service.Database) ([]edge.Edge, error) {
	edges, err := readEdges(s.Edge)
	if err != nil {
		return nil, err
	}
	for _, e := range edges {
		if err := app.EnsureEdge(ctx, db, e); err != nil {
			return nil, fmt.Errorf("write down the edge %s: %w", e.Name, err)
		}
	}
	return edges, nil
}

func addresses(edges []edge.Edge) map[id.Edge]string {
	byID := map[id.Edge]string{}
	for _, e := range edges {
		byID[e.ID] = e.Address
	}
	return byID
}

// openEnrolment returns what hosts need to become edges, nil where none can.
func openEnrolment(e enrolment, bound net.Listener) (*service.Enrolment, error) {
	if bound == nil {
		return nil, nil
	}
	ca, err := identity.LoadCA(e.IssuingCA)
	if err != nil {
		return nil, fmt.Errorf("--issuing-ca: %w", err)
	}
	return &service.Enrolment{Listener: bound, CA: ca, CertificateLifetime: e.EdgeCertificateLifetime}, nil
}

// listeners are the public ones, and the one where hosts join; that is nil where none
// can.
type listeners struct {
	grpc, rest, admin, enrolment net.Listener
}

// listen binds them all, or reports everything that is in the way.
func listen(s settings) (listeners, error) {
	var l listeners
	var problems []error
	for _, want := range []struct {
		flag, address string
		into          *net.Listener
	}{
		{"--listen-grpc", s.ListenGRPC, &l.grpc}, {"--listen-rest", s.ListenREST, &l.rest}, {"--listen-admin", s.ListenAdmin, &l.admin},
		{"--listen-enrolment", s.Enrolment.ListenEnrolment, &l.enrolment},
	} {
		if want.address == "" {
			continue
		}
		bound, err := program.Listen(want.flag, want.address)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		*want.into = bound
	}
	if len(problems) > 0 {
		l.close()
	}
	return l, errors.Join(problems...)
}

func (l listeners) close() {
	for _, bound := range []net.Listener{l.grpc, l.rest, l.admin, l.enrolment} {
		if bound != nil {
			_ = bound.Close() // closed twice is closed
		}
	}
}

// own are the addresses of the installation as far as they are known here; no
// origin may have them.
func own(s settings, bound listeners, edges []edge.Edge) []netip.AddrPort {
	texts := []string{bound.grpc.Addr().String(), bound.rest.Addr().String(), bound.admin.Addr().String(), s.Tunnel, s.DNSValidator}
	if bound.enrolment != nil {
		texts = append(texts, bound.enrolment.Addr().String())
	}
	for _, e := range edges {
		texts = append(texts, e.Address)
	}
	var out []netip.AddrPort
	for _, text := range texts {
		if address, err := netip.ParseAddrPort(text); err == nil { // a name is no address that an origin can have
			out = append(out, address)
		}
	}
	return out
}

// announce says where everything is. The key is printed when it was made, and
// never again.
func announce(out io.Writer, s settings, bound listeners, access service.Access) {
	fmt.Fprintf(out, "lifecycle is up\n\n")
	joins := ""
	if bound.enrolment != nil {
		joins = bound.enrolment.Addr().String()
	}
	for _, line := range [][2]string{
		{"REST", "https://" + bound.rest.Addr().String() + "/v1/"},
		{"gRPC", bound.grpc.Addr().String()},
		{"admin", "https://" + bound.admin.Addr().String() + "/healthz and /metrics"},
		{"enrolment", joins},
		{"database", s.Database.String()},
		{"CLI config", s.CLIConfig},
	} {
		if line[1] != "" {
			fmt.Fprintf(out, "  %-11s %s\n", line[0], line[1])
		}
	}
	if access.NewKey != "" {
		fmt.Fprintf(out, "\n  admin API key, shown once: %s\n", access.NewKey.Reveal())
	}
}
