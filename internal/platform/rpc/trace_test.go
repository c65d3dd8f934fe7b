package rpc_test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/siteplane/siteplane/internal/platform/rpc"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/internal/platform/tracecontext"
)

func attribute(span sdktrace.ReadOnlySpan, key string) string {
	for _, a := range span.Attributes() {
		if string(a.Key) == key {
			return a.Value.String()
		}
	}
	return ""
}

func TestTraces_of_a_call(t *testing.T) {
	for _, shape := range []string{"unary", "stream"} {
		t.Run(shape, func(t *testing.T) {
			clientTel, clientSpans := recorded(t, "lifecycle")
			serverTel, serverSpans := recorded(t, "items")
			inHandler := make(chan string, 1)
			server := start(t, &items{
				put:    func(ctx context.Context, _ proto.Message) error { inHandler <- tracecontext.ID(ctx); return nil },
				putAll: func(s grpc.ServerStream) error { inHandler <- tracecontext.ID(s.Context()); return nil },
			}, rpc.ServerConfig{Telemetry: serverTel})
			conn := server.dialWith(t, rpc.DialConfig{Telemetry: clientTel})

			ctx, root := clientTel.Tracer("test").Start(t.Context(), "operation")
			if err := endOfStream(call(ctx, conn, shape)); err != nil {
				t.Fatal(err)
			}
			root.End()
			_ = conn.Close()
			server.stop(t)

			client, served := clientSpans.Ended()[0], serverSpans.Ended()[0]
			if client.SpanKind() != trace.SpanKindClient || served.SpanKind() != trace.SpanKindServer {
				t.Fatalf("kinds are %v and %v", client.SpanKind(), served.SpanKind())
			}
			if got := attribute(client, telemetry.KeySpanPeer); got != "spiffe://siteplane.test"+serverPath {
				t.Errorf("the client span names the server %q", got)
			}
			if got := attribute(served, telemetry.KeySpanPeer); got != "spiffe://siteplane.test"+lifecyclePath {
				t.Errorf("the server span names the caller %q", got)
			}
			if client.Parent().SpanID() != root.SpanContext().SpanID() || served.Parent().SpanID() != client.SpanContext().SpanID() {
				t.Error("the spans are no chain of root, client and server")
			}
			if got := <-inHandler; got != root.SpanContext().TraceID().String() {
				t.Errorf("the handler is in trace %s, want %s", got, root.SpanContext().TraceID())
			}
		})
	}
}

func TestTraces_name_a_denied_caller(t *testing.T) {
	tel, spans := recorded(t, "items")
	server := start(t, &items{}, rpc.ServerConfig{Telemetry: tel})
	if err := put(t.Context(), server.dial(t, "/service/other"), "a"); status.Code(err) != codes.PermissionDenied {
		t.Fatal(err)
	}
	server.stop(t)
	if got := attribute(spans.Ended()[0], telemetry.KeySpanPeer); got != "spiffe://siteplane.test/service/other" {
		t.Errorf("the server span names %q", got)
	}
}

// Health checks make no spans, and do not touch the span they are made in.
func TestTraces_leave_health_checks_out(t *testing.T) {
	clientTel, clientSpans := recorded(t, "lifecycle")
	serverTel, serverSpans := recorded(t, "items")
	server := start(t, &items{}, rpc.ServerConfig{Telemetry: serverTel})
	ctx, span := clientTel.Tracer("test").Start(t.Context(), "watchdog")
	if err := checkHealth(ctx, server.dialWith(t, rpc.DialConfig{Telemetry: clientTel})); err != nil {
		t.Fatal(err)
	}
	span.End()
	server.stop(t)
	if got := serverSpans.Started(); len(got) != 0 {
		t.Errorf("the server made %d spans", len(got))
	}
	ended := clientSpans.Ended()
	if len(ended) != 1 || attribute(ended[0], telemetry.KeySpanPeer) != "" {
		t.Errorf("the client ended %d spans, the first names %q", len(ended), attribute(ended[0], telemetry.KeySpanPeer))
	}
}

// Four services may share a process: none may set what all would use.
func TestTraces_leave_the_globals_alone(t *testing.T) {
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	tel, _ := recorded(t, "items")
	server := start(t, &items{}, rpc.ServerConfig{Telemetry: tel})
	if err := put(t.Context(), server.dial(t, lifecyclePath), "a"); err != nil {
		t.Fatal(err)
	}
	if otel.GetTracerProvider() != provider || otel.GetTextMapPropagator() != propagator {
		t.Error("a global of OpenTelemetry changed")
	}
}
