package telemetry_test

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/internal/platform/tracecontext"
)

func TestDiscard_has_real_trace_ids(t *testing.T) {
	ctx, span := telemetry.Discard("test").Tracer("test").Start(t.Context(), "a")
	defer span.End()
	if got := tracecontext.ID(ctx); len(got) != 32 || got != span.SpanContext().TraceID().String() {
		t.Errorf("the trace id is %q", got)
	}
}

func TestTraces_go_on_after_a_wait(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tel := start(t, telemetry.Config{Service: "lifecycle", SpanProcessors: []sdktrace.SpanProcessor{recorder}})
	ctx, first := tel.Tracer("test").Start(t.Context(), "first")
	stored := tracecontext.Parent(ctx)
	first.End()
	_, child := tel.Tracer("test").Start(tracecontext.WithParent(t.Context(), stored), "child")
	child.End()
	_, linked := tel.Tracer("test").Start(t.Context(), "linked", trace.WithNewRoot(), tracecontext.LinkTo(stored))
	linked.End()

	ended, id := recorder.Ended(), first.SpanContext().SpanID()
	if ended[1].Parent().SpanID() != id {
		t.Errorf("the parent of the child is %v", ended[1].Parent())
	}
	if links := ended[2].Links(); len(links) != 1 || links[0].SpanContext.SpanID() != id {
		t.Errorf("the links are %v", links)
	}
}
