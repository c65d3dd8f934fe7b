package rpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// Serve accepts calls until the context ends, then lets running calls finish for
// the drain time, cuts the rest, and returns nil. Before that it fails at once,
// naming the methods, if the authorizer does not cover every registered one. It
// closes the listener in any case.
func (s *Server) Serve(ctx context.Context) error {
	if err := s.checkCoverage(); err != nil {
		return errors.Join(fmt.Errorf("start server on %s: %w", s.Addr(), err), s.listener.Close())
	}
	failed := make(chan error, 1)
	go func() { failed <- s.grpc.Serve(s.listener) }()
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	s.logger.InfoContext(ctx, "server accepts calls", telemetry.KeyAddress, s.Addr().String())
	select {
	case err := <-failed:
		s.grpc.Stop()
		return fmt.Errorf("accept calls on %s: %w", s.Addr(), err)
	case <-ctx.Done():
		s.stop(ctx)
		return nil
	}
}

// Serving tells whether the server accepts calls; it is what health answers.
func (s *Server) Serving() bool {
	answer, err := s.health.Check(context.Background(), &healthpb.HealthCheckRequest{})
	return err == nil && answer.GetStatus() == healthpb.HealthCheckResponse_SERVING
}

// stop drains, and cuts what is left after the drain time. It does not wait for
// a handler that goes on after its call was cut.
func (s *Server) stop(ctx context.Context) {
	s.health.Shutdown()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		s.grpc.GracefulStop()
	}()
	select {
	case <-drained:
	case <-time.After(s.drain):
		s.logger.WarnContext(ctx, "running calls are cut", telemetry.KeyAddress, s.Addr().String())
		s.grpc.Stop()
	}
}

// checkCoverage names every registered method without a policy row.
func (s *Server) checkCoverage() error {
	var missing []string
	for service, info := range s.grpc.GetServiceInfo() {
		for _, method := range info.Methods {
			full := "/" + service + "/" + method.Name
			if !isHealth(full) && !s.authorizer.Covers(full) {
				missing = append(missing, full)
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return fmt.Errorf("no policy row for %s", strings.Join(missing, ", "))
}
