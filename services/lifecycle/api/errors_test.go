package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
)

func TestFailure(t *testing.T) {
	tests := map[string]struct {
		err    error
		code   codes.Code
		reason string
		logged bool
	}{
		"invalid":                {&lifecycle.InvalidError{Violations: []lifecycle.Violation{{Field: "a", Description: "b"}}}, codes.InvalidArgument, "INVALID_FIELDS", false},
		"not found":              {&lifecycle.NotFoundError{Kind: "site", ID: "site_1"}, codes.NotFound, "NOT_FOUND", false},
		"a slug taken":           {&lifecycle.TakenError{Kind: "slug", Name: "shop"}, codes.AlreadyExists, "NAME_TAKEN", false},
		"a hostname taken":       {&lifecycle.TakenError{Kind: "hostname", Name: "a.example"}, codes.AlreadyExists, "NAME_TAKEN", false},
		"a request id reused":    {&lifecycle.TakenError{Kind: "request id", Name: "1"}, codes.AlreadyExists, "REQUEST_ID_REUSED", false},
		"an illegal transition":  {&lifecycle.IllegalTransitionError{Machine: "site", From: "ACTIVE", Event: "retry"}, codes.FailedPrecondition, "ILLEGAL_TRANSITION", false},
		"a tenant's name taken":  {&lifecycle.TakenError{Kind: "tenant", Name: "acme"}, codes.AlreadyExists, "NAME_TAKEN", false},
		"something to do first":  {&lifecycle.PreconditionError{Message: "name another primary"}, codes.FailedPrecondition, "PRECONDITION", false},
		"a lost race":            {lifecycle.ErrLostRace, codes.Aborted, "LOST_RACE", false},
		"a lost lease":           {lifecycle.ErrFenced, codes.Aborted, "LOST_RACE", false},
		"a bad credential":       {&auth.CredentialError{}, codes.Unauthenticated, "BAD_CREDENTIAL", false},
		"a missing role":         {&auth.DeniedError{Has: auth.Viewer, Demands: auth.Operator}, codes.PermissionDenied, "NOT_ALLOWED", false},
		"no database":            {&lifecycle.UnavailableError{What: "database", RetryAfter: 3 * time.Second, Err: errors.New("disk /secret")}, codes.Unavailable, "UNAVAILABLE", false},
		"a limit reached":        {&admin.LimitError{Limit: "sites", Allowed: 3, Used: 4}, codes.ResourceExhausted, "LIMIT_REACHED", false},
		"a suspended tenant":     {&admin.SuspendedError{Reason: "unpaid"}, codes.PermissionDenied, "TENANT_SUSPENDED", false},
		"a key for single sites": {&auth.ScopeError{}, codes.PermissionDenied, "NOT_ALLOWED", false},
		"the first at work":      {&app.InProgressError{ID: "1"}, codes.Aborted, "REQUEST_IN_PROGRESS", false},
		"a cursor too old":       {&app.CursorError{}, codes.OutOfRange, "CURSOR_EXPIRED", false},
		"a slow reader":          {&app.SlowReaderError{Waited: time.Second}, codes.Aborted, "SLOW_READER", false},
		"a join token refused":   {&app.JoinRefusedError{}, codes.Unauthenticated, "JOIN_TOKEN_REFUSED", false},
		"an evicted edge":        {&app.EvictedError{EdgeID: "edge_1"}, codes.PermissionDenied, "EDGE_EVICTED", false},
		"a cloned edge":          {&app.ClonedError{EdgeID: "edge_1"}, codes.FailedPrecondition, "EDGE_CLONED", false},
		"too many tries":         {&app.BusyError{RetryAfter: time.Second}, codes.ResourceExhausted, "LIMIT_REACHED", false},
		"a caller that left":     {context.Canceled, codes.Canceled, "CANCELED", false},
		"a deadline":             {context.DeadlineExceeded, codes.DeadlineExceeded, "DEADLINE_EXCEEDED", false},
		"anything else":          {errors.New("password is hunter2"), codes.Internal, "INTERNAL", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, err := range []error{tt.err, fmt.Errorf("read the site: %w", tt.err), errors.Join(errors.New("and"), tt.err)} {
				var log bytes.Buffer
				got := failure(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), err)
				if status.Code(got) != tt.code || rpcerr.Reason(got) != tt.reason {
					t.Errorf("%v gives %v with reason %q, want %s %s", err, got, rpcerr.Reason(got), tt.code, tt.reason)
				}
				if strings.Contains(got.Error(), "hunter2") || strings.Contains(got.Error(), "/secret") {
					t.Errorf("the caller reads %v", got)
				}
				if logged := log.Len() > 0; logged != tt.logged {
					t.Errorf("logged %q", log.String())
				}
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		if err := failure(t.Context(), slog.New(slog.DiscardHandler), nil); err != nil {
			t.Errorf("got %v", err)
		}
	})
	t.Run("every field that is wrong", func(t *testing.T) {
		v := lifecycle.Violations{{Field: "a", Description: "is wrong"}, {Field: "b.c", Description: "is too long", Reason: "NAME_INVALID"}}
		got := rpcerr.Violations(failure(t.Context(), slog.New(slog.DiscardHandler), v.Err()))
		if len(got) != 2 || got[0].Field != "a" || got[1].Field != "b.c" || got[1].Description != "is too long" ||
			got[0].Reason != "" || got[1].Reason != "NAME_INVALID" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("what to do first, in full", func(t *testing.T) {
		err := failure(t.Context(), slog.New(slog.DiscardHandler), &lifecycle.PreconditionError{Message: "name another primary"})
		if got := status.Convert(err).Message(); got != "name another primary" {
			t.Errorf("the caller reads %q", got)
		}
	})
	t.Run("when to come back", func(t *testing.T) {
		for after, want := range map[time.Duration]time.Duration{0: time.Second, 3 * time.Second: 3 * time.Second} {
			err := failure(t.Context(), slog.New(slog.DiscardHandler), &lifecycle.UnavailableError{What: "database", RetryAfter: after, Err: errors.New("x")})
			if got, ok := rpcerr.RetryDelay(err); !ok || got != want {
				t.Errorf("retry after %s, want %s", got, want)
			}
		}
	})
	t.Run("which limit, and when to come back", func(t *testing.T) {
		err := failure(t.Context(), slog.New(slog.DiscardHandler), &admin.LimitError{Limit: "sites", Allowed: 3, Used: 4})
		if m := rpcerr.MetadataOf(err); m["limit"] != "sites" || m["allowed"] != "3" || m["used"] != "4" {
			t.Errorf("the metadata is %v", m)
		}
		if after, ok := rpcerr.RetryDelay(err); ok {
			t.Errorf("waiting %s is of no use", after)
		}
		for _, err := range []error{&admin.LimitError{RetryAfter: 2 * time.Second}, &app.InProgressError{}} {
			if after, ok := rpcerr.RetryDelay(failure(t.Context(), slog.New(slog.DiscardHandler), err)); !ok || after <= 0 {
				t.Errorf("%v: retry after %s", err, after)
			}
		}
	})
	t.Run("every documented reason", func(t *testing.T) {
		given := map[string]bool{"UNSPECIFIED": true} // never sent
		for _, tt := range tests {
			given[tt.reason] = true
		}
		for name := range lifecyclev1.ErrorReason_value {
			if reason := strings.TrimPrefix(name, "ERROR_REASON_"); !given[reason] {
				t.Errorf("no error gives %s", reason)
			}
		}
	})
	t.Run("with a status of HTTP that says whose fault it is", func(t *testing.T) {
		theirs := map[codes.Code]int{
			codes.InvalidArgument: 400, codes.FailedPrecondition: 400, codes.OutOfRange: 400, codes.Unauthenticated: 401, codes.PermissionDenied: 403,
			codes.NotFound: 404, codes.AlreadyExists: 409, codes.Aborted: 409, codes.ResourceExhausted: 429, codes.Canceled: 499,
			codes.Internal: 500, codes.Unavailable: 503, codes.DeadlineExceeded: 504,
		}
		for name, tt := range tests {
			if got := runtime.HTTPStatusFromCode(tt.code); got != theirs[tt.code] {
				t.Errorf("%s is answered %d, want %d", name, got, theirs[tt.code])
			}
		}
	})
	t.Run("only documented reasons", func(t *testing.T) {
		transport := map[string]bool{"CANCELED": true, "DEADLINE_EXCEEDED": true} // of every gRPC call
		enrolment := map[string]bool{"JOIN_TOKEN_REFUSED": true, "EDGE_EVICTED": true, "EDGE_CLONED": true}
		for _, tt := range tests {
			if _, ok := lifecyclev1.ErrorReason_value["ERROR_REASON_"+tt.reason]; !ok && !transport[tt.reason] && !enrolment[tt.reason] {
				t.Errorf("%s is not in the enum of reasons", tt.reason)
			}
		}
	})
}
