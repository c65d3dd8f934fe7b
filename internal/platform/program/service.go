package program

import (
	"context"
	"errors"
	"net"

	"golang.org/x/sync/errgroup"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// Service is what a service that others call needs to begin.
type Service struct {
	// Listener is for gRPC; the service closes it.
	Listener net.Listener
	Identity *identity.Identity

	admin     net.Listener
	telemetry *telemetry.Telemetry
}

// Open loads the identity, which follows its files until the context is done,
// and listens. It reports everything that is in the way, joined.
func Open(ctx context.Context, pki PKI, listen string, admin Admin, env Env) (*Service, error) {
	s := &Service{telemetry: env.Telemetry}
	var identityErr, listenErr, adminErr error
	s.Identity, identityErr = pki.Open(ctx, env.Telemetry.Logger())
	s.Listener, listenErr = Listen("--listen", listen)
	s.admin, adminErr = admin.Listen()
	if err := errors.Join(identityErr, listenErr, adminErr); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// AdminAddr returns where the admin listener is, nil for nowhere.
func (s *Service) AdminAddr() net.Addr {
	if s.admin == nil {
		return nil
	}
	return s.admin.Addr()
}

// Close frees the ports of a service that is not served.
func (s *Service) Close() error {
	var problems []error
	for _, l := range []net.Listener{s.Listener, s.admin} {
		if l != nil {
			problems = append(problems, l.Close())
		}
	}
	return errors.Join(problems...)
}

// Serve runs the service beside its admin listener until the context is done. A
// service that ends before that has failed.
func (s *Service) Serve(ctx context.Context, service func(ctx context.Context) error) error {
	return Together(ctx, service, func(ctx context.Context) error {
		return ServeAdmin(ctx, s.admin, s.Identity, s.Listener.Addr(), s.telemetry)
	})
}

// Together runs parts until the context is done, which is no error. A part that
// ends before that has failed and ends the others; the first failure is returned.
func Together(ctx context.Context, parts ...func(ctx context.Context) error) error {
	group, running := errgroup.WithContext(ctx)
	for _, part := range parts {
		group.Go(func() error {
			err := part(running)
			if err == nil && running.Err() == nil {
				err = errors.New("a part of the service ended by itself")
			}
			return err
		})
	}
	return group.Wait()
}
