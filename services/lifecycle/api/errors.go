package api

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

// failure is the one switch from errors to statuses. What it does not know is
// logged and answered with a fixed text: errors of ours are not the caller's to
// read.
func failure(ctx context.Context, logger *slog.Logger, err error) error {
	var (
		missing      *lifecycle.NotFoundError
		taken        *lifecycle.TakenError
		invalid      *lifecycle.InvalidError
		illegal      *lifecycle.IllegalTransitionError
		precondition *lifecycle.PreconditionError
		unavailable  *lifecycle.UnavailableError
		credential   *auth.CredentialError
		denied       *auth.DeniedError
		scope        *auth.ScopeError
		limit        *admin.LimitError
		suspended    *admin.SuspendedError
		inProgress   *app.InProgressError
		expired      *app.CursorError
		slow         *app.SlowReaderError
		refused      *app.JoinRefusedError
		evicted      *app.EvictedError
		cloned       *app.ClonedError
		busy         *app.BusyError
	)
	trace := rpcerr.Metadata("trace_id", tracecontext.ID(ctx))
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid):
		opts := []rpcerr.Option{trace}
		for _, v := range invalid.Violations {
			opts = append(opts, rpcerr.ViolationReason(v.Field, v.Description, v.Reason))
		}
		return rpcerr.New(codes.InvalidArgument, "INVALID_FIELDS", "the request is not valid", opts...)
	case errors.As(err, &missing):
		return rpcerr.New(codes.NotFound, "NOT_FOUND", missing.Error(), trace)
	case errors.As(err, &taken) && taken.Kind == "request id":
		return rpcerr.New(codes.AlreadyExists, "REQUEST_ID_REUSED", "the request id was used with another body", trace)
	case errors.As(err, &taken):
		return rpcerr.New(codes.AlreadyExists, "NAME_TAKEN", taken.Error(), trace)
	case errors.As(err, &illegal):
		return rpcerr.New(codes.FailedPrecondition, "ILLEGAL_TRANSITION", illegal.Error(), trace)
	case errors.As(err, &precondition):
		return rpcerr.New(codes.FailedPrecondition, "PRECONDITION", precondition.Error(), trace)
	case errors.Is(err, lifecycle.ErrLostRace), errors.Is(err, lifecycle.ErrFenced):
		return rpcerr.New(codes.Aborted, "LOST_RACE", "the object changed at the same time; read it again", trace)
	case errors.As(err, &credential):
		return rpcerr.New(codes.Unauthenticated, "BAD_CREDENTIAL", credential.Error(), trace)
	case errors.As(err, &denied):
		return rpcerr.New(codes.PermissionDenied, "NOT_ALLOWED", denied.Error(), trace)
	case errors.As(err, &scope):
		return rpcerr.New(codes.PermissionDenied, "NOT_ALLOWED", scope.Error(), trace)
	case errors.As(err, &suspended):
		return rpcerr.New(codes.PermissionDenied, "TENANT_SUSPENDED", suspended.Error(), trace)
	case errors.As(err, &limit):
		return limitReached(limit, trace)
	case errors.As(err, &inProgress):
		return rpcerr.New(codes.Aborted, "REQUEST_IN_PROGRESS", inProgress.Error(), rpcerr.RetryAfter(time.Second), trace)
	case errors.As(err, &expired):
		return rpcerr.New(codes.OutOfRange, "CURSOR_EXPIRED", expired.Error(), trace)
	case errors.As(err, &slow):
		return rpcerr.New(codes.Aborted, "SLOW_READER", slow.Error(), trace)
	case errors.As(err, &refused):
		return rpcerr.New(codes.Unauthenticated, "JOIN_TOKEN_REFUSED", refused.Error(), trace)
	case errors.As(err, &evicted):
		return rpcerr.New(codes.PermissionDenied, "EDGE_EVICTED", evicted.Error(), trace)
	case errors.As(err, &cloned):
		return rpcerr.New(codes.FailedPrecondition, "EDGE_CLONED", cloned.Error(), trace)
	case errors.As(err, &busy):
		return rpcerr.New(codes.ResourceExhausted, "LIMIT_REACHED", busy.Error(), rpcerr.RetryAfter(busy.RetryAfter), trace)
	case errors.As(err, &unavailable):
		return rpcerr.New(codes.Unavailable, "UNAVAILABLE", unavailable.What+" does not answer",
			rpcerr.RetryAfter(max(unavailable.RetryAfter, time.Second)), trace)
	case errors.Is(err, context.Canceled):
		return rpcerr.New(codes.Canceled, "CANCELED", "the caller gave up", trace)
	case errors.Is(err, context.DeadlineExceeded):
		return rpcerr.New(codes.DeadlineExceeded, "DEADLINE_EXCEEDED", "the call took longer than its deadline", trace)
	}
	logger.ErrorContext(ctx, "call failed", "error", err)
	return rpcerr.New(codes.Internal, "INTERNAL", "internal error; the trace id leads to the logs", trace)
}

// limitReached says which limit, how much is allowed and how much there is.
func limitReached(err *admin.LimitError, trace rpcerr.Option) error {
	opts := []rpcerr.Option{
		trace, rpcerr.Metadata("limit", err.Limit),
		rpcerr.Metadata("allowed", strconv.FormatInt(err.Allowed, 10)), rpcerr.Metadata("used", strconv.FormatInt(err.Used, 10)),
	}
	if err.RetryAfter > 0 {
		opts = append(opts, rpcerr.RetryAfter(err.RetryAfter))
	}
	return rpcerr.New(codes.ResourceExhausted, "LIMIT_REACHED", err.Error(), opts...)
}
