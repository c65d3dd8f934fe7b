package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
)

// holdActive lets a target have one hold that has not ended.
var holdActive = &index[hold.Hold]{
	unique: "hold.target_id",
	of:     func(h *hold.Hold) bool { return h.EndedAt.IsZero() },
	by:     byTarget,
}

func byTarget(a, b *hold.Hold) int { return compareTargets(a.Target, b.Target) }

var holdSchema = &schema[hold.Hold]{
	key: &index[hold.Hold]{
		unique: "hold.id",
		by:     func(a, b *hold.Hold) int { return cmp.Compare(a.ID, b.ID) },
		then:   byTarget,
	},
	others: []*index[hold.Hold]{holdActive},
	keep: func(h *hold.Hold) {
		micro(&h.Since, &h.ConfirmedAt, &h.EndedAt)
		h.Names = own(h.Names)
	},
	rules: []rule[hold.Hold]{
		{"hold.id", func(h *hold.Hold) bool { return h.ID != "" }},
		{"hold.target_kind", func(h *hold.Hold) bool { return isTarget(h.Target) }},
		{"hold.since", func(h *hold.Hold) bool { return set(h.Since) }},
		{"hold.confirmed_at", func(h *hold.Hold) bool { return h.ConfirmedAt.IsZero() == (h.ConfirmedBy == "") }},
	},
}

// ActiveHold returns the hold of a target that has not ended.
func (t *tx) ActiveHold(_ context.Context, target drift.Target) (hold.Hold, bool, error) {
	h, ok := t.holds.find(holdActive, hold.Hold{Target: target})
	return h, ok, nil
}

// InsertHold writes a new hold, or lets an ended one of the same target and id
// begin anew, with its event.
func (t *tx) InsertHold(ctx context.Context, h hold.Hold) error {
	if now, ok := t.holds.get(h); ok && now.EndedAt.IsZero() {
		return lifecycle.ErrLostRace
	}
	err := t.holds.put(t, h)
	switch {
	case breaks(err, holdActive.unique):
		return lifecycle.ErrLostRace
	case err != nil:
		return err
	}
	return t.emit(ctx, event.Event{Type: event.HoldBegun, ObjectID: h.ID, At: h.Since}, holdDataOf(h))
}

// UpdateHold writes confirmation and end of a hold that has not ended, and the
// event of its end.
func (t *tx) UpdateHold(ctx context.Context, h hold.Hold) error {
	now, ok := t.holds.get(h)
	switch {
	case !ok:
		return &lifecycle.NotFoundError{Kind: "hold", ID: h.ID}
	case !now.EndedAt.IsZero():
		return lifecycle.ErrLostRace
	}
	now.ConfirmedBy, now.ConfirmedAt, now.EndedAt = h.ConfirmedBy, h.ConfirmedAt, h.EndedAt
	if err := t.holds.put(t, now); err != nil || now.EndedAt.IsZero() {
		return err
	}
	return t.emit(ctx, event.Event{Type: event.HoldEnded, ObjectID: h.ID, At: now.EndedAt}, holdDataOf(now))
}

// GetHold returns a hold. Of several targets that hold the same names it is one
// that still waits for its confirmation, the oldest first.
func (t *tx) GetHold(_ context.Context, holdID string) (hold.Hold, error) {
	found := t.holds.list(t.holds.in(t.holds.key, hold.Hold{ID: holdID}), all, nil)
	if len(found) == 0 {
		return hold.Hold{}, &lifecycle.NotFoundError{Kind: "hold", ID: holdID}
	}
	return slices.MinFunc(found, func(a, b hold.Hold) int {
		return cmp.Or(
			a.EndedAt.Compare(time.Time{})-b.EndedAt.Compare(time.Time{}), // those that have one last
			a.ConfirmedAt.Compare(time.Time{})-b.ConfirmedAt.Compare(time.Time{}),
			a.Since.Compare(b.Since), byTarget(&a, &b))
	}), nil
}

// ListHolds returns the holds that have not ended, the oldest first.
func (t *tx) ListHolds(_ context.Context) ([]hold.Hold, error) {
	active := t.holds.list(t.holds.all(), all, holdActive.of)
	slices.SortStableFunc(active, func(a, b hold.Hold) int { return a.Since.Compare(b.Since) })
	return active, nil
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
