package cli_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

func runningUpdate() *lifecyclev1.Operation {
	return &lifecyclev1.Operation{
		OperationId: "op_02", Kind: "update_site", ObjectId: "site_01",
		State: lifecyclev1.OperationState_OPERATION_STATE_WAITING, Step: "publish", FailedAttempts: 2,
		Reason: "EDGE_NOT_PROVEN", Message: hostile, TraceId: "4bf92f3577b34da6a3ce929d0e0e4736", CreateTime: ago(time.Minute),
	}
}

func endedUpdate() *lifecyclev1.Operation {
	return &lifecyclev1.Operation{
		OperationId: "op_02", Kind: "update_site", ObjectId: "site_01",
		State: lifecyclev1.OperationState_OPERATION_STATE_CANCELLED, CreateTime: ago(time.Minute), EndTime: ago(time.Second),
	}
}

func TestOperation(t *testing.T) {
	for _, format := range []string{"table", "json"} {
		r := setup(t)
		r.operations.operation = runningUpdate()
		r.golden("op_get."+format, cli.ExitOK, "op", "get", "op_02", "-o", format)
		r.golden("op_cancel."+format, cli.ExitOK, "op", "cancel", "op_02", "-o", format)
		want := []any{
			&lifecyclev1.GetOperationRequest{OperationId: "op_02"},
			&lifecyclev1.CancelOperationRequest{OperationId: "op_02", RequestId: "new-request-id"},
		}
		if diff := cmp.Diff(want, r.sites.requests, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	}
	t.Run("of one that has ended nothing is to be followed", func(t *testing.T) {
		r := setup(t)
		r.operations.operation = endedUpdate()
		r.golden("op_get_ended", cli.ExitOK, "op", "cancel", "op_02")
	})
	t.Run("says where ids are found", func(t *testing.T) {
		r := setup(t)
		r.sites.fail = rpcerr.New(codes.NotFound, "NOT_FOUND", `operation "op_03" not found`)
		r.golden("op_missing", cli.ExitNotFound, "op", "get", "op_03")
		r.sites.fail = rpcerr.New(codes.FailedPrecondition, "PRECONDITION", "the operation has ended")
		r.golden("op_cancel_ended", cli.ExitConflict, "op", "cancel", "op_03")
	})
}
