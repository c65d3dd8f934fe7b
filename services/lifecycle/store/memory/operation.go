package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
)

// operationActive lets an object have one operation that has not ended.
var operationActive = &index[saga.Operation]{
	unique: "operation.object_id",
	of:     func(o *saga.Operation) bool { return !o.State.Terminal() },
	by:     byObject,
}

var operationOf = &index[saga.Operation]{by: byObject}

func byObject(a, b *saga.Operation) int { return cmp.Compare(a.ObjectID, b.ObjectID) }

func byOpening(a, b *saga.Operation) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
}

var operationSchema = &schema[saga.Operation]{
	key: &index[saga.Operation]{
		unique: "operation.id",
		by:     func(a, b *saga.Operation) int { return cmp.Compare(a.ID, b.ID) },
	},
	others: []*index[saga.Operation]{operationActive, operationOf},
	keep: func(o *saga.Operation) {
		micro(&o.StepStartedAt, &o.CompensatingSince, &o.CreatedAt, &o.UpdatedAt, &o.EndedAt)
	},
	rules: []rule[saga.Operation]{
		{"operation.state", func(o *saga.Operation) bool {
			return o.State.Terminal() || oneOf(o.State, saga.Pending, saga.Running, saga.Waiting, saga.Compensating)
		}},
		{"operation.created_at", func(o *saga.Operation) bool { return set(o.CreatedAt, o.UpdatedAt) }},
	},
	refers: func(t *tx, o *saga.Operation) error { return t.knows(o.TenantID) },
}

var journalSchema = &schema[saga.Entry]{
	key: &index[saga.Entry]{
		unique: "journal.seq",
		by:     func(a, b *saga.Entry) int { return cmp.Compare(a.OperationID, b.OperationID) },
		then:   func(a, b *saga.Entry) int { return cmp.Compare(a.Seq, b.Seq) },
	},
	keep: func(e *saga.Entry) {
		micro(&e.At)
		e.Duration = e.Duration.Truncate(time.Microsecond)
	},
	number: func(e *saga.Entry, n int64) { e.Seq = n },
	rules: []rule[saga.Entry]{
		{"journal.phase", func(e *saga.Entry) bool { return oneOf(e.Phase, saga.Intent, saga.Outcome, saga.Compensation) }},
		{"journal.result", func(e *saga.Entry) bool {
			return oneOf(e.Result, "", saga.OK, saga.Wait, saga.Again, saga.Broken, saga.Made, saga.Found)
		}},
		{"journal.at", func(e *saga.Entry) bool { return set(e.At) }},
	},
	refers: func(t *tx, e *saga.Entry) error {
		_, err := t.GetOperation(context.Background(), e.OperationID)
		return err
	},
}

// InsertOperation writes a new operation.
func (t *tx) InsertOperation(_ context.Context, o saga.Operation) error {
	return lostIfActive(t.operations.insert(t, o))
}

// lostIfActive turns a second active operation of an object into a lost race.
func lostIfActive(err error) error {
	if breaks(err, operationActive.unique) {
		return lifecycle.ErrLostRace
	}
	return err
}

// GetOperation returns an operation.
func (t *tx) GetOperation(_ context.Context, op id.Operation) (saga.Operation, error) {
	o, ok := t.operations.get(saga.Operation{ID: op})
	if !ok {
		return o, &lifecycle.NotFoundError{Kind: "operation", ID: string(op)}
	}
	return o, nil
}

// ActiveOperation returns the one operation of an object that is not terminal.
func (t *tx) ActiveOperation(_ context.Context, objectID string) (saga.Operation, bool, error) {
	o, ok := t.operations.find(operationActive, saga.Operation{ObjectID: objectID})
	return o, ok, nil
}

// OperationsOf returns all operations of the objects, oldest first.
func (t *tx) OperationsOf(_ context.Context, objectIDs []string) (ops []saga.Operation, err error) {
	for _, objectID := range unique(objectIDs) {
		ops = append(ops, t.operations.list(t.operations.in(operationOf, saga.Operation{ObjectID: objectID}), all, nil)...)
	}
	slices.SortFunc(ops, func(a, b saga.Operation) int { return byOpening(&a, &b) })
	return ops, nil
}

// UpdateOperation writes everything but the ids, kind and creation.
func (t *tx) UpdateOperation(ctx context.Context, o saga.Operation) error {
	now, err := t.GetOperation(ctx, o.ID)
	if err != nil {
		return err
	}
	o.TenantID, o.Kind, o.ObjectKind, o.ObjectID, o.CreatedAt = now.TenantID, now.Kind, now.ObjectKind, now.ObjectID, now.CreatedAt
	return lostIfActive(t.operations.put(t, o))
}

// AppendJournal adds a row.
func (t *tx) AppendJournal(_ context.Context, e saga.Entry) error { return t.journal.insert(t, e) }

// JournalOf returns the rows of the operations, in order.
func (t *tx) JournalOf(_ context.Context, ops []id.Operation) (entries []saga.Entry, err error) {
	for _, op := range unique(ops) {
		entries = append(entries, t.journal.list(t.journal.in(t.journal.key, saga.Entry{OperationID: op}), all, nil)...)
	}
	slices.SortFunc(entries, func(a, b saga.Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return entries, nil
}
