package saga

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// undo takes back the last step that is not undone yet; after the first the
// operation has failed. Only what this operation made is undone.
func (w *walk[T]) undo(ctx context.Context) (time.Time, error) {
	open, err := w.open(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if len(open) == 0 {
		return time.Time{}, w.fail(ctx)
	}
	if w.spent() {
		return time.Time{}, w.abandon(ctx, open)
	}
	w.op.Step, w.op.Intent = open[0], true
	step := w.def.Steps[w.op.Step]
	ctx, span := w.Tracer.Start(ctx, "undo "+step.Name, trace.WithAttributes(attribute.String("step", step.Name)))
	defer span.End()
	seen, err := w.takeBack(ctx, step)
	switch {
	case err != nil && (errors.Is(err, lifecycle.ErrLostRace) || errors.Is(err, lifecycle.ErrFenced) || ctx.Err() != nil):
		return time.Time{}, err // nothing is known; the next look begins anew
	case err != nil:
		span.SetStatus(codes.Error, err.Error())
		return w.undoFailed(ctx, step, err)
	case !seen.Done:
		return w.Clock().Add(seen.RetryAfter), nil
	}
	return time.Time{}, w.undone(ctx, step, seen)
}

// spent reports whether the way back has taken too long.
func (w *walk[T]) spent() bool {
	return w.CompensateWithin > 0 && w.Clock().Sub(w.op.CompensatingSince) > w.CompensateWithin
}

// open returns the indexes of the steps that made something which is not undone
// yet, by the journal, the last one first. Steps that were passed over, or that
// found what they wanted, are not among them.
func (w *walk[T]) open(ctx context.Context) (open []int, err error) {
	made := map[string]bool{}
	err = w.View(ctx, func(tx T) error {
		entries, err := tx.JournalOf(ctx, []id.Operation{w.op.ID})
		for _, e := range entries {
			switch {
			case e.Phase == Intent:
				made[e.Step] = e.Result != Found
			case e.Phase == Compensation && e.Result == OK:
				made[e.Step] = false
			}
		}
		return err
	})
	for i := min(w.op.Step, len(w.def.Steps)-1); i >= 0; i-- {
		if step := w.def.Steps[i]; made[step.Name] && len(step.wayBack()) > 0 {
			open = append(open, i)
		}
	}
	return open, err
}

// takeBack sets the wanted columns back, which is harmless to repeat, and looks
// whether infrastructure has followed.
func (w *walk[T]) takeBack(ctx context.Context, step Step[T]) (Confirmation[T], error) {
	if err := w.compensate(ctx, step); err != nil || step.Undone == nil {
		return Confirmation[T]{Done: true}, err
	}
	w.reached(step.Name, beforeUndone)
	defer w.reached(step.Name, afterUndone)
	return step.Undone(ctx, w.op)
}

func (w *walk[T]) compensate(ctx context.Context, step Step[T]) error {
	if step.Compensate == nil {
		return nil
	}
	w.reached(step.Name, beforeCompensation)
	defer w.reached(step.Name, afterCompensation)
	return w.Update(ctx, func(tx T) error {
		if err := tx.HoldWork(ctx, w.work); err != nil {
			return err
		}
		return step.Compensate(ctx, tx, w.op)
	})
}

// undoFailed notes that a step could not be undone yet, and backs off.
func (w *walk[T]) undoFailed(ctx context.Context, step Step[T], cause error) (time.Time, error) {
	attempts := w.op.FailedAttempts + 1
	seen := Confirmation[T]{Message: cause.Error(), Response: map[string]string{"error": cause.Error()}}
	return w.Clock().Add(w.backoff.Delay(attempts)), w.takenBack(ctx, step, seen, Again, func(op *Operation) {
		op.FailedAttempts = attempts
	})
}

func (w *walk[T]) undone(ctx context.Context, step Step[T], seen Confirmation[T]) error {
	return w.takenBack(ctx, step, seen, OK, func(op *Operation) {
		op.Intent, op.FailedAttempts = false, 0
	})
}

// abandon ends an operation whose way back takes too long, with what is left over.
// What was set back stays wanted so, and goes from infrastructure as soon as it can;
// the steps before keep what they made, for a level is never passed over.
func (w *walk[T]) abandon(ctx context.Context, open []int) error {
	left := make([]string, len(open))
	for i, at := range open {
		left[i] = w.def.Steps[at].Name
	}
	err := w.Park(ctx, w.work, w.op, w.op.Reason, fmt.Sprintf("%s; not seen undone within %s: %s",
		w.op.Message, w.CompensateWithin, strings.Join(left, ", ")))
	if err == nil {
		w.op.State = NeedsAttention
	}
	return err
}

// fail ends the operation, undone, and moves its object.
func (w *walk[T]) fail(ctx context.Context) error {
	if w.def.Fail != nil {
		w.reached("", beforeFailed)
		defer w.reached("", afterFailed)
	}
	state := Failed
	if w.op.Reason == ReasonCancelled {
		state = Cancelled
	}
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
		w.end(&op, state, op.Reason, op.Message)
		return tx.UpdateOperation(ctx, op)
	})
	if err == nil {
		w.op = op
		w.Logger.WarnContext(ctx, "operation failed", "operation_id", op.ID, "operation", op.Kind,
			"object_id", op.ObjectID, "state", op.State, "reason", op.Reason, "message", op.Message)
	}
	return err
}
