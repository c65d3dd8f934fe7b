package saga

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// walk is one claim's way through an operation.
type walk[T Tx] struct {
	*Engine[T]
	def  Definition[T]
	work worker.Work
	op   Operation
}

// look does the next piece of the operation. It returns when to look again, or
// zero to go on at once.
func (w *walk[T]) look(ctx context.Context) (time.Time, error) {
	if w.op.State == Compensating {
		return w.undo(ctx)
	}
	step := w.def.Steps[w.op.Step]
	ctx, span := w.Tracer.Start(ctx, "step "+step.Name, trace.WithAttributes(attribute.String("step", step.Name)))
	defer span.End()
	if !w.op.Intent {
		skipped, err := w.intend(ctx, step)
		if err != nil || skipped {
			return time.Time{}, err
		}
	}
	seen, err := w.confirm(ctx, step)
	switch {
	case err != nil && (errors.Is(err, lifecycle.ErrLostRace) || errors.Is(err, lifecycle.ErrFenced) || ctx.Err() != nil):
		return time.Time{}, err // nothing is known; the next look begins anew
	case undecodable(err):
		return time.Time{}, err
	case err != nil:
		span.SetStatus(codes.Error, err.Error())
		return w.failed(ctx, step, err)
	case seen.Done, seen.WaitingFor != "":
		return time.Time{}, w.finish(ctx, step, seen)
	}
	return w.wait(ctx, step, seen)
}

// confirm looks at infrastructure, if the step has anything to look at.
func (w *walk[T]) confirm(ctx context.Context, step Step[T]) (Confirmation[T], error) {
	if step.Confirm == nil {
		return Confirmation[T]{Done: true}, nil
	}
	w.reached(step.Name, beforeConfirm)
	defer w.reached(step.Name, afterConfirm)
	return step.Confirm(ctx, w.op)
}

// intend writes the intent: the journal row with the wanted columns. A step with
// nothing to do is passed over.
func (w *walk[T]) intend(ctx context.Context, step Step[T]) (skipped bool, err error) {
	w.reached(step.Name, beforeIntent)
	defer w.reached(step.Name, afterIntent)
	op, result := w.op, Result("")
	err = w.Update(ctx, func(tx T) error {
		op, skipped = w.op, false
		if err := tx.HoldWork(ctx, w.work); err != nil {
			return err
		}
		if step.Skip != nil {
			if skipped, err = step.Skip(ctx, tx, op); err != nil {
				return err
			}
		}
		if skipped {
			w.pass(&op)
			return tx.UpdateOperation(ctx, op)
		}
		if result, err = apply(ctx, tx, step, op); err != nil {
			return fmt.Errorf("apply %s: %w", step.Name, err)
		}
		op.State, op.Intent, op.StepStartedAt, op.UpdatedAt = Running, true, w.Clock(), w.Clock()
		if err := tx.UpdateOperation(ctx, op); err != nil {
			return err
		}
		return tx.AppendJournal(ctx, w.entry(ctx, op, step, Intent, result, "", nil))
	})
	if err != nil {
		return false, err
	}
	w.op = op
	if !skipped {
		w.logIntent(ctx, step, result)
	}
	return skipped, nil
}

// apply writes what a step wants, and says whether there was anything to write.
func apply[T Tx](ctx context.Context, tx T, step Step[T], op Operation) (Result, error) {
	if step.Apply == nil {
		return "", nil
	}
	made, err := step.Apply(ctx, tx, op)
	if made {
		return Made, err
	}
	return Found, err
}

// finish ends a confirmed step, or, with one that only an outsider can bring
// further, the operation.
func (w *walk[T]) finish(ctx context.Context, step Step[T], seen Confirmation[T]) error {
	if !seen.Done {
		return w.outcome(ctx, step, seen, Wait, func(_ T, op *Operation) error {
			w.end(op, Succeeded, seen.Reason, seen.Message)
			op.WaitingFor = seen.WaitingFor
			return nil
		})
	}
	return w.outcome(ctx, step, seen, OK, func(tx T, op *Operation) error {
		if step.Commit != nil {
			if err := step.Commit(ctx, tx, *op); err != nil {
				return fmt.Errorf("commit %s: %w", step.Name, err)
			}
		}
		w.pass(op)
		return nil
	})
}

// wait notes that infrastructure is not as wanted yet. The same reason again
// writes nothing.
func (w *walk[T]) wait(ctx context.Context, step Step[T], seen Confirmation[T]) (time.Time, error) {
	next := w.Clock().Add(seen.RetryAfter)
	if w.op.State == Waiting && w.op.Reason == seen.Reason && w.op.Message == seen.Message {
		return next, nil
	}
	return next, w.outcome(ctx, step, seen, Wait, func(_ T, op *Operation) error {
		op.State, op.Reason, op.Message = Waiting, seen.Reason, seen.Message
		return nil
	})
}

// pass goes on to the next step, or ends the operation after the last.
func (w *walk[T]) pass(op *Operation) {
	op.Step++
	op.Intent, op.FailedAttempts, op.Reason, op.Message, op.UpdatedAt = false, 0, "", "", w.Clock()
	op.State = Running
	if op.Step == len(w.def.Steps) {
		w.end(op, Succeeded, "", "")
	}
}

func (w *walk[T]) end(op *Operation, state State, reason, message string) {
	op.State, op.Reason, op.Message = state, reason, message
	op.UpdatedAt, op.EndedAt = w.Clock(), w.Clock()
}
