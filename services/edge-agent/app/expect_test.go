package app_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/status"

	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

// wantReason expects a status with code and reason whose message holds every
// part.
func wantReason(t *testing.T, err error, code, reason string, parts ...string) {
	t.Helper()
	if status.Code(err).String() != code || rpcerr.Reason(err) != reason {
		t.Fatalf("got %v (reason %q), want %s with reason %s", err, rpcerr.Reason(err), code, reason)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("message %q lacks %q", err, part)
		}
	}
}
