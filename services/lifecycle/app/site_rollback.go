package app

import (
	"context"
	"errors"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// RollbackSite wants the spec of an earlier revision again, as a new revision, unless
// the wanted one says the same. The version is the one that the site must still have,
// 0 for any. Errors are those of UpdateSite; a spec that is not allowed any more is a
// *lifecycle.PreconditionError.
func (c *ControlPlane) RollbackSite(ctx context.Context, by auth.Principal, siteID id.Site, revision, version int64, request RequestID) (SiteView, error) {
	body := struct {
		SiteID   id.Site
		Revision int64
	}{siteID, revision}
	view, err := c.changeSite(ctx, ask{by: by, action: "RollbackSite", request: request, body: body}, siteID, func(tx store.Tx, s site.Site, r *record) error {
		return c.rollbackSite(ctx, tx, by, s, revision, version, r)
	})
	return ownOperation(view), err
}

func (c *ControlPlane) rollbackSite(ctx context.Context, tx store.Tx, by auth.Principal, s site.Site, number, version int64, r *record) error {
	if err := mayChange(s, version); err != nil {
		return err
	}
	old, err := tx.GetRevision(ctx, s.TenantID, s.ID, number)
	if err != nil {
		return err
	}
	if err := c.stillAllowed(old.Spec); err != nil {
		return err
	}
	same, err := wantsSpec(ctx, tx, s, old.Spec)
	if err != nil || same {
		return err
	}
	data := siteUpdate{Revision: s.WantedRevision, RollbackOf: number}
	next := site.Revision{Spec: old.Spec, RollbackOf: number, Actor: by.Subject}
	if s, _, err = reconcile.OpenUpdate(ctx, tx, s, next, c.cause(ctx, by, "", "rolled back by its tenant")); err != nil {
		return err
	}
	data.tell(r, s)
	return nil
}

// stillAllowed checks an old spec against the rules of today.
func (c *ControlPlane) stillAllowed(spec site.Spec) error {
	var problems lifecycle.Violations
	c.policy.Check(&problems, "spec", spec)
	var invalid *lifecycle.InvalidError
	if errors.As(problems.Err(), &invalid) {
		return &lifecycle.PreconditionError{Message: "the revision is not allowed any more: " + invalid.Error()}
	}
	return nil
}

// RevisionView is a revision as a caller sees it.
type RevisionView struct {
	Revision site.Revision
	// Wanted and Confirmed say whether it is the site's one.
	Wanted, Confirmed bool
}

// ListRevisions returns revisions of a site, newest first: up to limit of those whose
// number is below before, which is 0 for all. A tombstone has none.
func (c *ControlPlane) ListRevisions(ctx context.Context, by auth.Principal, siteID id.Site, before int64, limit int) (views []RevisionView, err error) {
	err = c.store.View(ctx, func(tx store.Tx) error {
		views = nil
		s, err := siteOf(ctx, tx, by, siteID)
		if err != nil {
			return err
		}
		revisions, err := tx.ListRevisions(ctx, by.TenantID, siteID, before, limit)
		for _, r := range revisions {
			views = append(views, RevisionView{
				Revision: r, Wanted: r.Number == s.WantedRevision, Confirmed: r.Number == s.ConfirmedRevision,
			})
		}
		return err
	})
	return views, err
}
