package api

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/siteplane/siteplane/internal/platform/hostname"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/shrink"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
	"github.com/siteplane/siteplane/services/tunnel/internal/fence"
)

// Reasons of this service, spelled as the diagnoses they belong to where there is
// one.
const (
	reasonStaleFence  = "STALE_FENCE"
	reasonHeld        = "HELD_BY_SHRINK_GUARD"
	reasonPermission  = "CLOUDFLARE_PERMISSION"
	reasonUnsupported = "TUNNEL_UNSUPPORTED"
)

// maxHeld is how many of the names of a hold an error carries.
const maxHeld = 100

// retryAfter is when a caller should ask again after the backend failed.
const retryAfter = 5 * time.Second

// checkHostname is INVALID_ARGUMENT for a hostname in the wrong form.
func checkHostname(name string) error {
	err := hostname.Check(name)
	if err == nil {
		return nil
	}
	return invalid(&fault.Invalid{Field: "hostname", Problem: err.Error()})
}

func invalid(err *fault.Invalid) error {
	return rpcerr.New(codes.InvalidArgument, rpcerr.ReasonInvalidFields, err.Error(), rpcerr.Violation(err.Field, err.Problem))
}

// status is the one place that says what a backend's error is on the wire. What
// it does not know is UNAVAILABLE with a fixed text: nothing is known, which is
// never "no". The cause stays in the log.
func status(backend string, err error) error {
	var (
		wrong       *fault.Invalid
		stale       *fence.Stale
		held        *shrink.HeldError
		permission  *fault.Permission
		unsupported *fault.Unsupported
		unavailable *fault.Unavailable
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return invalid(wrong)
	case errors.As(err, &stale):
		return rpcerr.New(codes.Aborted, reasonStaleFence, stale.Error())
	case errors.As(err, &held):
		return heldBack(held)
	case errors.As(err, &permission):
		return rpcerr.New(codes.FailedPrecondition, reasonPermission, permission.Error(),
			rpcerr.Metadata("permission", permission.Needed), rpcerr.Metadata("actor", "operator"),
			rpcerr.Metadata("fix", "Give the token the permission "+permission.Needed+"; nothing else is needed, the next attempt goes on."))
	case errors.As(err, &unsupported):
		return rpcerr.New(codes.FailedPrecondition, reasonUnsupported, unsupported.Error())
	case errors.As(err, &unavailable):
		return rpcerr.New(codes.Unavailable, rpcerr.ReasonUnavailable, unavailable.Error(),
			rpcerr.RetryAfter(max(unavailable.RetryAfter, retryAfter)))
	default:
		return rpcerr.New(codes.Unavailable, rpcerr.ReasonUnavailable,
			fmt.Sprintf("the %s backend could not do it", backend), rpcerr.RetryAfter(retryAfter))
	}
}

// heldBack is FAILED_PRECONDITION with the names that would go.
func heldBack(held *shrink.HeldError) error {
	opts := []rpcerr.Option{
		rpcerr.Metadata("hold_id", held.ID),
		rpcerr.Metadata("held_count", strconv.Itoa(held.Held)),
		rpcerr.Metadata("unexplained_count", strconv.Itoa(len(held.Names))),
		rpcerr.Metadata("actor", "operator"),
		rpcerr.Metadata("fix", "Find out why they would go; if they shall, run `siteplane hold confirm "+held.ID+"`."),
	}
	for _, name := range held.Names[:min(len(held.Names), maxHeld)] {
		opts = append(opts, rpcerr.Violation(name, "would go, and no operation says why"))
	}
	return rpcerr.New(codes.FailedPrecondition, reasonHeld, held.Error(), opts...)
}
