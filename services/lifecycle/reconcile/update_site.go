package reconcile

import (
	"context"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// updateSite brings a new revision of a site to the edges. Opened by OpenUpdate,
// which has written the wanted revision, and anew when a pin is lifted by another
// version; the status stays. A revision that an edge refuses stays wanted and is
// pinned there; only a cancelled update goes back.
func (r *Reconciler) updateSite() saga.Definition[store.Tx] {
	return saga.Definition[store.Tx]{
		Kind:        UpdateSite,
		MaxAttempts: 8,
		Steps: []step{{
			Name: "publish_revision", Apply: r.applyRevision, Confirm: r.confirmInternal, Commit: r.commitRevision,
			Compensate: r.compensateRevision, Undone: r.confirmRevisionBack,
		}},
		Fail: r.failUpdate,
	}
}

// OpenUpdate gives a site a new revision and opens the operation that brings it to
// the edges. A newer update takes the place of one that is under way. A site in
// ERROR only keeps the revision for its retry, and there is no operation. Errors:
// *lifecycle.PreconditionError.
func OpenUpdate(ctx context.Context, tx store.Tx, s site.Site, next site.Revision, cause lifecycle.Cause) (site.Site, saga.Operation, error) {
	switch {
	case s.Status == site.Deleting || s.Status == site.Deleted:
		return s, saga.Operation{}, &lifecycle.PreconditionError{Message: "the site is being deleted"}
	case s.Status == site.Created || s.Status == site.Provisioning:
		return s, saga.Operation{}, &lifecycle.PreconditionError{Message: "the site is still being provisioned; update it once that has ended"}
	}
	next.SiteID, next.Spec, next.CreatedAt = s.ID, next.Spec.Normalize(), cause.At
	revision, err := tx.AddRevision(ctx, s.TenantID, next)
	if err != nil {
		return s, saga.Operation{}, err
	}
	if err := liftPins(ctx, tx, s.ID); err != nil {
		return s, saga.Operation{}, err
	}
	s.WantedRevision, s.UpdatedAt = revision.Number, cause.At
	if err := tx.UpdateSite(ctx, s); err != nil {
		return s, saga.Operation{}, err
	}
	if s, err = tx.GetSite(ctx, s.TenantID, s.ID); err != nil || s.Status == site.Error {
		return s, saga.Operation{}, err
	}
	if err := saga.Cancel(ctx, tx, worker.Site, string(s.ID), fmt.Sprintf("revision %d takes its place", revision.Number), cause.At); err != nil {
		return s, saga.Operation{}, err
	}
	op, err := bringRevision(ctx, tx, s, cause)
	return s, op, err
}

// bringRevision opens the operation for the revision that is wanted of a site.
func bringRevision(ctx context.Context, tx store.Tx, s site.Site, cause lifecycle.Cause) (saga.Operation, error) {
	return saga.Open(ctx, tx, saga.Opening{
		ID: id.NewOperation(), Kind: UpdateSite, TenantID: s.TenantID, ObjectKind: worker.Site,
		ObjectID: string(s.ID), Actor: cause.Actor, At: cause.At,
	})
}

// bringRevisionAgain opens the operation anew for a revision that was refused and may
// be accepted now: without a walk nobody would prove and confirm it. It opens none when
// one is under way, and none for a site that waits for its retry.
func (r *Reconciler) bringRevisionAgain(ctx context.Context, tx store.Tx, s site.Site) (opened bool, err error) {
	if s.Wanted != site.Present || s.WantedRevision == s.ConfirmedRevision || !s.Status.PastProvisioning() {
		return false, nil
	}
	if _, active, err := tx.ActiveOperation(ctx, string(s.ID)); err != nil || active {
		return false, err
	}
	_, err = bringRevision(ctx, tx, s, r.observed(ctx))
	return err == nil, err
}

func (r *Reconciler) applyRevision(ctx context.Context, tx store.Tx, op saga.Operation) (bool, error) {
	s, err := siteOf(ctx, tx, op)
	if err != nil || s.WantedRevision == s.ConfirmedRevision {
		return false, err
	}
	return true, tellEdges(ctx, tx, s, op, r.Clock())
}

func (r *Reconciler) commitRevision(ctx context.Context, tx store.Tx, op saga.Operation) error {
	s, err := siteOf(ctx, tx, op)
	if err != nil {
		return err
	}
	return r.confirmRevision(ctx, tx, s)
}

// confirmRevision writes down that the required edges run what is wanted of a site.
func (r *Reconciler) confirmRevision(ctx context.Context, tx store.Tx, s site.Site) error {
	s.ConfirmedRevision, s.UpdatedAt = s.WantedRevision, r.Clock()
	if err := tx.UpdateSite(ctx, s); err != nil {
		return err
	}
	return condition.Set(ctx, tx, r.condition(ctx, string(s.ID), condition.EdgeSynced, condition.True, condition.ReasonConfirmed,
		fmt.Sprintf("the required edges run revision %d", s.ConfirmedRevision)))
}

// compensateRevision wants the confirmed revision again, if the update was
// cancelled. One that failed stays wanted: correcting it is the tenant's.
func (r *Reconciler) compensateRevision(ctx context.Context, tx store.Tx, op saga.Operation) error {
	s, err := siteOf(ctx, tx, op)
	if err != nil || op.Reason != saga.ReasonCancelled || s.WantedRevision == s.ConfirmedRevision {
		return err
	}
	if err := liftPins(ctx, tx, s.ID); err != nil {
		return err
	}
	s.WantedRevision, s.UpdatedAt = s.ConfirmedRevision, r.Clock()
	if err := tx.UpdateSite(ctx, s); err != nil {
		return err
	}
	return tellEdges(ctx, tx, s, op, r.Clock())
}

// confirmRevisionBack reads whether the required edges have proved the revision
// before. There is nothing to wait for when the update only failed.
func (r *Reconciler) confirmRevisionBack(ctx context.Context, op saga.Operation) (confirmation, error) {
	if op.Reason != saga.ReasonCancelled {
		return confirmation{Done: true, Message: "the revision stays wanted"}, nil
	}
	return r.confirmInternal(ctx, op)
}

// failUpdate tells the site why its revision does not run.
func (r *Reconciler) failUpdate(ctx context.Context, tx store.Tx, op saga.Operation) error {
	s, err := siteOf(ctx, tx, op)
	if err != nil {
		return err
	}
	switch {
	case op.Reason == saga.ReasonCancelled && s.WantedRevision != s.ConfirmedRevision: // before its first look
		return r.compensateRevision(ctx, tx, op)
	case op.Reason == saga.ReasonCancelled:
		return r.confirmRevision(ctx, tx, s)
	}
	c := r.condition(ctx, op.ObjectID, condition.EdgeSynced, condition.False, op.Reason, op.Message)
	c.Actor, c.Fix = condition.Tenant, []string{"correct the site"}
	return condition.Set(ctx, tx, c)
}
