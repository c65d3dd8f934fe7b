package saga

import (
	"context"
	"errors"
	"time"
)

// uncounted is an error that says nothing about the step, so that it never
// brings an operation nearer to failure: a collaborator that does not answer.
type uncounted interface{ Uncounted() bool }

// attemptFailed is why an operation waits after a failed attempt.
const attemptFailed = "ATTEMPT_FAILED"

// failed notes a failed attempt and backs off, or begins to compensate.
func (w *walk[T]) failed(ctx context.Context, step Step[T], err error) (time.Time, error) {
	seen := Confirmation[T]{Reason: attemptFailed, Message: err.Error(), Response: map[string]string{"error": err.Error()}}
	attempts, delay := w.attempt(err)
	spent := attempts >= w.def.MaxAttempts
	result := Again
	if p, ok := permanent(err); ok {
		seen.Reason, seen.Message, spent = p.Reason, p.Err.Error(), true
	}
	next := w.Clock().Add(delay)
	state := Waiting
	if spent {
		result, state, next = Broken, Compensating, time.Time{}
	}
	return next, w.outcome(ctx, step, seen, result, func(_ T, op *Operation) error {
		op.State, op.Reason, op.Message, op.FailedAttempts = state, seen.Reason, seen.Message, attempts
		if spent {
			op.FailedAttempts, op.CompensatingSince = 0, w.Clock()
		}
		return nil
	})
}

// attempt counts a failed attempt, if it counts, and says when the next one is.
func (w *walk[T]) attempt(err error) (attempts int, delay time.Duration) {
	var free uncounted
	if !errors.As(err, &free) || !free.Uncounted() {
		attempts = w.op.FailedAttempts + 1
		return attempts, w.backoff.Delay(attempts)
	}
	var waited time.Duration
	if w.op.Reason == attemptFailed {
		waited = w.Clock().Sub(w.op.UpdatedAt)
	}
	return w.op.FailedAttempts, w.backoff.After(waited)
}
