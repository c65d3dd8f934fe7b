package app

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// GetOperation returns an operation of what the caller knows, ended ones included.
// Any other is a *lifecycle.NotFoundError.
func (c *ControlPlane) GetOperation(ctx context.Context, by auth.Principal, opID id.Operation) (op saga.Operation, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		op, _, err = operationOf(ctx, tx, by, opID)
		return err
	})
	return op, err
}

// CancelOperation takes an operation back. One that is on its way back already is
// returned as it is. Refusals are *lifecycle.PreconditionError.
func (c *ControlPlane) CancelOperation(ctx context.Context, by auth.Principal, opID id.Operation, request RequestID) (saga.Operation, error) {
	return mutate(ctx, c, ask{by: by, action: "CancelOperation", request: request, body: opID}, func(tx store.Tx, r *record) (saga.Operation, error) {
		op, on, err := operationOf(ctx, tx, by, opID)
		if err != nil {
			return op, err
		}
		was := op.State
		r.object, r.site, r.before = string(opID), on, auditedOperation(op)
		if op, err = reconcile.CancelOperation(ctx, tx, op, c.cause(ctx, by, opID, "cancelled by its tenant")); err != nil {
			return op, err
		}
		r.after = auditedOperation(op)
		if op.State != was {
			r.event, r.data = event.OperationCancelled, auditedOperation(op)
		}
		return op, nil
	})
}

// auditOperation is what the audit keeps of an operation.
type auditOperation struct {
	Kind     string     `json:"kind"`
	ObjectID string     `json:"object_id"`
	State    saga.State `json:"state"`
}

func auditedOperation(op saga.Operation) auditOperation {
	return auditOperation{Kind: op.Kind, ObjectID: op.ObjectID, State: op.State}
}
