package api

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/deadline"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/tunnel/internal/zone"
)

// LookupZone finds the zone of ours that holds a hostname.
func (s *Service) LookupZone(ctx context.Context, request *tunnelv1.LookupZoneRequest) (*tunnelv1.LookupZoneResponse, error) {
	if err := checkHostname(request.GetHostname()); err != nil {
		return nil, err
	}
	found, err := s.lookup(ctx, request.GetHostname())
	if err != nil {
		return nil, status(s.backend.Name(), err)
	}
	return &tunnelv1.LookupZoneResponse{
		Zone: zoneProto(found), Backend: s.backend.Name(), CustomHostnameTarget: s.backend.CustomHostnameTarget(),
	}, nil
}

// lookup asks the backend, as one span and one line of the log.
func (s *Service) lookup(ctx context.Context, hostname string) (*zone.Zone, error) {
	ctx, span := s.tracer.Start(ctx, "tunnel.lookup_zone", trace.WithAttributes(
		attribute.String(telemetry.KeyHostname, hostname), attribute.String("backend", s.backend.Name())))
	defer span.End()
	bounded, cancel := deadline.Outgoing(ctx, deadline.DefaultLimit)
	defer cancel()

	found, err := s.backend.LookupZone(bounded, hostname)
	line := s.log.With(telemetry.KeyHostname, hostname)
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

func zoneProto(z *zone.Zone) *tunnelv1.Zone {
	if z == nil {
		return nil
	}
	return &tunnelv1.Zone{ZoneId: z.ID, Name: z.Name, AccountId: z.AccountID}
}
