package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/internal/platform/shrink"
	"github.com/siteplane/siteplane/internal/platform/telemetry"

	"github.com/siteplane/siteplane/services/edge-agent/internal/apply"
	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
	"github.com/siteplane/siteplane/services/edge-agent/internal/nginx"
	"github.com/siteplane/siteplane/services/edge-agent/internal/render"
	"github.com/siteplane/siteplane/services/edge-agent/internal/snapshot"
)

// Reasons of this service.
const (
	reasonStaleFence     = "STALE_FENCE"
	reasonSnapshotNeeded = "SNAPSHOT_NEEDED"
	reasonConfigRejected = "CONFIG_REJECTED"
	reasonNotProven      = "EDGE_NOT_PROVEN"
	reasonNginxDown      = "NGINX_DOWN"
	reasonWrongEdge      = "WRONG_EDGE"
	reasonSiteNotServed  = "SITE_NOT_SERVED"
	reasonHeld           = "HELD_BY_SHRINK_GUARD"
	reasonDriftHeld      = "DRIFT_HELD"
	reasonDiskFull       = "EDGE_DISK_FULL"
	reasonDiskFailed     = "EDGE_DISK_FAILED"
	reasonDraining       = "EDGE_DRAINING"
	reasonMemoryShort    = "EDGE_MEMORY_SHORT"
	reasonRollbackFailed = "ROLLBACK_FAILED"
)

const retryDelay = 5 * time.Second

type malformedError struct{ Field, Problem string }

func (e *malformedError) Error() string { return "malformed apply: " + e.Problem }

type wrongEdgeError struct{ Asked, Here string }

func (e *wrongEdgeError) Error() string {
	return fmt.Sprintf("edge %q was meant, this is %q", e.Asked, e.Here)
}

// statusOf is the one switch from errors to statuses.
func statusOf(err error) error {
	var (
		stale     *snapshot.StaleFenceError
		invalid   *render.InvalidSiteError
		rejected  *nginx.RejectedError
		notProven *nginx.NotProvenError
		missing   *nginx.MissingError
		taken     *nginx.PortTakenError
		start     *nginx.StartError
		untested  *nginx.UntestedError
		wrong     *wrongEdgeError
		malformed *malformedError
		held      *shrink.HeldError
		drift     *apply.DriftError
		draining  *apply.DrainingError
		short     *apply.MemoryError
		rollback  *apply.RollbackError
		full      *generation.FullError
		damaged   *generation.DamagedError
	)
	switch {
	case errors.As(err, &rollback):
		return rpcerr.New(codes.Unavailable, reasonRollbackFailed, err.Error(), rpcerr.RetryAfter(retryDelay))
	case errors.As(err, &stale):
		return rpcerr.New(codes.Aborted, reasonStaleFence, err.Error())
	case errors.Is(err, snapshot.ErrNeeded):
		return rpcerr.New(codes.FailedPrecondition, reasonSnapshotNeeded, "the digest does not come out of what this edge holds: send the whole snapshot")
	case errors.As(err, &held):
		return rpcerr.New(codes.FailedPrecondition, reasonHeld, err.Error(), holdDetails(held)...)
	case errors.As(err, &drift):
		return rpcerr.New(codes.FailedPrecondition, reasonDriftHeld, err.Error())
	case errors.As(err, &invalid):
		return rpcerr.New(codes.InvalidArgument, reasonConfigRejected, err.Error(),
			rpcerr.Metadata(telemetry.KeySite, invalid.SiteID), rpcerr.Violation(invalid.Field, invalid.Err.Error()))
	case errors.As(err, &rejected):
		return rpcerr.New(codes.InvalidArgument, reasonConfigRejected, err.Error())
	case errors.As(err, &notProven):
		return rpcerr.New(codes.Unavailable, reasonNotProven, err.Error(), rpcerr.RetryAfter(retryDelay))
	case errors.As(err, &missing), errors.As(err, &taken), errors.As(err, &start), errors.As(err, &untested):
		return rpcerr.New(codes.Unavailable, reasonNginxDown, err.Error(), rpcerr.RetryAfter(retryDelay))
	case errors.As(err, &draining):
		return rpcerr.New(codes.Unavailable, reasonDraining, err.Error(), rpcerr.RetryAfter(retryDelay))
	case errors.As(err, &short):
		return rpcerr.New(codes.Unavailable, reasonMemoryShort, err.Error(), rpcerr.RetryAfter(retryDelay))
	case errors.As(err, &full), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return rpcerr.New(codes.Unavailable, reasonDiskFull, err.Error(), rpcerr.RetryAfter(retryDelay))
	case errors.As(err, &damaged), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EIO), isForbiddenFile(err):
		return rpcerr.New(codes.Unavailable, reasonDiskFailed, err.Error(), rpcerr.RetryAfter(retryDelay))
	case errors.As(err, &wrong):
		return rpcerr.New(codes.InvalidArgument, reasonWrongEdge, err.Error(), rpcerr.Violation("header.edge_id", err.Error()))
	case errors.As(err, &malformed):
		return rpcerr.New(codes.InvalidArgument, rpcerr.ReasonInvalidFields, err.Error(), rpcerr.Violation(malformed.Field, malformed.Problem))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	// Statuses of the transport pass; the server turns everything else into
	// INTERNAL with a fixed text and logs it.
	return err
}

// isForbiddenFile tells whether the agent may not change one of its own files, for
// instance because somebody made it immutable.
func isForbiddenFile(err error) bool {
	ofFile := errors.As(err, new(*fs.PathError)) || errors.As(err, new(*os.LinkError))
	return ofFile && errors.Is(err, fs.ErrPermission)
}

// mostViolations is how many names a hold lists.
const mostViolations = 100

func holdDetails(held *shrink.HeldError) []rpcerr.Option {
	details := []rpcerr.Option{rpcerr.Metadata("hold_id", held.ID), rpcerr.Metadata("held_count", strconv.Itoa(held.Held)),
		rpcerr.Metadata("unexplained_count", strconv.Itoa(len(held.Names)))}
	for _, name := range held.Names[:min(mostViolations, len(held.Names))] {
		details = append(details, rpcerr.Violation(name, "would go, and no operation says why"))
	}
	return details
}

func notServed(siteID string) error {
	return rpcerr.New(codes.NotFound, reasonSiteNotServed, fmt.Sprintf("the workers do not serve site %q", siteID))
}

func unanswered(err error) error {
	return rpcerr.New(codes.Unavailable, reasonNginxDown, err.Error(), rpcerr.RetryAfter(retryDelay))
}
