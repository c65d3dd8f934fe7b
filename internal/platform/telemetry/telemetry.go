package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

const (
	// exportEvery is how long a finished span waits for company.
	exportEvery = 500 * time.Millisecond
	// exportTimeout bounds one export, retries included.
	exportTimeout = 5 * time.Second
)

// Config says what one service logs and where its spans go.
type Config struct {
	// Service is the name in logs and in the resource attribute service.name.
	Service string
	// OTLPEndpoint is the host:port of an OTLP gRPC collector. Loopback is spoken
	// to in plaintext, anything else by TLS with the system's roots. Empty: no
	// export.
	OTLPEndpoint string
	// Log receives the log lines; nil discards them.
	Log io.Writer
	// LogFormat is "json" or "text". Empty: text on a terminal, JSON elsewhere.
	LogFormat string
	// LogLevel is the lowest level written. The zero value is info.
	LogLevel slog.Level
	// SpanProcessors get every span besides the export; for tests.
	SpanProcessors []sdktrace.SpanProcessor
}

// Telemetry is the logger and tracer of one service. It is safe for concurrent
// use.
type Telemetry struct {
	logger   *slog.Logger
	provider *sdktrace.TracerProvider
}

// New starts logging and tracing. It does not wait for the collector.
func New(ctx context.Context, cfg Config) (*Telemetry, error) {
	if cfg.Service == "" {
		return nil, errors.New("start telemetry: no service name")
	}
	logger, err := newLogger(cfg)
	if err != nil {
		return nil, fmt.Errorf("start logging: %w", err)
	}
	opts := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", cfg.Service))),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
	}
	for _, p := range cfg.SpanProcessors {
		opts = append(opts, sdktrace.WithSpanProcessor(p))
	}
	if cfg.OTLPEndpoint != "" {
		exporter, err := newExporter(ctx, cfg.OTLPEndpoint, logger)
		if err != nil {
			return nil, fmt.Errorf("start export of spans: %w", err)
		}
		opts = append(opts, sdktrace.WithBatcher(exporter,
			sdktrace.WithBatchTimeout(exportEvery), sdktrace.WithExportTimeout(exportTimeout)))
	}
	return &Telemetry{logger: logger, provider: sdktrace.NewTracerProvider(opts...)}, nil
}

// Discard returns a Telemetry without logs and export, for tests. Its trace ids
// are real.
func Discard(service string) *Telemetry {
	return &Telemetry{logger: slog.New(slog.DiscardHandler), provider: sdktrace.NewTracerProvider(
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))}
}

// Logger returns the logger. Each line has the service, and trace_id and span_id
// where the context has a span.
func (t *Telemetry) Logger() *slog.Logger {
	return t.logger
}

// TracerProvider returns this service's own provider.
func (t *Telemetry) TracerProvider() trace.TracerProvider {
	return t.provider
}

// Tracer returns a tracer for hand-made spans; the name says which package makes
// them.
func (t *Telemetry) Tracer(name string) trace.Tracer {
	return t.provider.Tracer(name)
}

// Shutdown exports the spans that still wait and stops. It takes until the
// context ends at most. Spans ended later are lost.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop tracing: %w", err)
	}
	return nil
}
