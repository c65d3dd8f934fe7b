package rpc

import (
	"context"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/metric/noop"
	"google.golang.org/grpc/stats"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/internal/platform/tracecontext"
)

// serverTraces makes a span for each call but health checks.
func serverTraces(t *telemetry.Telemetry) stats.Handler {
	return otelgrpc.NewServerHandler(traceOptions(t)...)
}

// clientTraces makes a span for each call but health checks, with the verified
// id of the server that answers.
func clientTraces(t *telemetry.Telemetry) stats.Handler {
	return peerRecorder{otelgrpc.NewClientHandler(traceOptions(t)...)}
}

// traceOptions name everything that otelgrpc would take from the globals.
func traceOptions(t *telemetry.Telemetry) []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(t.TracerProvider()),
		otelgrpc.WithMeterProvider(noop.NewMeterProvider()),
		otelgrpc.WithPropagators(tracecontext.Propagator()),
		otelgrpc.WithFilter(func(info *stats.RPCTagInfo) bool { return !isHealth(info.FullMethodName) }),
	}
}

// peerRecorder adds the server's id once the call has a connection. Only a stats
// handler sees both the client span and the connection.
type peerRecorder struct {
	stats.Handler
}

// HandleRPC implements stats.Handler.
func (r peerRecorder) HandleRPC(ctx context.Context, event stats.RPCStats) {
	if header, ok := event.(*stats.OutHeader); ok && !isHealth(header.FullMethod) {
		recordPeer(ctx)
	}
	r.Handler.HandleRPC(ctx, event)
}
