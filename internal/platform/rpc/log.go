package rpc

import (
	"context"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/siteplane/siteplane/internal/platform/telemetry"
)

// logCalls writes the access log: debug for calls that went well, info for
// others. Requests and answers are never logged.
func logCalls(logger *slog.Logger) interceptor {
	return interceptor{
		unary: func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			start := time.Now()
			resp, err := handler(ctx, req)
			logCall(ctx, logger, info.FullMethod, time.Since(start), err)
			return resp, err
		},
		stream: func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			start := time.Now()
			err := handler(srv, stream)
			logCall(stream.Context(), logger, info.FullMethod, time.Since(start), err)
			return err
		},
	}
}

func logCall(ctx context.Context, logger *slog.Logger, method string, took time.Duration, err error) {
	level := slog.LevelDebug
	if err != nil {
		level = slog.LevelInfo
	}
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String(telemetry.KeyMethod, method),
		slog.String(telemetry.KeyCode, status.Code(err).String()),
		slog.Duration(telemetry.KeyDuration, took),
	}
	if id, ok := PeerID(ctx); ok {
		attrs = append(attrs, slog.String(telemetry.KeyPeer, id))
	}
	if status.Code(err) != codes.OK {
		attrs = append(attrs, slog.String(telemetry.KeyError, status.Convert(err).Message()))
	}
	logger.LogAttrs(ctx, level, "call answered", attrs...)
}
