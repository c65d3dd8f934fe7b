package relational

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

const driftColumns = `id, target_kind, target_id, kind, place, detail, cause, since, is_foreign,
	found_at, closed_at, coalesce(outcome, ''), trace_id, diff, owner`

func scanDrift(r Row) (d drift.Drift, err error) {
	err = r.Scan(&d.ID, &d.Target.Kind, &d.Target.ID, &d.Kind, &d.Place, &d.Detail, &d.Cause, moment{&d.Since}, &d.Foreign,
		moment{&d.FoundAt}, moment{&d.ClosedAt}, &d.Outcome, &d.TraceID, &d.Diff, &d.Owner)
	return d, err
}

// orRepair is how a drift policy is stored when a target is made.
func orRepair(p drift.Policy) drift.Policy {
	if p == "" {
		return drift.Repair
	}
	return p
}

// OpenDrifts returns the open drifts of a target, ordered by place and kind.
func (t *Tx) OpenDrifts(ctx context.Context, target drift.Target) ([]drift.Drift, error) {
	return all(ctx, t, "read the open drifts", scanDrift, `
		SELECT `+driftColumns+` FROM drift
		WHERE target_kind = ? AND target_id = ? AND closed_at IS NULL ORDER BY place, kind`, target.Kind, target.ID)
}

// InsertDrift writes a new open drift with its event.
func (t *Tx) InsertDrift(ctx context.Context, d drift.Drift) error {
	err := t.later(ctx, "insert the drift", `
		INSERT INTO drift (id, target_kind, target_id, kind, place, detail, cause, since, is_foreign, found_at, trace_id, diff, owner)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.ID, d.Target.Kind, d.Target.ID, d.Kind, d.Place, d.Detail, d.Cause, stamp(d.Since), d.Foreign,
		stamp(d.FoundAt), d.TraceID, d.Diff, d.Owner)
	switch {
	case breaks(err, "drift.place"):
		return lifecycle.ErrLostRace
	case err != nil:
		return err
	}
	return t.emit(ctx, event.Event{Type: event.DriftFound, ObjectID: string(d.ID), At: d.FoundAt}, driftDataOf(d))
}

// CloseDrift sets when and how an open drift ended, with its event.
func (t *Tx) CloseDrift(ctx context.Context, driftID id.Drift, at time.Time, outcome drift.Outcome) error {
	d, ok, err := one(ctx, t, "close the drift", scanDrift, `
		UPDATE drift SET closed_at = ?, outcome = ? WHERE id = ? AND closed_at IS NULL
		RETURNING `+driftColumns, stamp(at), optional(outcome), driftID)
	switch {
	case err != nil:
		return err
	case !ok:
		return t.lostDrift(ctx, driftID)
	}
	return t.emit(ctx, event.Event{Type: event.DriftClosed, ObjectID: string(d.ID), At: at}, driftDataOf(d))
}

// lostDrift says why there was no open drift to close.
func (t *Tx) lostDrift(ctx context.Context, driftID id.Drift) error {
	_, ok, err := one(ctx, t, "read the drift", scanInt, `SELECT 1 FROM drift WHERE id = ?`, driftID)
	switch {
	case err != nil:
		return err
	case !ok:
		return &lifecycle.NotFoundError{Kind: "drift", ID: string(driftID)}
	}
	return lifecycle.ErrLostRace
}

// ListDrifts returns up to limit drifts of all targets, the newest first.
func (t *Tx) ListDrifts(ctx context.Context, open bool, limit int) ([]drift.Drift, error) {
	query := `SELECT ` + driftColumns + ` FROM drift`
	if open {
		query += ` WHERE closed_at IS NULL`
	}
	return all(ctx, t, "list the drifts", scanDrift, query+` ORDER BY found_at DESC, id DESC LIMIT ?`, limit)
}

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
