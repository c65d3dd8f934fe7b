// Package tracecontext carries trace contexts through rows of a database and
// between processes, in the W3C form. It needs the OpenTelemetry API only, so
// that packages without telemetry set-up can use it.
package tracecontext

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const header = "traceparent"

// Propagator is how a trace travels between processes: the traceparent header.
func Propagator() propagation.TextMapPropagator {
	return propagation.TraceContext{}
}

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
	Propagator().Inject(ctx, carrier)
	return carrier[header]
}

// WithParent returns a context whose next span continues the stored trace. An
// empty or malformed traceparent changes nothing.
func WithParent(ctx context.Context, traceparent string) context.Context {
	return Propagator().Extract(ctx, propagation.MapCarrier{header: traceparent})
}

// IDOf returns the trace id within a traceparent, or "".
func IDOf(traceparent string) string {
	return ID(WithParent(context.Background(), traceparent))
}

// LinkTo links a new span to the stored one. With trace.WithNewRoot beside it the
// span begins a new trace: how work goes on after a long wait. An empty or
// malformed traceparent makes no link.
func LinkTo(traceparent string) trace.SpanStartOption {
	sc := trace.SpanContextFromContext(WithParent(context.Background(), traceparent))
	if !sc.IsValid() {
		return trace.WithLinks()
	}
	return trace.WithLinks(trace.Link{SpanContext: sc})
}
