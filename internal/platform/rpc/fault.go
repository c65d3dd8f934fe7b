package rpc

import (
	"context"
	"errors"
	"log/slog"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/telemetry"
	"github.com/siteplane/siteplane/internal/platform/tracecontext"
)

// internalText is all that a caller learns of a fault; the trace id leads to the
// rest.
const internalText = "internal error"

// hideFaults keeps errors that are no statuses from the wire: their texts were
// not written for callers. A service maps its errors itself; this is the net
// below.
func hideFaults(logger *slog.Logger) interceptor {
	return interceptor{
		unary: func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			resp, err := handler(ctx, req)
			return resp, hideFault(ctx, logger, info.FullMethod, err)
		},
		stream: func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			return hideFault(stream.Context(), logger, info.FullMethod, handler(srv, stream))
		},
	}
}

func hideFault(ctx context.Context, logger *slog.Logger, method string, err error) error {
	if _, ok := status.FromError(err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	logger.ErrorContext(ctx, "call failed for an unknown reason", telemetry.KeyMethod, method, telemetry.KeyError, err)
	return internalError(ctx)
}

func internalError(ctx context.Context) error {
	return rpcerr.New(codes.Internal, rpcerr.ReasonInternal, internalText,
		rpcerr.Metadata(telemetry.KeyTraceID, tracecontext.ID(ctx)))
}
