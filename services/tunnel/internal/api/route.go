package api

import (
	"context"
	"errors"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/deadline"
	"github.com/siteplane/siteplane/internal/platform/shrink"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

// maxNames bounds the hostnames in one line of the log.
const maxNames = 100

// Apply makes the tunnel hold exactly the routes.
func (s *Service) Apply(ctx context.Context, request *tunnelv1.ApplyRequest) (*tunnelv1.ApplyResponse, error) {
	snapshot := snapshotOf(request)
	if err := snapshot.Check(); err != nil {
		return nil, status(s.backend.Name(), err)
	}
	result, err := s.apply(ctx, snapshot)
	if err != nil {
		return nil, status(s.backend.Name(), err)
	}
	return applyResponse(request, result), nil
}

// apply asks the backend, as one span, one line of intent and one of outcome.
func (s *Service) apply(ctx context.Context, snapshot route.Snapshot) (route.Result, error) {
	ctx, span := s.tracer.Start(ctx, "tunnel.apply", trace.WithAttributes(
		attribute.String("backend", s.backend.Name()), attribute.String("fence", snapshot.Fence.String()),
		attribute.String(telemetry.KeyDigest, snapshot.Digest), attribute.Int("routes", len(snapshot.Routes))))
	defer span.End()
	bounded, cancel := deadline.Outgoing(ctx, deadline.DefaultLimit)
	defer cancel()

	line := s.log.With("fence", snapshot.Fence.String(), telemetry.KeyDigest, snapshot.Digest)
	line.InfoContext(ctx, "tunnel apply begins", "routes", len(snapshot.Routes), "removals", len(snapshot.Removals),
		"confirmed_hold", snapshot.ConfirmedHold)
	result, err := s.backend.Apply(bounded, snapshot)
	span.SetAttributes(attribute.Int("writes", result.Writes), attribute.Int64("config_version", result.ConfigVersion),
		attribute.Int("problems", len(result.Problems)))
	line = line.With("writes", result.Writes, "config_version", result.ConfigVersion,
		"added", cut(result.Added), "removed", cut(result.Removed), "changed", cut(result.Changed))
	s.logProblems(ctx, line, result)
	if held := (*shrink.HeldError)(nil); errors.As(err, &held) {
		span.SetStatus(otelcodes.Error, "held by the shrink guard")
		line.ErrorContext(ctx, "tunnel apply is held", "hold_id", held.ID, "held", held.Held, "unexplained", len(held.Names), "names", cut(held.Names))
		return result, err
	}
	if err != nil {
		span.SetStatus(otelcodes.Error, "the backend could not apply")
		line.WarnContext(ctx, "tunnel not applied", telemetry.KeyError, err)
		return result, err
	}
	line.InfoContext(ctx, "tunnel applied")
	return result, nil
}

func (s *Service) logProblems(ctx context.Context, line *slog.Logger, result route.Result) {
	for _, p := range result.Problems {
		s.log.WarnContext(ctx, "route is blocked", telemetry.KeyHostname, p.Hostname,
			telemetry.KeyReason, string(p.Diagnosis.Code), "summary", p.Diagnosis.Summary, "observed", p.Diagnosis.Observed)
	}
	for _, warning := range result.Warnings {
		line.WarnContext(ctx, "tunnel configuration has another writer", "warning", warning)
	}
}

// ReadRoute reads how far one route is.
func (s *Service) ReadRoute(ctx context.Context, request *tunnelv1.ReadRouteRequest) (*tunnelv1.ReadRouteResponse, error) {
	w := routeOf(request.GetRoute())
	if err := w.Check("route"); err != nil {
		return nil, status(s.backend.Name(), err)
	}
	ctx, span := s.tracer.Start(ctx, "tunnel.read_route", trace.WithAttributes(
		attribute.String("backend", s.backend.Name()), attribute.String(telemetry.KeyHostname, w.Hostname)))
	defer span.End()
	bounded, cancel := deadline.Outgoing(ctx, deadline.DefaultLimit)
	defer cancel()

	reading, err := s.backend.ReadRoute(bounded, request.GetInstallationId(), w)
	if err != nil {
		span.SetStatus(otelcodes.Error, "the backend could not read")
		s.log.WarnContext(ctx, "route not read", telemetry.KeyHostname, w.Hostname, telemetry.KeyError, err)
		return nil, status(s.backend.Name(), err)
	}
	span.SetAttributes(attribute.String("state", reading.State.String()))
	s.log.InfoContext(ctx, "route read", telemetry.KeyHostname, w.Hostname, "state", reading.State.String(),
		"observed", reading.Observed)
	return readResponse(reading), nil
}

// cut keeps a line of the log readable.
func cut(names []string) []string { return names[:min(len(names), maxNames)] }
