package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/internal/platform/shrink"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// lossWindow is what counts as "at once": names lost in the window before now, and
// names whose grace ends in the window after.
const lossWindow = time.Hour

// tooManyLost reports whether a domain whose grace is over stays as it is, because
// too many are about to be lost at once: more likely our resolvers are at fault then
// than all those tenants. An operator lets them go by confirming the hold.
func (r *Reconciler) tooManyLost(ctx context.Context, tx store.Tx, d network.Domain) (held bool, err error) {
	confirmed, err := hold.Confirmed(ctx, tx, losses)
	if err != nil {
		return false, err
	}
	l, err := r.losses(ctx, tx)
	if err != nil {
		return false, err
	}
	last := len(l.Contradicted) <= 1 && confirmed != ""
	if few(l) || last {
		return false, hold.End(ctx, tx, losses, r.Clock())
	}
	if confirmed != "" {
		return false, nil
	}
	if err := r.holdLosses(ctx, tx, l); err != nil {
		return false, err
	}
	c := r.condition(ctx, string(d.ID), condition.Resolves, condition.False, infra.CodeHeld, fmt.Sprintf(
		"DNS contradicts it beyond the grace, but so it does %d of %d names at once; it keeps serving until an operator has looked",
		len(l.Contradicted), l.Active))
	c.Actor = condition.Operator
	return true, condition.Set(ctx, tx, c)
}

// losses is the target of the hold.
var losses = drift.Target{Kind: hold.DNSLost}

func (r *Reconciler) losses(ctx context.Context, tx store.Tx) (network.Losses, error) {
	return tx.Losses(ctx, r.Clock().Add(lossWindow-r.Grace), r.Clock().Add(-lossWindow))
}

func few(l network.Losses) bool { return len(l.Contradicted)+l.Lost <= shrink.Limit(l.Active) }

// holdLosses writes the hold down, once: that more names join it later makes it no
// other.
func (r *Reconciler) holdLosses(ctx context.Context, tx store.Tx, l network.Losses) error {
	_, active, err := tx.ActiveHold(ctx, losses)
	if err != nil || active {
		return err
	}
	return hold.Begin(ctx, tx, hold.Hold{
		ID: shrink.ID(l.Contradicted), Target: losses, Names: l.Contradicted,
		Count: len(l.Contradicted), Held: l.Active, Since: r.Clock(),
	})
}

// endLosses ends the hold once DNS has come round.
func (r *Reconciler) endLosses(ctx context.Context, tx store.Tx) error {
	_, active, err := tx.ActiveHold(ctx, losses)
	if err != nil || !active {
		return err
	}
	l, err := r.losses(ctx, tx)
	if err != nil || !few(l) {
		return err
	}
	return hold.End(ctx, tx, losses, r.Clock())
}
