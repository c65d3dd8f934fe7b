package api

import (
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/siteplane/siteplane/internal/platform/rpcerr"

	"github.com/siteplane/siteplane/internal/platform/hostname"
)

// retryAfter is when a caller should ask again after the backend failed.
const retryAfter = 5 * time.Second

// checkHostname is INVALID_ARGUMENT for a hostname in the wrong form.
func checkHostname(name string) error {
	err := hostname.Check(name)
	if err == nil {
		return nil
	}
	return rpcerr.New(codes.InvalidArgument, rpcerr.ReasonInvalidFields, "hostname "+err.Error(),
		rpcerr.Violation("hostname", err.Error()))
}

// unavailable is UNAVAILABLE: the zone is unknown, which is not "no zone". The
// cause stays in the log.
func unavailable(backend string) error {
	return rpcerr.New(codes.Unavailable, rpcerr.ReasonUnavailable,
		fmt.Sprintf("the %s backend could not be asked for the zone", backend), rpcerr.RetryAfter(retryAfter))
}
