package memory

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/event"
)

// createEvent is the event of an object's first history row.
const createEvent = "create"

// historyRow is a change with its place among all.
type historyRow struct {
	seq int64
	lifecycle.Change
}

var historySchema = &schema[historyRow]{
	key: &index[historyRow]{
		unique: "history.seq",
		by:     func(a, b *historyRow) int { return cmp.Compare(a.ObjectID, b.ObjectID) },
		then:   func(a, b *historyRow) int { return cmp.Compare(a.seq, b.seq) },
	},
	keep:   func(h *historyRow) { micro(&h.At) },
	number: func(h *historyRow, n int64) { h.seq = n },
	rules: []rule[historyRow]{
		{"history.at", func(h *historyRow) bool { return set(h.At) }},
		{"history.to_status", func(h *historyRow) bool { return h.To != "" }},
	},
	refers: func(t *tx, h *historyRow) error {
		if h.From != t.lastStatus(h.ObjectID) {
			return &brokenError{rule: "history.from_status"}
		}
		return nil
	},
}

// lastStatus returns where an object's history ends; empty where none has begun.
func (t *tx) lastStatus(objectID string) string {
	end := historyRow{seq: math.MaxInt64, Change: lifecycle.Change{ObjectID: objectID}}
	for last := range t.history.back(t.history.key, end) {
		return last.To
	}
	return ""
}

// statusData is what an event about a status says.
type statusData struct {
	From        string `json:"from"`
	Event       string `json:"event"`
	To          string `json:"to"`
	Reason      string `json:"reason"`
	OperationID string `json:"operation_id"`
}

// record appends a change to its object's history, after the last row, and its
// event to the outbox.
func (t *tx) record(ctx context.Context, eventType event.Type, c lifecycle.Change) error {
	if err := t.history.insert(t, historyRow{Change: c}); err != nil {
		return err
	}
	return t.emit(ctx, event.Event{Type: eventType, TenantID: c.TenantID, ObjectID: c.ObjectID, At: c.At}, statusData{
		From: c.From, Event: c.Event, To: c.To, Reason: c.Reason, OperationID: c.OperationID,
	})
}

// HistoryOf returns the history of the objects, oldest first.
func (t *tx) HistoryOf(_ context.Context, objectIDs []string) (changes []lifecycle.Change, err error) {
	var rows []historyRow
	for _, objectID := range unique(objectIDs) {
		from := historyRow{Change: lifecycle.Change{ObjectID: objectID}}
		rows = append(rows, t.history.list(t.history.in(t.history.key, from), all, nil)...)
	}
	slices.SortFunc(rows, func(a, b historyRow) int { return cmp.Compare(a.seq, b.seq) })
	for _, row := range rows {
		changes = append(changes, row.Change)
	}
	return changes, nil
}
