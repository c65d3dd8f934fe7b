package telemetry

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/credentials"
)

// exporter reports failures to the service's own log, once when they begin and
// once when they end. The SDK would report each to a handler that the whole
// process shares.
type exporter struct {
	sdktrace.SpanExporter
	logger  *slog.Logger
	failing atomic.Bool
}

func newExporter(ctx context.Context, endpoint string, logger *slog.Logger) (*exporter, error) {
	security, err := transportSecurity(endpoint)
	if err != nil {
		return nil, err
	}
	otlp, err := otlptracegrpc.New(ctx, security, otlptracegrpc.WithEndpoint(endpoint),
		otlptracegrpc.WithTimeout(exportTimeout), otlptracegrpc.WithRetry(retryBriefly()))
	if err != nil {
		return nil, fmt.Errorf("make OTLP exporter for %s: %w", endpoint, err)
	}
	return &exporter{SpanExporter: otlp, logger: logger}, nil
}

// retryBriefly outlasts a reconnect and little else: while one export retries,
// newer spans queue up behind it.
func retryBriefly() otlptracegrpc.RetryConfig {
	return otlptracegrpc.RetryConfig{Enabled: true,
		InitialInterval: 200 * time.Millisecond, MaxInterval: time.Second, MaxElapsedTime: 2 * time.Second}
}

// ExportSpans sends spans. A failure loses them, and is logged instead of
// returned.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if failed := err != nil; e.failing.Swap(failed) != failed {
		e.report(ctx, err)
	}
	return nil
}

func (e *exporter) report(ctx context.Context, err error) {
	if err == nil {
		e.logger.InfoContext(ctx, "spans are exported again")
		return
	}
	e.logger.WarnContext(ctx, "spans cannot be exported", KeyError, err)
}

// transportSecurity is plaintext for loopback and TLS for everything else.
func transportSecurity(endpoint string) (otlptracegrpc.Option, error) {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		return nil, fmt.Errorf("read OTLP endpoint %q (host:port is wanted): %w", endpoint, err)
	}
	if isLoopback(host) {
		return otlptracegrpc.WithInsecure(), nil
	}
	return otlptracegrpc.WithTLSCredentials(credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})), nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
