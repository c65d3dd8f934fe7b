package saga

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// undo takes back the present step and goes to the one before; after the first
// the operation has failed. Only steps whose intent is committed are undone.
func (w *walk[T]) undo(ctx context.Context) (time.Time, error) {
	if !w.op.Intent { // the present step is undone or was never begun
		begun, err := w.lastBegun(ctx)
		if err != nil {
			return time.Time{}, err
		}
		if begun < 0 {
			return time.Time{}, w.fail(ctx)
		}
		w.op.Step, w.op.Intent = begun, true
	}
	step := w.def.Steps[w.op.Step]
	ctx, span := w.Tracer.Start(ctx, "undo "+step.Name, trace.WithAttributes(attribute.String("step", step.Name)))
	defer span.End()
	if err := w.compensate(ctx, step); err != nil {
		return time.Time{}, err
	}
	seen := Confirmation[T]{Done: true}
	if step.Undone != nil {
		var err error
		if seen, err = step.Undone(ctx, w.op); err != nil {
			return time.Time{}, err
		}
	}
	if !seen.Done {
		return w.Clock().Add(seen.RetryAfter), nil
	}
	return time.Time{}, w.undone(ctx, step, seen)
}

// lastBegun returns the last step before the present one whose intent is in the
// journal; a step that was passed over changed nothing. It is -1 if there is
// none.
func (w *walk[T]) lastBegun(ctx context.Context) (int, error) {
	begun := map[string]bool{}
	err := w.View(ctx, func(tx T) error {
		entries, err := tx.JournalOf(ctx, []id.Operation{w.op.ID})
		for _, e := range entries {
			begun[e.Step] = true
		}
		return err
	})
	for i := w.op.Step - 1; i >= 0; i-- {
		if begun[w.def.Steps[i].Name] {
			return i, err
		}
	}
	return -1, err
}

// compensate sets the wanted columns back. Repeating it is harmless.
func (w *walk[T]) compensate(ctx context.Context, step Step[T]) error {
	if step.Compensate == nil {
		return nil
	}
	return w.Update(ctx, func(tx T) error {
		if err := tx.HoldWork(ctx, w.work); err != nil {
			return err
		}
		return step.Compensate(ctx, tx, w.op)
	})
}

func (w *walk[T]) undone(ctx context.Context, step Step[T], seen Confirmation[T]) error {
	op, entry := w.op, Entry{}
	err := w.Update(ctx, func(tx T) error {
		op = w.op
		if err := tx.HoldWork(ctx, w.work); err != nil {
			return err
		}
		entry = w.entry(ctx, op, step, Compensation, OK, seen.Message, seen.Response)
		op.Intent, op.UpdatedAt = false, w.Clock()
		if err := tx.UpdateOperation(ctx, op); err != nil {
			return err
		}
		return tx.AppendJournal(ctx, entry)
	})
	if err != nil {
		return err
	}
	w.op = op
	w.logOutcome(ctx, entry)
	return nil
}

// fail ends the operation, undone, and moves its object.
func (w *walk[T]) fail(ctx context.Context) error {
	op := w.op
	err := w.Update(ctx, func(tx T) error {
		op = w.op
		if err := tx.HoldWork(ctx, w.work); err != nil {
			return err
		}
		if w.def.Fail != nil {
			if err := w.def.Fail(ctx, tx, op); err != nil {
				return err
			}
		}
		w.end(&op, Failed, op.Reason, op.Message)
		return tx.UpdateOperation(ctx, op)
	})
	if err == nil {
		w.op = op
		w.Logger.WarnContext(ctx, "operation failed", "operation_id", op.ID, "operation", op.Kind,
			"object_id", op.ObjectID, "reason", op.Reason, "message", op.Message)
	}
	return err
}
