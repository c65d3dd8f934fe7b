// Package telemetry owns logs and traces of one service: a slog.Logger that adds
// the trace of the context, and a TracerProvider that exports by OTLP.
//
// It knows no service and never touches OpenTelemetry's or slog's globals, so
// several services can live in one process, each with its own name, level and
// exporter.
//
// Invariants: spans and trace ids exist with or without an exporter; spans leave
// in plaintext only to loopback; an unreachable collector never stops or slows
// the service, it costs spans and one log line.
package telemetry
