package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/event"
)

// createEvent is the event of an object's first history row.
const createEvent = "create"

// The types of the events that the store writes by itself.
const (
	siteCreated         = "site.created"
	siteStatusChanged   = "site.status_changed"
	domainCreated       = "domain.created"
	domainStatusChanged = "domain.status_changed"
	driftFound          = "drift.found"
	driftClosed         = "drift.closed"
	holdBegun           = "hold.begun"
	holdEnded           = "hold.ended"
)

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
func (t *tx) record(ctx context.Context, eventType string, c lifecycle.Change) error {
	if _, err := t.exec(ctx, "append to the history", `
		INSERT INTO history (tenant_id, object_id, prev, from_status, event, to_status,
			actor, reason, operation_id, trace_id, at)
		VALUES (?, ?, (SELECT max(seq) FROM history WHERE object_id = ?), ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.TenantID, c.ObjectID, c.ObjectID, c.From, c.Event, c.To,
		c.Actor, c.Reason, c.OperationID, c.TraceID, micros(c.At)); err != nil {
		return err
	}
	return t.emit(ctx, eventType, c.TenantID, c.ObjectID, statusData{
		From: c.From, Event: c.Event, To: c.To, Reason: c.Reason, OperationID: c.OperationID,
	}, c.At)
}

// emit appends an event to the outbox. One without a tenant belongs to the
// installation.
func (t *tx) emit(ctx context.Context, eventType, tenant, object string, data any, at time.Time) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	_, err = t.exec(ctx, "append to the outbox",
		`INSERT INTO outbox (type, tenant_id, object_id, data, at) VALUES (?, ?, ?, ?, ?)`,
		eventType, optional(tenant), object, string(text), micros(at))
	return err
}

// HistoryOf returns the history of the objects, oldest first.
func (t *tx) HistoryOf(ctx context.Context, objectIDs []string) ([]lifecycle.Change, error) {
	return all(ctx, t, "read the history", scanChange, `
		SELECT object_id, tenant_id, from_status, event, to_status, actor, reason, operation_id, trace_id, at
		FROM history WHERE object_id IN (SELECT value FROM json_each(?)) ORDER BY seq`, list(objectIDs))
}

func scanChange(r row) (c lifecycle.Change, err error) {
	err = r.Scan(&c.ObjectID, &c.TenantID, &c.From, &c.Event, &c.To,
		&c.Actor, &c.Reason, &c.OperationID, &c.TraceID, moment{&c.At})
	return c, err
}

// EventsAfter returns up to limit outbox rows after a sequence number.
func (t *tx) EventsAfter(ctx context.Context, seq int64, limit int) ([]event.Event, error) {
	return all(ctx, t, "read the outbox", scanEvent, `
		SELECT seq, type, coalesce(tenant_id, ''), object_id, data, at FROM outbox
		WHERE seq > ? ORDER BY seq LIMIT ?`, seq, limit)
}

func scanEvent(r row) (e event.Event, err error) {
	err = r.Scan(&e.Seq, &e.Type, &e.TenantID, &e.ObjectID, &e.Data, moment{&e.At})
	return e, err
}
