package rpc

import (
	"context"

	"google.golang.org/grpc"
)

// authorize asks the authorizer before anything looks at the request.
func authorize(authorizer Authorizer) interceptor {
	return interceptor{
		unary: func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			ctx, err := decide(ctx, authorizer, info.FullMethod)
			if err != nil {
				return nil, err
			}
			return handler(ctx, req)
		},
		stream: func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			ctx, err := decide(stream.Context(), authorizer, info.FullMethod)
			if err != nil {
				return err
			}
			return handler(srv, streamWithContext{stream, ctx})
		},
	}
}

// decide records the caller on the server span, whatever the decision.
func decide(ctx context.Context, authorizer Authorizer, fullMethod string) (context.Context, error) {
	if !isHealth(fullMethod) {
		recordPeer(ctx)
	}
	return authorizer.Authorize(ctx, fullMethod)
}
