package saga

import (
	"context"
	"encoding/json"
	"log/slog"
)

// logIntent logs that a step is about to act.
func (w *walk[T]) logIntent(ctx context.Context, step Step[T], result Result) {
	w.Logger.InfoContext(ctx, "step intent", "operation_id", w.op.ID, "operation", w.op.Kind,
		"object_id", w.op.ObjectID, "step", step.Name, "attempt", w.op.FailedAttempts+1, "result", result)
}

// logOutcome logs what the journal says: the outcome and the external response.
func (w *walk[T]) logOutcome(ctx context.Context, e Entry) {
	level, message := slog.LevelInfo, "step outcome"
	if e.Result == Again || e.Result == Broken {
		level = slog.LevelWarn
	}
	if e.Phase == Compensation {
		message = "step undone"
	}
	w.Logger.Log(ctx, level, message, "operation_id", e.OperationID, "operation", w.op.Kind,
		"object_id", w.op.ObjectID, "step", e.Step, "attempt", e.Attempt, "result", e.Result,
		"detail", e.Message, "external_response", json.RawMessage(e.ExternalResponse), "duration", e.Duration)
}
