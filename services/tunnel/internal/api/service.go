// Package api serves siteplane.tunnel.v1 over gRPC.
//
// It owns the checks of requests, the log and the trace of each look-up, and what
// a backend's failure is called on the wire. It must not know any backend.
package api

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/deadline"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/tunnel/internal/zone"
)

// Backend knows the zones of the accounts that this installation can write to.
type Backend interface {
	// Name is what the backend is called in answers.
	Name() string
	// LookupZone returns the zone that holds a hostname, or nil when it is in none
	// of ours. An error means that the backend could not find out.
	LookupZone(ctx context.Context, hostname string) (*zone.Zone, error)
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
	return &Service{backend: cfg.Backend, tracer: cfg.Telemetry.Tracer("tunnel"), log: cfg.Telemetry.Logger()}
}

// Register adds the service to a gRPC server.
func (s *Service) Register(registrar grpc.ServiceRegistrar) {
	tunnelv1.RegisterTunnelServiceServer(registrar, s)
}

// LookupZone finds the zone of ours that holds a hostname.
func (s *Service) LookupZone(ctx context.Context, request *tunnelv1.LookupZoneRequest) (*tunnelv1.LookupZoneResponse, error) {
	if err := checkHostname(request.GetHostname()); err != nil {
		return nil, err
	}
	found, err := s.lookup(ctx, request.GetHostname())
	if err != nil {
		return nil, unavailable(s.backend.Name())
	}
	return &tunnelv1.LookupZoneResponse{Zone: toProto(found), Backend: s.backend.Name()}, nil
}

// lookup asks the backend, as one span and one line of the log.
func (s *Service) lookup(ctx context.Context, hostname string) (*zone.Zone, error) {
	ctx, span := s.tracer.Start(ctx, "tunnel.lookup_zone", trace.WithAttributes(
		attribute.String(telemetry.KeyHostname, hostname), attribute.String("backend", s.backend.Name())))
	defer span.End()
	bounded, cancel := deadline.Outgoing(ctx, deadline.DefaultLimit)
	defer cancel()

	found, err := s.backend.LookupZone(bounded, hostname)
	line := s.log.With(telemetry.KeyHostname, hostname, "backend", s.backend.Name())
	if err != nil {
		span.SetStatus(otelcodes.Error, "the backend could not find out")
		line.WarnContext(ctx, "zone not looked up", telemetry.KeyError, err)
		return nil, err
	}
	name := ""
	if found != nil {
		name = found.Name
	}
	span.SetAttributes(attribute.String("zone", name))
	line.InfoContext(ctx, "zone looked up", "zone", name)
	return found, nil
}

func toProto(z *zone.Zone) *tunnelv1.Zone {
	if z == nil {
		return nil
	}
	return &tunnelv1.Zone{ZoneId: z.ID, Name: z.Name, AccountId: z.AccountID}
}
