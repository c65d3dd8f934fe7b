package telemetry_test

import (
	"context"
	"net"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

// collector is an OTLP collector on loopback, without TLS.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	addr     string
	received chan *tracepb.ResourceSpans
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	listener := listen(t, "127.0.0.1:0")
	c := &collector{addr: listener.Addr().String(), received: make(chan *tracepb.ResourceSpans, 100)}
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return c
}

func (c *collector) Export(_ context.Context, req *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	for _, spans := range req.GetResourceSpans() {
		c.received <- spans
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// next waits for spans, and returns them with the service that sent them.
func (c *collector) next(t *testing.T) (service string, spans []*tracepb.Span) {
	t.Helper()
	select {
	case got := <-c.received:
		for _, attr := range got.GetResource().GetAttributes() {
			if attr.GetKey() == "service.name" {
				service = attr.GetValue().GetStringValue()
			}
		}
		for _, scope := range got.GetScopeSpans() {
			spans = append(spans, scope.GetSpans()...)
		}
	case <-time.After(patience):
		t.Fatal("the collector received nothing")
	}
	return service, spans
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}
