package simulate

import (
	"context"
	"encoding/binary"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// tracer numbers traces and exports nothing. It tells handlers from callers, too: a
// handler's span is called work.
type tracer struct {
	embedded.Tracer
	world *world
}

type (
	handlerKey struct{}
	callerKey  struct{}
)

// Start implements trace.Tracer.
func (t tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	parent := trace.SpanContextFromContext(ctx)
	config := trace.NewSpanStartConfig(options...)
	in := parent.TraceID()
	n := t.world.span()
	if !parent.HasTraceID() || config.NewRoot() {
		in = trace.TraceID{}
		binary.BigEndian.PutUint64(in[8:], n)
	}
	var span trace.SpanID
	binary.BigEndian.PutUint64(span[:], n)
	ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: in, SpanID: span}))
	if strings.HasPrefix(name, "work ") {
		ctx = as(context.WithValue(ctx, handlerKey{}, true), t.world.rowOf(name, config.Attributes()))
	}
	return ctx, trace.SpanFromContext(ctx)
}

func (w *world) span() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spans++
	return w.spans
}

func isHandler(ctx context.Context) bool { return ctx.Value(handlerKey{}) != nil }

func isCaller(ctx context.Context) bool { return ctx.Value(callerKey{}) != nil }

func asCaller(ctx context.Context, who string) context.Context {
	return as(context.WithValue(ctx, callerKey{}, true), who)
}

// rowOf names the row of work that a handler's span is about.
func (w *world) rowOf(name string, attributes []attribute.KeyValue) string {
	key := workKey{kind: worker.Kind(strings.TrimPrefix(name, "work "))}
	for _, a := range attributes {
		if a.Key == "key" {
			key.key = a.Value.AsString()
		}
	}
	return w.chance.row(key)
}
