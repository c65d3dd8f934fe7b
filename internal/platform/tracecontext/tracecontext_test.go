package tracecontext_test

import (
	"context"
	"regexp"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
)

func recorded() (trace.Tracer, *tracetest.SpanRecorder) {
	recorder := tracetest.NewSpanRecorder()
	return sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("test"), recorder
}

func TestParent_goes_on_with_the_trace(t *testing.T) {
	tracer, recorder := recorded()
	ctx, first := tracer.Start(t.Context(), "first")
	stored := tracecontext.Parent(ctx)
	first.End()
	if !regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-01$`).MatchString(stored) {
		t.Fatalf("Parent = %q", stored)
	}

	_, second := tracer.Start(tracecontext.WithParent(context.Background(), stored), "second")
	second.End()
	child := recorder.Ended()[1]
	if child.Parent().SpanID() != first.SpanContext().SpanID() || child.SpanContext().TraceID() != first.SpanContext().TraceID() {
		t.Errorf("parent is %v, want the first span", child.Parent())
	}
	if !child.Parent().IsRemote() {
		t.Error("the parent is not remote")
	}
}

func TestID(t *testing.T) {
	tracer, _ := recorded()
	ctx, span := tracer.Start(t.Context(), "a")
	defer span.End()
	want := span.SpanContext().TraceID().String()
	if got := tracecontext.ID(ctx); got != want {
		t.Errorf("ID = %q, want %q", got, want)
	}
	if got := tracecontext.IDOf(tracecontext.Parent(ctx)); got != want {
		t.Errorf("IDOf = %q, want %q", got, want)
	}
}

func TestOutside_a_trace_all_is_empty(t *testing.T) {
	if got := tracecontext.ID(t.Context()); got != "" {
		t.Errorf("ID = %q", got)
	}
	if got := tracecontext.Parent(t.Context()); got != "" {
		t.Errorf("Parent = %q", got)
	}
}

func TestLinkTo_with_a_new_root_starts_a_linked_trace(t *testing.T) {
	tracer, recorder := recorded()
	ctx, first := tracer.Start(t.Context(), "first")
	_, second := tracer.Start(ctx, "second", trace.WithNewRoot(), tracecontext.LinkTo(tracecontext.Parent(ctx)))
	second.End()
	got := recorder.Ended()[0]
	if got.SpanContext().TraceID() == first.SpanContext().TraceID() || got.Parent().IsValid() {
		t.Error("the span went on with the old trace")
	}
	if len(got.Links()) != 1 || got.Links()[0].SpanContext.SpanID() != first.SpanContext().SpanID() {
		t.Errorf("links are %v, want one to the first span", got.Links())
	}
}

func TestMalformed_traceparents_are_ignored(t *testing.T) {
	tracer, recorder := recorded()
	for _, stored := range []string{"", "nonsense", "00-0-0-01", "00-00000000000000000000000000000000-0000000000000000-01"} {
		if ctx := tracecontext.WithParent(t.Context(), stored); ctx != t.Context() {
			t.Errorf("WithParent(%q) made another context", stored)
		}
		if got := tracecontext.IDOf(stored); got != "" {
			t.Errorf("IDOf(%q) = %q", stored, got)
		}
		_, span := tracer.Start(t.Context(), "a", tracecontext.LinkTo(stored))
		span.End()
		ended := recorder.Ended()
		if links := ended[len(ended)-1].Links(); len(links) != 0 {
			t.Errorf("LinkTo(%q) made the links %v", stored, links)
		}
	}
}
