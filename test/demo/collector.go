package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"sync"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// collector receives traces over OTLP/gRPC, as an operator's would.
type collector struct {
	collectorpb.UnimplementedTraceServiceServer
	address string
	server  *grpc.Server
	serving sync.WaitGroup

	mu sync.Mutex
	// traces holds what was received by trace id in hex.
	traces map[string][]span
}

// span is one span and the service.name of the resource that it came from.
type span struct {
	*tracepb.Span
	service string
}

func startCollector(ctx context.Context) (*collector, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the trace collector: %w", err)
	}
	c := &collector{address: listener.Addr().String(), server: grpc.NewServer(), traces: map[string][]span{}}
	collectorpb.RegisterTraceServiceServer(c.server, c)
	c.serving.Go(func() {
		// It ends when it is stopped; a trace that never comes is a check's to tell.
		_ = c.server.Serve(listener)
	})
	return c, nil
}

// Export takes a batch of spans.
func (c *collector) Export(_ context.Context, batch *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range batch.GetResourceSpans() {
		service := attribute(resource.GetResource().GetAttributes(), "service.name")
		for _, scope := range resource.GetScopeSpans() {
			for _, received := range scope.GetSpans() {
				id := hex.EncodeToString(received.GetTraceId())
				c.traces[id] = append(c.traces[id], span{Span: received, service: service})
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// trace returns what was received of a trace until now.
func (c *collector) trace(id string) []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.traces[id])
}

func (c *collector) stop() {
	c.server.Stop()
	c.serving.Wait()
}

// attribute returns a string attribute, empty when there is none.
func attribute(attributes []*commonpb.KeyValue, key string) string {
	for _, a := range attributes {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}
