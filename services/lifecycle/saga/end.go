package saga

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Cancel ends the active operation of an object at once, if there is one, because
// another takes the object, and fences whoever works on it.
func Cancel(ctx context.Context, tx Tx, kind worker.Kind, objectID, reason string, at time.Time) error {
	if err := tx.FenceWork(ctx, kind, objectID); err != nil {
		return err
	}
	op, ok, err := tx.ActiveOperation(ctx, objectID)
	if err != nil || !ok {
		return err
	}
	op.State, op.Reason, op.Message = Cancelled, ReasonCancelled, reason
	op.UpdatedAt, op.EndedAt = at, at
	return tx.UpdateOperation(ctx, op)
}

// TakeBack sends an operation on its way back and fences whoever works on it: what
// it made is undone, and then it ends CANCELLED. One that has ended, or is on its
// way back already, stays as it is.
func TakeBack(ctx context.Context, tx Tx, op Operation, reason string, at time.Time) (Operation, error) {
	if op.State.Terminal() || op.State == Compensating {
		return op, nil
	}
	if err := tx.FenceWork(ctx, op.ObjectKind, op.ObjectID); err != nil {
		return op, err
	}
	op.State, op.Reason, op.Message = Compensating, ReasonCancelled, reason
	op.FailedAttempts, op.CompensatingSince, op.UpdatedAt = 0, at, at
	if err := tx.UpdateOperation(ctx, op); err != nil {
		return op, err
	}
	return op, tx.MarkWork(ctx, worker.Mark{
		Kind: op.ObjectKind, Key: op.ObjectID, TenantID: string(op.TenantID), DueAt: at, TraceParent: op.TraceParent,
	})
}

// Park ends an operation that cannot be walked any further, with what is to be
// looked at in its message. Its object is moved as by a failure if it lets itself
// be moved; whatever was made stays.
func (e *Engine[T]) Park(ctx context.Context, w worker.Work, op Operation, reason, message string) error {
	e.Logger.ErrorContext(ctx, "operation parked", "operation_id", op.ID, "operation", op.Kind, "reason", reason, "message", message)
	op.State, op.Reason, op.Message = NeedsAttention, reason, message
	op.UpdatedAt, op.EndedAt = e.Clock(), e.Clock()
	err := e.Update(ctx, func(tx T) error { return e.parkAndFail(ctx, tx, w, op) })
	if err == nil || passing(err) {
		return err
	}
	e.Logger.WarnContext(ctx, "the object of a parked operation stays as it is", "object_id", op.ObjectID, "error", err)
	return e.Update(ctx, func(tx T) error {
		if err := tx.HoldWork(ctx, w); err != nil {
			return err
		}
		return tx.UpdateOperation(ctx, op)
	})
}

// passing reports whether an error says nothing about the object: the same may succeed
// at the next look.
func passing(err error) bool {
	var away *lifecycle.UnavailableError
	return errors.As(err, &away) || errors.Is(err, lifecycle.ErrLostRace) || errors.Is(err, lifecycle.ErrFenced) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// parkAndFail ends an operation and moves its object. What made the operation
// panic may make this panic too.
func (e *Engine[T]) parkAndFail(ctx context.Context, tx T, w worker.Work, op Operation) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("failing the object panicked: %v", p)
		}
	}()
	if err := tx.HoldWork(ctx, w); err != nil {
		return err
	}
	if def := e.definitions[op.Kind]; def.Fail != nil {
		if err := def.Fail(ctx, tx, op); err != nil {
			return err
		}
	}
	return tx.UpdateOperation(ctx, op)
}
