package rpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/siteplane/siteplane/internal/platform/deadline"
)

// limitTime gives a unary call that has no deadline the default one. Streams may
// live as long as their caller.
func limitTime() interceptor {
	return interceptor{
		unary: func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if _, ok := ctx.Deadline(); ok {
				return handler(ctx, req)
			}
			ctx, cancel := context.WithTimeout(ctx, deadline.DefaultLimit)
			defer cancel()
			return handler(ctx, req)
		},
	}
}
