// Package tracecontext carries trace contexts through rows of a database. It
// needs the OpenTelemetry API only, so that packages without telemetry set-up
// can use it.
package tracecontext

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const header = "traceparent"

// ID returns the trace id of a context, 32 hex digits, or "" outside a trace.
func ID(ctx context.Context) string {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.HasTraceID() {
		return ""
	}
	return sc.TraceID().String()
}

// Parent returns the W3C traceparent of a context, or "" outside a trace.
func Parent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[header]
}

// WithParent returns a context whose next span continues the stored trace. An
// empty or malformed traceparent changes nothing.
func WithParent(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{header: traceparent})
}

// IDOf returns the trace id within a traceparent, or "".
func IDOf(traceparent string) string {
	return ID(WithParent(context.Background(), traceparent))
}

// LinkTo makes the span a new trace that links to the stored one.
func LinkTo(traceparent string) trace.SpanStartOption {
	sc := trace.SpanContextFromContext(WithParent(context.Background(), traceparent))
	return trace.WithLinks(trace.Link{SpanContext: sc})
}
