package reconcile

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
)

// inTraceOf starts the span of a send in the trace of its first change, linked to
// those of the others.
func (r *Reconciler) inTraceOf(ctx context.Context, name string, traces []string, attrs ...attribute.KeyValue) (context.Context, trace.Span) {
	opts := []trace.SpanStartOption{trace.WithAttributes(append(attrs, attribute.Int("changes", len(traces)))...)}
	for i, parent := range traces {
		if i == 0 {
			ctx = tracecontext.WithParent(ctx, parent)
		} else if parent != "" {
			opts = append(opts, tracecontext.LinkTo(parent))
		}
	}
	return r.Tracer.Start(ctx, name, opts...)
}
