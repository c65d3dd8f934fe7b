// Package deadline owns the rule for the time that an outgoing call may take:
// every call has a deadline, and each hop keeps a little of the time it was
// given, so that the caller still hears why the callee gave up.
//
// It knows no transport: the gRPC client interceptors and HTTP clients share it.
package deadline

import (
	"context"
	"time"
)

// DefaultLimit is the time a call gets when nobody set a deadline.
const DefaultLimit = 30 * time.Second

// largestMargin and marginDivisor say how much of the remaining time a hop
// keeps: 2 % of it, at most 50 ms.
const (
	largestMargin = 50 * time.Millisecond
	marginDivisor = 50
)

// Outgoing returns the context for one outgoing call: with the caller's
// deadline moved forward by 2 % of the remaining time or 50 ms, whichever is
// less; or with the given limit when there is no deadline. The cancel function
// must be called when the call is over.
func Outgoing(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithTimeout(ctx, limit)
	}
	return context.WithDeadline(ctx, end.Add(-margin(time.Until(end))))
}

// margin is what a hop keeps of the remaining time.
func margin(remaining time.Duration) time.Duration {
	return max(0, min(remaining/marginDivisor, largestMargin))
}
