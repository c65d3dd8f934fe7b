package telemetry_test

import (
	"context"
	"regexp"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

func recorded(t *testing.T) (*telemetry.Telemetry, *tracetest.SpanRecorder) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	return start(t, telemetry.Config{Service: "lifecycle", SpanProcessors: []sdktrace.SpanProcessor{recorder}}), recorder
}

func TestTraceID(t *testing.T) {
	if got := telemetry.TraceID(t.Context()); got != "" {
		t.Errorf("outside a span TraceID = %q", got)
	}
	ctx, span := telemetry.Discard("test").Tracer("test").Start(t.Context(), "a")
	defer span.End()
	if got := telemetry.TraceID(ctx); got != span.SpanContext().TraceID().String() || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(got) {
		t.Errorf("TraceID = %q", got)
	}
}

func TestTraceParent_goes_on_with_the_trace(t *testing.T) {
	tel, recorder := recorded(t)
	ctx, first := tel.Tracer("test").Start(t.Context(), "first")
	stored := telemetry.TraceParent(ctx)
	first.End()
	if !regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`).MatchString(stored) {
		t.Fatalf("TraceParent = %q", stored)
	}

	_, second := tel.Tracer("test").Start(telemetry.WithTraceParent(context.Background(), stored), "second")
	second.End()
	child := recorder.Ended()[1]
	if child.Parent().SpanID() != first.SpanContext().SpanID() || child.SpanContext().TraceID() != first.SpanContext().TraceID() {
		t.Errorf("parent is %v, want the first span", child.Parent())
	}
	if !child.Parent().IsRemote() {
		t.Error("the parent is not remote")
	}
}

func TestTraceParent_outside_a_span_is_empty(t *testing.T) {
	if got := telemetry.TraceParent(t.Context()); got != "" {
		t.Errorf("TraceParent = %q", got)
	}
}

func TestStartLinked_starts_a_new_trace_that_links_to_the_stored_one(t *testing.T) {
	tel, recorder := recorded(t)
	tracer := tel.Tracer("test")
	ctx, first := tracer.Start(t.Context(), "first")
	_, second := telemetry.StartLinked(ctx, tracer, "second", telemetry.TraceParent(ctx), trace.WithSpanKind(trace.SpanKindConsumer))
	second.End()
	first.End()
	got := recorder.Ended()[0]
	if got.SpanContext().TraceID() == first.SpanContext().TraceID() || got.Parent().IsValid() {
		t.Error("the span went on with the old trace")
	}
	if len(got.Links()) != 1 || got.Links()[0].SpanContext.SpanID() != first.SpanContext().SpanID() {
		t.Errorf("links are %v, want one to the first span", got.Links())
	}
	if got.SpanKind() != trace.SpanKindConsumer {
		t.Errorf("kind is %v: the caller's options are lost", got.SpanKind())
	}
}

func TestTraceParent_malformed_is_ignored(t *testing.T) {
	tel, recorder := recorded(t)
	for _, stored := range []string{"", "nonsense", "00-0-0-01", "00-00000000000000000000000000000000-0000000000000000-01"} {
		if ctx := telemetry.WithTraceParent(t.Context(), stored); ctx != t.Context() {
			t.Errorf("WithTraceParent(%q) made another context", stored)
		}
		_, span := tel.Tracer("test").Start(t.Context(), "a", telemetry.LinkTo(stored))
		span.End()
		ended := recorder.Ended()
		if links := ended[len(ended)-1].Links(); len(links) != 0 {
			t.Errorf("LinkTo(%q) made the links %v", stored, links)
		}
	}
}
