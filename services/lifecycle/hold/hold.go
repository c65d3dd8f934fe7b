// Package hold owns what the shrink guard holds back until an operator confirms
// it: a change that would take away more than operations explain. Package shrink
// has the rule; this one keeps the holds and their confirmations.
package hold

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
)

// DNSLost is the target of holds on domains whose DNS has contradicted them for
// too long, too many at once. Its ID is empty.
const DNSLost drift.TargetKind = "dns_lost"

// Hold is one change that waits for a confirmation.
type Hold struct {
	// ID names the set of names: another set is another hold. Two targets that hold
	// the same names have the same id, and one confirmation lets both go.
	ID string
	// Target is the edge or tunnel that the change is for, or DNSLost.
	Target drift.Target
	// Names are up to a hundred of the hostnames that would go; Count is how many
	// there are, and Held how many the target holds.
	Names []string
	Count int
	Held  int
	Since time.Time
	// ConfirmedBy and ConfirmedAt say who let it pass; empty and zero before.
	ConfirmedBy string
	ConfirmedAt time.Time
	// EndedAt is when the change passed or was no longer wanted; zero before.
	EndedAt time.Time
}

// Store keeps holds inside the caller's transaction.
type Store interface {
	// ActiveHold returns the hold of a target that has not ended; ok is false when
	// there is none.
	ActiveHold(ctx context.Context, target drift.Target) (h Hold, ok bool, err error)
	// InsertHold writes a new hold; a second active one of a target is
	// lifecycle.ErrLostRace. An ended one of the same id begins anew. It appends
	// the event hold.begun to the outbox.
	InsertHold(ctx context.Context, h Hold) error
	// UpdateHold writes confirmation and end of the hold of that id and target; an
	// end appends hold.ended. One that ended before is lifecycle.ErrLostRace.
	UpdateHold(ctx context.Context, h Hold) error
	// GetHold returns a hold; an unknown id is a *lifecycle.NotFoundError. Of
	// several targets that hold the same names it is the one that waits for its
	// confirmation, the oldest first.
	GetHold(ctx context.Context, holdID string) (Hold, error)
	// ListHolds returns the holds that have not ended, the oldest first.
	ListHolds(ctx context.Context) ([]Hold, error)
}

// maxNames bounds the names that are kept.
const maxNames = 100

// Begin writes a hold down, and ends another one of the same target. The same
// hold again writes nothing.
func Begin(ctx context.Context, store Store, h Hold) error {
	active, ok, err := store.ActiveHold(ctx, h.Target)
	if err != nil || ok && active.ID == h.ID {
		return err
	}
	if ok {
		active.EndedAt = h.Since
		if err := store.UpdateHold(ctx, active); err != nil {
			return err
		}
	}
	h.Names = h.Names[:min(len(h.Names), maxNames)]
	return store.InsertHold(ctx, h)
}

// End ends the active hold of a target, if there is one.
func End(ctx context.Context, store Store, target drift.Target, at time.Time) error {
	active, ok, err := store.ActiveHold(ctx, target)
	if err != nil || !ok {
		return err
	}
	active.EndedAt = at
	return store.UpdateHold(ctx, active)
}

// Confirmed returns the id of a target's active hold if an operator has confirmed
// it, else "".
func Confirmed(ctx context.Context, store Store, target drift.Target) (string, error) {
	active, ok, err := store.ActiveHold(ctx, target)
	if err != nil || !ok || active.ConfirmedBy == "" {
		return "", err
	}
	return active.ID, nil
}

// Confirm lets a hold pass, on every target that holds the same names, and returns
// those. A hold that has ended is a *lifecycle.PreconditionError.
func Confirm(ctx context.Context, store Store, holdID, actor string, at time.Time) (confirmed []Hold, err error) {
	if _, err := store.GetHold(ctx, holdID); err != nil {
		return nil, err
	}
	active, err := store.ListHolds(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range active {
		if h.ID != holdID {
			continue
		}
		if h.ConfirmedBy == "" {
			h.ConfirmedBy, h.ConfirmedAt = actor, at
			if err := store.UpdateHold(ctx, h); err != nil {
				return nil, err
			}
		}
		confirmed = append(confirmed, h)
	}
	if len(confirmed) == 0 {
		return nil, &lifecycle.PreconditionError{Message: "the hold has ended; look at `siteplane hold list` for what is held now"}
	}
	return confirmed, nil
}
