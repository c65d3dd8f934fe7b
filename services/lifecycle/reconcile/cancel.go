package reconcile

import (
	"context"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// cancellable are the operations that can be taken back. The others take something
// away, and a status that went before infrastructure does not return.
var cancellable = []string{CreateSite, UpdateSite, ActivateDomain}

// CancelOperation sends an operation on its way back; it ends CANCELLED. One that
// is on its way back already is returned as it is. Errors:
// *lifecycle.PreconditionError when it has ended or cannot be taken back.
func CancelOperation(ctx context.Context, tx store.Tx, op saga.Operation, cause lifecycle.Cause) (saga.Operation, error) {
	switch {
	case op.State.Terminal():
		return op, &lifecycle.PreconditionError{Message: "the operation has ended " + string(op.State)}
	case !slices.Contains(cancellable, op.Kind):
		return op, &lifecycle.PreconditionError{Message: op.Kind + " takes something away and cannot be taken back"}
	}
	return saga.TakeBack(ctx, tx, op, "cancelled by "+cause.Actor, cause.At)
}
