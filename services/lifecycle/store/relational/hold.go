package relational

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
)

const holdColumns = `id, target_kind, target_id, names, count, held, since, confirmed_by, confirmed_at, ended_at`

func scanHold(r Row) (h hold.Hold, err error) {
	err = r.Scan(&h.ID, &h.Target.Kind, &h.Target.ID, items{&h.Names}, &h.Count, &h.Held, moment{&h.Since},
		&h.ConfirmedBy, moment{&h.ConfirmedAt}, moment{&h.EndedAt})
	return h, err
}

// ActiveHold returns the hold of a target that has not ended.
func (t *Tx) ActiveHold(ctx context.Context, target drift.Target) (hold.Hold, bool, error) {
	return one(ctx, t, "read the active hold", scanHold, `
		SELECT `+holdColumns+` FROM hold WHERE target_kind = ? AND target_id = ? AND ended_at IS NULL`, target.Kind, target.ID)
}

// InsertHold writes a new hold, or lets an ended one of the same target and id
// begin anew, with its event.
func (t *Tx) InsertHold(ctx context.Context, h hold.Hold) error {
	n, err := t.exec(ctx, "insert the hold", `
		INSERT INTO hold (`+holdColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id, target_kind, target_id) DO UPDATE SET names = excluded.names, count = excluded.count,
			held = excluded.held, since = excluded.since, confirmed_by = excluded.confirmed_by,
			confirmed_at = excluded.confirmed_at, ended_at = excluded.ended_at
		WHERE hold.ended_at IS NOT NULL`,
		h.ID, h.Target.Kind, h.Target.ID, list(h.Names), h.Count, h.Held, stamp(h.Since),
		h.ConfirmedBy, stamp(h.ConfirmedAt), stamp(h.EndedAt))
	switch {
	case breaks(err, "hold.target_id"), err == nil && n == 0:
		return lifecycle.ErrLostRace
	case err != nil:
		return err
	}
	return t.emit(ctx, event.Event{Type: event.HoldBegun, ObjectID: h.ID, At: h.Since}, holdDataOf(h))
}

// UpdateHold writes confirmation and end of a hold that has not ended, and the
// event of its end.
func (t *Tx) UpdateHold(ctx context.Context, h hold.Hold) error {
	written, ok, err := one(ctx, t, "update the hold", scanHold, `
		UPDATE hold SET confirmed_by = ?, confirmed_at = ?, ended_at = ?
		WHERE id = ? AND target_kind = ? AND target_id = ? AND ended_at IS NULL
		RETURNING `+holdColumns, h.ConfirmedBy, stamp(h.ConfirmedAt), stamp(h.EndedAt), h.ID, h.Target.Kind, h.Target.ID)
	switch {
	case err != nil:
		return err
	case !ok:
		return t.lostHold(ctx, h)
	case written.EndedAt.IsZero():
		return nil
	}
	return t.emit(ctx, event.Event{Type: event.HoldEnded, ObjectID: h.ID, At: written.EndedAt}, holdDataOf(written))
}

// lostHold says why there was no hold to update.
func (t *Tx) lostHold(ctx context.Context, h hold.Hold) error {
	_, ok, err := one(ctx, t, "read the hold", scanInt,
		`SELECT 1 FROM hold WHERE id = ? AND target_kind = ? AND target_id = ?`, h.ID, h.Target.Kind, h.Target.ID)
	switch {
	case err != nil:
		return err
	case !ok:
		return &lifecycle.NotFoundError{Kind: "hold", ID: h.ID}
	}
	return lifecycle.ErrLostRace
}

// GetHold returns a hold. Of several targets that hold the same names it is one
// that still waits for its confirmation, the oldest first.
func (t *Tx) GetHold(ctx context.Context, holdID string) (hold.Hold, error) {
	h, ok, err := one(ctx, t, "read the hold", scanHold, `
		SELECT `+holdColumns+` FROM hold WHERE id = ?
		ORDER BY ended_at IS NOT NULL, confirmed_at IS NOT NULL, since, target_kind, target_id LIMIT 1`, holdID)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "hold", ID: holdID}
	}
	return h, err
}

// ListHolds returns the holds that have not ended, the oldest first.
func (t *Tx) ListHolds(ctx context.Context) ([]hold.Hold, error) {
	return all(ctx, t, "list the holds", scanHold,
		`SELECT `+holdColumns+` FROM hold WHERE ended_at IS NULL ORDER BY since, id, target_kind, target_id`)
}

// holdData is what an event about a hold says.
type holdData struct {
	TargetKind  drift.TargetKind `json:"target_kind"`
	TargetID    string           `json:"target_id"`
	Names       []string         `json:"names"`
	Count       int              `json:"count"`
	Held        int              `json:"held"`
	Since       time.Time        `json:"since"`
	ConfirmedBy string           `json:"confirmed_by,omitempty"`
	ConfirmedAt time.Time        `json:"confirmed_at,omitzero"`
}

func holdDataOf(h hold.Hold) holdData {
	return holdData{
		TargetKind: h.Target.Kind, TargetID: h.Target.ID, Names: h.Names, Count: h.Count, Held: h.Held,
		Since: h.Since, ConfirmedBy: h.ConfirmedBy, ConfirmedAt: h.ConfirmedAt,
	}
}
