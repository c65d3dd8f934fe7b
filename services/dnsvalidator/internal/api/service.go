// Package api serves siteplane.dnsvalidator.v1 over gRPC.
//
// It owns the checks of requests that the proto rules cannot say, the time that a
// look at the world may take, and the translation of evidence to the wire. It must
// not know how evidence is had.
package api

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	dnsvalidatorv1 "github.com/siteplane/siteplane/gen/siteplane/dnsvalidator/v1"
	"github.com/siteplane/siteplane/internal/platform/deadline"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/dnsvalidator/internal/check"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/evidence"
	"github.com/siteplane/siteplane/services/dnsvalidator/internal/probe"
)

// budget is how long one look at the world may take. What was found by then is
// the evidence.
const budget = 20 * time.Second

// Checker looks at where a hostname leads and whose it is. Failures are evidence,
// not errors.
type Checker interface {
	CheckAddresses(ctx context.Context, wanted check.Destination) check.Evidence
	CheckOwnership(ctx context.Context, wanted check.Ownership) check.Evidence
}

// Prober fetches a nonce through a hostname. Failures are evidence, not errors.
type Prober interface {
	Probe(ctx context.Context, request probe.Request) probe.Evidence
}

// Config has what the service needs; all is required.
type Config struct {
	Checker   Checker
	Prober    Prober
	Telemetry *telemetry.Telemetry
}

// Service answers siteplane.dnsvalidator.v1.DNSValidatorService.
type Service struct {
	dnsvalidatorv1.UnimplementedDNSValidatorServiceServer

	checker Checker
	prober  Prober
	tracer  trace.Tracer
	log     *slog.Logger
}

// New returns a service to register.
func New(cfg Config) *Service {
	return &Service{
		checker: cfg.Checker,
		prober:  cfg.Prober,
		tracer:  cfg.Telemetry.Tracer("dnsvalidator"),
		log:     cfg.Telemetry.Logger(),
	}
}

// Register adds the service to a gRPC server.
func (s *Service) Register(registrar grpc.ServiceRegistrar) {
	dnsvalidatorv1.RegisterDNSValidatorServiceServer(registrar, s)
}

// CheckAddresses asks the authoritative servers where a hostname leads.
func (s *Service) CheckAddresses(ctx context.Context, request *dnsvalidatorv1.CheckAddressesRequest) (*dnsvalidatorv1.CheckAddressesResponse, error) {
	wanted, err := destination(request)
	if err != nil {
		return nil, err
	}
	ctx, done := s.look(ctx, "dns.check", request.GetHostname())
	found := s.checker.CheckAddresses(ctx, wanted)
	done(found.Outcome, codeNames(found.Diagnoses))
	return addressesResponse(found), nil
}

// CheckOwnership asks the authoritative servers for the token that shows whose a
// hostname is.
func (s *Service) CheckOwnership(ctx context.Context, request *dnsvalidatorv1.CheckOwnershipRequest) (*dnsvalidatorv1.CheckOwnershipResponse, error) {
	wanted, err := ownership(request)
	if err != nil {
		return nil, err
	}
	ctx, done := s.look(ctx, "dns.own", request.GetHostname())
	found := s.checker.CheckOwnership(ctx, wanted)
	done(found.Outcome, codeNames(found.Diagnoses))
	return ownershipResponse(found), nil
}

// ProbeHostname fetches a nonce through a hostname and verifies who signed it.
func (s *Service) ProbeHostname(ctx context.Context, request *dnsvalidatorv1.ProbeHostnameRequest) (*dnsvalidatorv1.ProbeHostnameResponse, error) {
	wanted, err := probeRequest(request)
	if err != nil {
		return nil, err
	}
	ctx, done := s.look(ctx, "probe.fetch", request.GetHostname())
	found := s.prober.Probe(ctx, wanted)
	done(found.Outcome, codeNames(found.Diagnoses))
	return probeResponse(found), nil
}

// look starts the span and the clock of one look at the world; done ends them and
// logs what was seen. A confirmed look changes nothing and is logged for
// debugging only.
func (s *Service) look(ctx context.Context, name, hostname string) (context.Context, func(evidence.Outcome, []string)) {
	ctx, span := s.tracer.Start(ctx, name, trace.WithAttributes(attribute.String(telemetry.KeyHostname, hostname)))
	bounded, cancel := deadline.Outgoing(ctx, budget)
	bounded, cancelBudget := context.WithTimeout(bounded, budget)
	return bounded, func(outcome evidence.Outcome, found []string) {
		cancelBudget()
		cancel()
		span.SetAttributes(attribute.String("outcome", string(outcome)), attribute.StringSlice("diagnoses", found))
		span.End()
		level := slog.LevelInfo
		if outcome == evidence.Confirmed {
			level = slog.LevelDebug
		}
		s.log.Log(ctx, level, "hostname looked at", telemetry.KeyStep, name, telemetry.KeyHostname, hostname,
			"outcome", string(outcome), "diagnoses", found)
	}
}
