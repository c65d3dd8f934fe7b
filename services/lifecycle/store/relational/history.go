package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/event"
)

// createEvent is the event of an object's first history row.
const createEvent = "create"

// statusData is what an event about a status says.
type statusData struct {
	From        string `json:"from"`
	Event       string `json:"event"`
	To          string `json:"to"`
	Reason      string `json:"reason"`
	OperationID string `json:"operation_id"`
}

// record appends a change to its object's history, after the last row, and its
// event to the outbox. The table's constraints refuse a row that does not
// continue the chain.
func (t *Tx) record(ctx context.Context, eventType event.Type, c lifecycle.Change) error {
	if err := t.later(ctx, "append to the history", `
		INSERT INTO history (tenant_id, object_id, prev, from_status, event, to_status,
			actor, reason, operation_id, trace_id, at)
		VALUES (?, ?, (SELECT max(seq) FROM history WHERE object_id = ?), ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.TenantID, c.ObjectID, c.ObjectID, c.From, c.Event, c.To,
		c.Actor, c.Reason, c.OperationID, c.TraceID, stamp(c.At)); err != nil {
		return err
	}
	return t.emit(ctx, event.Event{Type: eventType, TenantID: c.TenantID, ObjectID: c.ObjectID, At: c.At}, statusData{
		From: c.From, Event: c.Event, To: c.To, Reason: c.Reason, OperationID: c.OperationID,
	})
}

// HistoryOf returns the history of the objects, oldest first.
func (t *Tx) HistoryOf(ctx context.Context, objectIDs []string) ([]lifecycle.Change, error) {
	return all(ctx, t, "read the history", scanChange, `
		SELECT object_id, tenant_id, from_status, event, to_status, actor, reason, operation_id, trace_id, at
		FROM history WHERE object_id IN (?texts) ORDER BY seq`, texts(objectIDs))
}

func scanChange(r Row) (c lifecycle.Change, err error) {
	err = r.Scan(&c.ObjectID, &c.TenantID, &c.From, &c.Event, &c.To,
		&c.Actor, &c.Reason, &c.OperationID, &c.TraceID, moment{&c.At})
	return c, err
}
