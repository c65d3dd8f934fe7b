package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/trace"
)

// traceHandler adds the ids of the context's span to each record. Under
// WithGroup they land in the group, so shared loggers should not open one.
type traceHandler struct {
	slog.Handler
}

func newLogger(cfg Config) (*slog.Logger, error) {
	if cfg.Log == nil {
		return slog.New(slog.DiscardHandler), nil
	}
	handler, err := newHandler(cfg)
	if err != nil {
		return nil, err
	}
	return slog.New(traceHandler{handler}).With(KeyService, cfg.Service), nil
}

func newHandler(cfg Config) (slog.Handler, error) {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	switch format(cfg) {
	case "json":
		return slog.NewJSONHandler(cfg.Log, opts), nil
	case "text":
		return slog.NewTextHandler(cfg.Log, opts), nil
	default:
		return nil, fmt.Errorf("log format %q is neither json nor text", cfg.LogFormat)
	}
}

func format(cfg Config) string {
	switch {
	case cfg.LogFormat != "":
		return cfg.LogFormat
	case isTerminal(cfg.Log):
		return "text"
	default:
		return "json"
	}
}

// isTerminal is good enough for choosing a format: /dev/null counts too.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Handle writes one record.
func (h traceHandler) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String(KeyTraceID, span.TraceID().String()), slog.String(KeySpanID, span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the wrapping.
func (h traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return traceHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the wrapping.
func (h traceHandler) WithGroup(name string) slog.Handler {
	return traceHandler{h.Handler.WithGroup(name)}
}
