package api

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	tunnelv1 "github.com/siteplane/siteplane/gen/siteplane/tunnel/v1"
	"github.com/siteplane/siteplane/internal/platform/deadline"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/tunnel/internal/route"
)

// Observe compares the tunnel and the zones with the routes.
func (s *Service) Observe(ctx context.Context, request *tunnelv1.ObserveRequest) (*tunnelv1.ObserveResponse, error) {
	routes := routesOf(request.GetRoutes())
	if err := route.Check(routes); err != nil {
		return nil, status(s.backend.Name(), err)
	}
	found, err := s.observe(ctx, request.GetInstallationId(), routes)
	if err != nil {
		return nil, status(s.backend.Name(), err)
	}
	return observeResponse(found), nil
}

// observe asks the backend, as one span, one line for each drift and one of
// outcome.
func (s *Service) observe(ctx context.Context, installationID string, routes []route.Route) (route.Observation, error) {
	ctx, span := s.tracer.Start(ctx, "tunnel.observe", trace.WithAttributes(
		attribute.String("backend", s.backend.Name()), attribute.Int("routes", len(routes))))
	defer span.End()
	bounded, cancel := deadline.Outgoing(ctx, deadline.DefaultLimit)
	defer cancel()

	found, err := s.backend.Observe(bounded, installationID, routes)
	if err != nil {
		span.SetStatus(otelcodes.Error, "the backend could not look")
		s.log.WarnContext(ctx, "tunnel not observed", telemetry.KeyError, err)
		return found, err
	}
	for _, d := range found.Drifts[:min(len(found.Drifts), maxNames)] {
		level := slog.LevelWarn
		if d.Kind.Foreign() { // It stays, and so would the line.
			level = slog.LevelDebug
		}
		s.log.Log(ctx, level, "tunnel drifts", telemetry.KeyHostname, d.Hostname, "kind", d.Kind.String(),
			"detail", d.Detail, "cause", d.Cause)
	}
	span.SetAttributes(attribute.Int("drifts", len(found.Drifts)), attribute.Int64("config_version", found.ConfigVersion))
	s.log.InfoContext(ctx, "tunnel observed", "routes", len(routes), "drifts", len(found.Drifts), "config_version", found.ConfigVersion)
	return found, nil
}

func observeResponse(found route.Observation) *tunnelv1.ObserveResponse {
	response := &tunnelv1.ObserveResponse{ConfigVersion: found.ConfigVersion}
	for _, d := range found.Drifts {
		response.Drifts = append(response.Drifts, &tunnelv1.Drift{
			Kind: kinds[d.Kind], Hostname: text(d.Hostname), Detail: text(d.Detail), Since: when(d.Since), Cause: text(d.Cause),
		})
	}
	return response
}

// when is absent for the zero time.
func when(at time.Time) *timestamppb.Timestamp {
	if at.IsZero() {
		return nil
	}
	return timestamppb.New(at)
}

var kinds = map[route.DriftKind]tunnelv1.DriftKind{
	route.RuleMissing:           tunnelv1.DriftKind_DRIFT_KIND_RULE_MISSING,
	route.RuleChanged:           tunnelv1.DriftKind_DRIFT_KIND_RULE_CHANGED,
	route.RuleSurplus:           tunnelv1.DriftKind_DRIFT_KIND_RULE_SURPLUS,
	route.RuleForeign:           tunnelv1.DriftKind_DRIFT_KIND_RULE_FOREIGN,
	route.RecordMissing:         tunnelv1.DriftKind_DRIFT_KIND_RECORD_MISSING,
	route.RecordChanged:         tunnelv1.DriftKind_DRIFT_KIND_RECORD_CHANGED,
	route.RecordSurplus:         tunnelv1.DriftKind_DRIFT_KIND_RECORD_SURPLUS,
	route.CustomHostnameMissing: tunnelv1.DriftKind_DRIFT_KIND_CUSTOM_HOSTNAME_MISSING,
	route.CustomHostnameChanged: tunnelv1.DriftKind_DRIFT_KIND_CUSTOM_HOSTNAME_CHANGED,
	route.CustomHostnameSurplus: tunnelv1.DriftKind_DRIFT_KIND_CUSTOM_HOSTNAME_SURPLUS,
	route.Blocked:               tunnelv1.DriftKind_DRIFT_KIND_BLOCKED,
}
