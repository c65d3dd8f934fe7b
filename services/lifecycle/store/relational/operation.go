package relational

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
)

const operationColumns = `id, tenant_id, kind, object_kind, object_id, state, step, intent, step_started_at,
	failed_attempts, reason, message, compensating_since, waiting_for, actor, trace_parent,
	created_at, updated_at, ended_at`

func scanOperation(r Row) (o saga.Operation, err error) {
	err = r.Scan(&o.ID, &o.TenantID, &o.Kind, &o.ObjectKind, &o.ObjectID, &o.State, &o.Step, &o.Intent,
		moment{&o.StepStartedAt}, &o.FailedAttempts, &o.Reason, &o.Message, moment{&o.CompensatingSince}, &o.WaitingFor, &o.Actor,
		&o.TraceParent, moment{&o.CreatedAt}, moment{&o.UpdatedAt}, moment{&o.EndedAt})
	return o, err
}

// active is the condition of the index that keeps one active operation per
// object; written the same, so that queries use it.
const active = `state IN ('PENDING', 'RUNNING', 'WAITING', 'COMPENSATING')`

// InsertOperation writes a new operation.
func (t *Tx) InsertOperation(ctx context.Context, o saga.Operation) error {
	err := t.later(ctx, "insert the operation", `
		INSERT INTO operation (`+operationColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.ID, o.TenantID, o.Kind, o.ObjectKind, o.ObjectID, o.State, o.Step, o.Intent,
		stamp(o.StepStartedAt), o.FailedAttempts, o.Reason, o.Message, stamp(o.CompensatingSince), o.WaitingFor, o.Actor,
		o.TraceParent, stamp(o.CreatedAt), stamp(o.UpdatedAt), stamp(o.EndedAt))
	switch {
	case breaks(err, "operation.object_id"):
		return lifecycle.ErrLostRace
	case breaks(err, ForeignKey):
		return &lifecycle.NotFoundError{Kind: "tenant", ID: string(o.TenantID)}
	}
	return err
}

// GetOperation returns an operation.
func (t *Tx) GetOperation(ctx context.Context, op id.Operation) (saga.Operation, error) {
	o, ok, err := one(ctx, t, "read the operation", scanOperation,
		`SELECT `+operationColumns+` FROM operation WHERE id = ?`, op)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "operation", ID: string(op)}
	}
	return o, err
}

// ActiveOperation returns the one operation of an object that is not terminal.
func (t *Tx) ActiveOperation(ctx context.Context, objectID string) (saga.Operation, bool, error) {
	return one(ctx, t, "read the active operation", scanOperation,
		`SELECT `+operationColumns+` FROM operation WHERE object_id = ? AND `+active, objectID)
}

// OperationsOf returns all operations of the objects, oldest first.
func (t *Tx) OperationsOf(ctx context.Context, objectIDs []string) ([]saga.Operation, error) {
	return all(ctx, t, "read the operations", scanOperation, `
		SELECT `+operationColumns+` FROM operation
		WHERE object_id IN (?texts) ORDER BY created_at, id`, texts(objectIDs))
}

// UpdateOperation writes everything but the ids, kind and creation.
func (t *Tx) UpdateOperation(ctx context.Context, o saga.Operation) error {
	n, err := t.exec(ctx, "update the operation", `
		UPDATE operation SET state = ?, step = ?, intent = ?, step_started_at = ?, failed_attempts = ?, reason = ?,
			message = ?, compensating_since = ?, waiting_for = ?, actor = ?, trace_parent = ?, updated_at = ?, ended_at = ?
		WHERE id = ?`,
		o.State, o.Step, o.Intent, stamp(o.StepStartedAt), o.FailedAttempts, o.Reason,
		o.Message, stamp(o.CompensatingSince), o.WaitingFor, o.Actor, o.TraceParent, stamp(o.UpdatedAt), stamp(o.EndedAt), o.ID)
	switch {
	case breaks(err, "operation.object_id"):
		return lifecycle.ErrLostRace
	case err == nil && n == 0:
		return &lifecycle.NotFoundError{Kind: "operation", ID: string(o.ID)}
	}
	return err
}

// AppendJournal adds a row; it belongs to the operation's tenant.
func (t *Tx) AppendJournal(ctx context.Context, e saga.Entry) error {
	err := t.later(ctx, "append to the journal", `
		INSERT INTO journal (tenant_id, operation_id, step, attempt, phase, result, message,
			external_response, trace_id, at, duration)
		VALUES ((SELECT tenant_id FROM operation WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.OperationID, e.OperationID, e.Step, e.Attempt, e.Phase, e.Result, e.Message,
		e.ExternalResponse, e.TraceID, stamp(e.At), e.Duration.Microseconds())
	if breaks(err, "journal.tenant_id") {
		return &lifecycle.NotFoundError{Kind: "operation", ID: string(e.OperationID)}
	}
	return err
}

// JournalOf returns the rows of the operations, in order.
func (t *Tx) JournalOf(ctx context.Context, ops []id.Operation) ([]saga.Entry, error) {
	return all(ctx, t, "read the journal", scanEntry, `
		SELECT operation_id, seq, step, attempt, phase, result, message, external_response, trace_id, at, duration
		FROM journal WHERE operation_id IN (?texts) ORDER BY seq`, texts(ops))
}

func scanEntry(r Row) (e saga.Entry, err error) {
	var duration int64
	err = r.Scan(&e.OperationID, &e.Seq, &e.Step, &e.Attempt, &e.Phase, &e.Result, &e.Message,
		&e.ExternalResponse, &e.TraceID, moment{&e.At}, &duration)
	e.Duration = time.Duration(duration) * time.Microsecond
	return e, err
}
