package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const traceParentHeader = "traceparent"

// Propagator is how trace context travels between processes: the W3C
// traceparent header.
func Propagator() propagation.TextMapPropagator {
	return propagation.TraceContext{}
}

// TraceID returns the context's trace id as 32 hexadecimal digits, or "".
func TraceID(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		return span.TraceID().String()
	}
	return ""
}

// TraceParent returns the context's span as a W3C traceparent, or "" when there
// is none. It is what a row stores to go on with the trace later.
func TraceParent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	Propagator().Inject(ctx, carrier)
	return carrier[traceParentHeader]
}

// WithTraceParent returns a context whose next span is a child of the stored
// one. With an empty or malformed traceparent it returns ctx.
func WithTraceParent(ctx context.Context, traceparent string) context.Context {
	span := remoteSpan(traceparent)
	if !span.IsValid() {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, span)
}

// LinkTo links a new span to a stored one. It does not start a new trace by
// itself: use StartLinked, or add trace.WithNewRoot. With an empty or malformed
// traceparent it does nothing.
func LinkTo(traceparent string) trace.SpanStartOption {
	span := remoteSpan(traceparent)
	if !span.IsValid() {
		return trace.WithLinks()
	}
	return trace.WithLinks(trace.Link{SpanContext: span})
}

// StartLinked starts a new trace whose first span links to a stored one: how
// work goes on after a long wait.
func StartLinked(ctx context.Context, tracer trace.Tracer, name, traceparent string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	linked := []trace.SpanStartOption{trace.WithNewRoot(), LinkTo(traceparent)}
	return tracer.Start(ctx, name, append(linked, opts...)...)
}

func remoteSpan(traceparent string) trace.SpanContext {
	ctx := Propagator().Extract(context.Background(), propagation.MapCarrier{traceParentHeader: traceparent})
	return trace.SpanContextFromContext(ctx)
}
