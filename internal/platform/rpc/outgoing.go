package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/siteplane/siteplane/internal/platform/deadline"
)

// outgoing applies the deadline rule to the calls of a connection.
type outgoing struct {
	unaryLimit time.Duration
}

func (o outgoing) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx, cancel := deadline.Outgoing(ctx, o.unaryLimit)
	defer cancel()
	return invoke(ctx, method, req, reply, cc, opts...)
}

// stream leaves a stream without a deadline as it is.
func (o outgoing) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if _, ok := ctx.Deadline(); !ok {
		return open(ctx, desc, cc, method, opts...)
	}
	ctx, cancel := deadline.Outgoing(ctx, o.unaryLimit)
	stream, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		cancel()
		return nil, err
	}
	// The stream's own context ends with the call, and so frees the timer.
	context.AfterFunc(stream.Context(), cancel)
	return stream, nil
}
