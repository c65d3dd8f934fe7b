// Package api serves siteplane.tunnel.v1 over gRPC.
//
// It owns the checks of requests, the log and the trace of each call, and what a
// backend's failure is called on the wire. It must not know any backend.
package api

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/tunnel/internal/route"
	"github.com/siteplane/siteplane/services/tunnel/internal/zone"
)

// Backend brings names to the edges. Its errors are those of packages fault, fence
// and shrink; any other says that nothing is known.
type Backend interface {
	// Name is what the backend is called in answers.
	Name() string
	// CustomHostnameTarget is the name that custom hostnames lead to by CNAME, or
	// "" where there are none.
	CustomHostnameTarget() string
	// LookupZone returns the zone that holds a hostname, or nil when it is in none
	// of ours.
	LookupZone(ctx context.Context, hostname string) (*zone.Zone, error)
	// Apply brings the provider to a snapshot that was checked. After an error the
	// result says how far it came.
	Apply(ctx context.Context, snapshot route.Snapshot) (route.Result, error)
	// Observe compares the provider with all routes of an installation, which were
	// checked, and writes nothing.
	Observe(ctx context.Context, installationID string, routes []route.Route) (route.Observation, error)
	// ReadRoute reads how far one route of an installation is.
	ReadRoute(ctx context.Context, installationID string, w route.Route) (route.Reading, error)
}

// Config has what the service needs; all is required.
type Config struct {
	Backend   Backend
	Telemetry *telemetry.Telemetry
}

// Service answers siteplane.tunnel.v1.TunnelService.
type Service struct {
	tunnelv1.UnimplementedTunnelServiceServer

	backend Backend
	tracer  trace.Tracer
	log     *slog.Logger
}

// New returns a service to register.
func New(cfg Config) *Service {
	return &Service{
		backend: cfg.Backend, tracer: cfg.Telemetry.Tracer("tunnel"),
		log: cfg.Telemetry.Logger().With("backend", cfg.Backend.Name()),
	}
}

// Register adds the service to a gRPC server.
func (s *Service) Register(registrar grpc.ServiceRegistrar) {
	tunnelv1.RegisterTunnelServiceServer(registrar, s)
}
