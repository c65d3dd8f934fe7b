package memory

import (
	"cmp"
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// driftOpen lets a difference be open once.
var driftOpen = &index[drift.Drift]{
	unique: "drift.place",
	of:     func(d *drift.Drift) bool { return d.ClosedAt.IsZero() },
	by:     func(a, b *drift.Drift) int { return compareTargets(a.Target, b.Target) },
	then: func(a, b *drift.Drift) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Kind, b.Kind))
	},
}

var driftFound = &index[drift.Drift]{
	then: func(a, b *drift.Drift) int { return a.FoundAt.Compare(b.FoundAt) },
}

func compareTargets(a, b drift.Target) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

var driftSchema = &schema[drift.Drift]{
	key: &index[drift.Drift]{
		unique: "drift.id",
		by:     func(a, b *drift.Drift) int { return cmp.Compare(a.ID, b.ID) },
	},
	others: []*index[drift.Drift]{driftOpen, driftFound},
	keep:   func(d *drift.Drift) { micro(&d.Since, &d.FoundAt, &d.ClosedAt) },
	rules: []rule[drift.Drift]{
		{"drift.target_kind", func(d *drift.Drift) bool { return isTarget(d.Target) }},
		{"drift.kind", func(d *drift.Drift) bool { return d.Kind != "" }},
		{"drift.found_at", func(d *drift.Drift) bool { return set(d.FoundAt) }},
		{"drift.outcome", func(d *drift.Drift) bool { return oneOf(d.Outcome, "", drift.Repaired, drift.Gone) }},
		{"drift.closed_at", func(d *drift.Drift) bool { return d.ClosedAt.IsZero() == (d.Outcome == "") }},
	},
}

func isTarget(target drift.Target) bool {
	return oneOf(target.Kind, drift.Edge, drift.Tunnel, hold.DNSLost)
}

// OpenDrifts returns the open drifts of a target, ordered by place and kind.
func (t *tx) OpenDrifts(_ context.Context, target drift.Target) ([]drift.Drift, error) {
	return t.drifts.list(t.drifts.in(driftOpen, drift.Drift{Target: target}), all, nil), nil
}

// InsertDrift writes a new open drift with its event.
func (t *tx) InsertDrift(ctx context.Context, d drift.Drift) error {
	d.ClosedAt, d.Outcome = time.Time{}, ""
	err := t.drifts.insert(t, d)
	switch {
	case breaks(err, driftOpen.unique):
		return lifecycle.ErrLostRace
	case err != nil:
		return err
	}
	return t.emit(ctx, event.Event{Type: event.DriftFound, ObjectID: string(d.ID), At: d.FoundAt}, driftDataOf(d))
}

// CloseDrift sets when and how an open drift ended, with its event.
func (t *tx) CloseDrift(ctx context.Context, driftID id.Drift, at time.Time, outcome drift.Outcome) error {
	d, ok := t.drifts.get(drift.Drift{ID: driftID})
	switch {
	case !ok:
		return &lifecycle.NotFoundError{Kind: "drift", ID: string(driftID)}
	case !d.ClosedAt.IsZero():
		return lifecycle.ErrLostRace
	}
	d.ClosedAt, d.Outcome = at, outcome
	if err := t.drifts.put(t, d); err != nil {
		return err
	}
	return t.emit(ctx, event.Event{Type: event.DriftClosed, ObjectID: string(d.ID), At: at}, driftDataOf(d))
}

// ListDrifts returns up to limit drifts of all targets, the newest first.
func (t *tx) ListDrifts(_ context.Context, open bool, limit int) ([]drift.Drift, error) {
	rows := t.drifts.back(driftFound, drift.Drift{FoundAt: endOfTime})
	return t.drifts.list(rows, limit, func(d *drift.Drift) bool { return !open || d.ClosedAt.IsZero() }), nil
}

// endOfTime follows every time.
var endOfTime = time.Unix(1<<40, 0)

// driftData is what an event about a drift says.
type driftData struct {
	TargetKind drift.TargetKind `json:"target_kind"`
	TargetID   string           `json:"target_id"`
	Kind       string           `json:"kind"`
	Place      string           `json:"place"`
	Detail     string           `json:"detail"`
	Cause      string           `json:"cause"`
	Since      time.Time        `json:"since,omitzero"`
	Foreign    bool             `json:"foreign"`
	FoundAt    time.Time        `json:"found_at"`
	Outcome    drift.Outcome    `json:"outcome,omitempty"`
	TraceID    string           `json:"trace_id"`
}

func driftDataOf(d drift.Drift) driftData {
	return driftData{
		TargetKind: d.Target.Kind, TargetID: d.Target.ID, Kind: d.Kind, Place: d.Place, Detail: d.Detail, Cause: d.Cause,
		Since: d.Since, Foreign: d.Foreign, FoundAt: d.FoundAt, Outcome: d.Outcome, TraceID: d.TraceID,
	}
}
