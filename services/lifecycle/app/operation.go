package app

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// GetOperation returns an operation of the caller's tenant, ended ones included.
// Any other is a *lifecycle.NotFoundError.
func (c *ControlPlane) GetOperation(ctx context.Context, by auth.Principal, opID id.Operation) (op saga.Operation, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		op, err = operationOf(ctx, tx, by.TenantID, opID)
		return err
	})
	return op, err
}

// CancelOperation takes an operation back. One that is on its way back already is
// returned as it is. Refusals are *lifecycle.PreconditionError.
func (c *ControlPlane) CancelOperation(ctx context.Context, by auth.Principal, opID id.Operation) (op saga.Operation, err error) {
	err = c.store.Update(ctx, func(tx store.Tx) error {
		if op, err = operationOf(ctx, tx, by.TenantID, opID); err != nil {
			return err
		}
		op, err = reconcile.CancelOperation(ctx, tx, op, c.cause(ctx, by, opID, "cancelled by its tenant"))
		return err
	})
	return op, err
}

// operationOf reads an operation of a tenant.
func operationOf(ctx context.Context, tx store.Tx, tenant id.Tenant, opID id.Operation) (saga.Operation, error) {
	op, err := tx.GetOperation(ctx, opID)
	if err != nil {
		return saga.Operation{}, err
	}
	if op.TenantID != tenant {
		return saga.Operation{}, &lifecycle.NotFoundError{Kind: "operation", ID: string(opID)}
	}
	return op, nil
}
