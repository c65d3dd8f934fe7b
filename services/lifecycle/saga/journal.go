package saga

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
)

// outcome changes the operation by what came of a look, with what was seen and a
// row of the journal.
func (w *walk[T]) outcome(ctx context.Context, step Step[T], seen Confirmation[T], result Result, change func(tx T, op *Operation) error) error {
	w.reached(step.Name, beforeOutcome)
	defer w.reached(step.Name, afterOutcome)
	return w.write(ctx, func(tx T, op *Operation) (Entry, error) {
		if seen.Record != nil {
			if err := seen.Record(ctx, tx); err != nil {
				return Entry{}, err
			}
		}
		entry := w.entry(ctx, *op, step, Outcome, result, seen.Message, seen.Response)
		return entry, change(tx, op)
	})
}

// takenBack changes the operation by what came of undoing a step, with a row of the
// journal.
func (w *walk[T]) takenBack(ctx context.Context, step Step[T], seen Confirmation[T], result Result, change func(op *Operation)) error {
	w.reached(step.Name, beforeTakenBack)
	defer w.reached(step.Name, afterTakenBack)
	return w.write(ctx, func(_ T, op *Operation) (Entry, error) {
		entry := w.entry(ctx, *op, step, Compensation, result, seen.Message, seen.Response)
		change(op)
		return entry, nil
	})
}

// write changes the operation and adds a row to its journal, in one transaction
// that needs the claim. The walk goes on with the changed operation once that is
// committed.
func (w *walk[T]) write(ctx context.Context, change func(tx T, op *Operation) (Entry, error)) error {
	op, entry := w.op, Entry{}
	err := w.Update(ctx, func(tx T) (err error) {
		op = w.op
		if err := tx.HoldWork(ctx, w.work); err != nil {
			return err
		}
		op.UpdatedAt = w.Clock()
		if entry, err = change(tx, &op); err != nil {
			return err
		}
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

// entry makes a journal row of the present step.
func (w *walk[T]) entry(ctx context.Context, op Operation, step Step[T], phase Phase, result Result, message string, response any) Entry {
	e := Entry{
		OperationID: op.ID, Step: step.Name, Attempt: op.FailedAttempts + 1,
		Phase: phase, Result: result, Message: message,
		TraceID: tracecontext.ID(ctx), At: w.Clock(),
	}
	if phase != Intent {
		e.Duration = e.At.Sub(op.StepStartedAt)
		e.ExternalResponse = encode(response)
	}
	return e
}

func encode(response any) string {
	if response == nil {
		return "{}"
	}
	raw, err := json.Marshal(response)
	if err != nil {
		return fmt.Sprintf(`{"unencodable":%q}`, err.Error())
	}
	return string(raw)
}
