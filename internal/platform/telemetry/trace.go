package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
)

// TraceID is tracecontext.ID, for those who have telemetry at hand anyway.
func TraceID(ctx context.Context) string {
	return tracecontext.ID(ctx)
}

// TraceParent is tracecontext.Parent.
func TraceParent(ctx context.Context) string {
	return tracecontext.Parent(ctx)
}

// WithTraceParent is tracecontext.WithParent.
func WithTraceParent(ctx context.Context, traceparent string) context.Context {
	return tracecontext.WithParent(ctx, traceparent)
}

// LinkTo is tracecontext.LinkTo.
func LinkTo(traceparent string) trace.SpanStartOption {
	return tracecontext.LinkTo(traceparent)
}
