package rpc

import (
	"context"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
)

// interceptor is one concern, for both shapes of calls.
type interceptor struct {
	unary  grpc.UnaryServerInterceptor
	stream grpc.StreamServerInterceptor
}

// interceptors returns the built-in ones, outermost first.
func (c ServerConfig) interceptors(validator protovalidate.Validator) []interceptor {
	logger := c.Telemetry.Logger()
	return []interceptor{
		logCalls(logger),
		recoverPanics(logger),
		hideFaults(logger),
		limitTime(),
		authorize(c.Authorizer),
		validateRequests(validator),
	}
}

// split separates the two chains, in the same order.
func split(all []interceptor) (unary []grpc.UnaryServerInterceptor, stream []grpc.StreamServerInterceptor) {
	for _, i := range all {
		if i.unary != nil {
			unary = append(unary, i.unary)
		}
		if i.stream != nil {
			stream = append(stream, i.stream)
		}
	}
	return unary, stream
}

// streamWithContext is a stream whose handler sees another context.
type streamWithContext struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (s streamWithContext) Context() context.Context {
	return s.ctx
}
