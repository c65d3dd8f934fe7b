package rpc

import (
	"context"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// recoverPanics answers a panicking call with INTERNAL and logs the stack.
func recoverPanics(logger *slog.Logger) interceptor {
	return interceptor{
		unary: func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
			defer func() {
				if p := recover(); p != nil {
					resp, err = nil, panicked(ctx, logger, info.FullMethod, p)
				}
			}()
			return handler(ctx, req)
		},
		stream: func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
			defer func() {
				if p := recover(); p != nil {
					err = panicked(stream.Context(), logger, info.FullMethod, p)
				}
			}()
			return handler(srv, stream)
		},
	}
}

func panicked(ctx context.Context, logger *slog.Logger, method string, p any) error {
	logger.ErrorContext(ctx, "call panicked",
		telemetry.KeyMethod, method, telemetry.KeyError, p, "stack", string(debug.Stack()))
	return internalError(ctx)
}
