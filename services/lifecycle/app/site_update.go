package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// SiteChange is what shall be different about a site; what is nil stays.
type SiteChange struct {
	Name *string    `json:",omitempty"`
	Spec *site.Spec `json:",omitempty"`
	// Version is the one that the site must still have, 0 for any. It is no part of
	// what is asked for: a request that is repeated may have seen a later one.
	Version int64 `json:"-"`
}

// UpdateSite changes a site's name or spec. A spec that is new is a new revision,
// and an operation brings it to the edges, but in ERROR, where retry does. The
// view's operation is what works on the site itself, nil when nothing does. Errors:
// *lifecycle.InvalidError, *lifecycle.NotFoundError, lifecycle.ErrLostRace when the
// version is another, *lifecycle.PreconditionError, *lifecycle.TakenError.
func (c *ControlPlane) UpdateSite(ctx context.Context, by auth.Principal, siteID id.Site, change SiteChange, request RequestID) (SiteView, error) {
	var problems lifecycle.Violations
	if change.Spec != nil {
		c.policy.Check(&problems, "site.spec", *change.Spec)
	}
	if err := problems.Err(); err != nil {
		return SiteView{}, err
	}
	hash, err := request.hash("UpdateSite", struct {
		SiteID id.Site
		Change SiteChange
	}{siteID, change})
	if err != nil {
		return SiteView{}, err
	}
	var view SiteView
	err = c.store.Update(ctx, func(tx store.Tx) error {
		if _, err := request.once(ctx, tx, by.TenantID, hash, c.clock(), func() (string, error) {
			return string(siteID), c.updateSite(ctx, tx, by, siteID, change)
		}); err != nil {
			return err
		}
		if view, err = readSite(ctx, tx, by.TenantID, siteID); err != nil {
			return err
		}
		if op := view.Operation; op != nil && op.ObjectID != string(siteID) {
			view.Operation = nil
		}
		return nil
	})
	return view, err
}

func (c *ControlPlane) updateSite(ctx context.Context, tx store.Tx, by auth.Principal, siteID id.Site, change SiteChange) error {
	s, err := tx.GetSite(ctx, by.TenantID, siteID)
	switch {
	case err != nil:
		return err
	case change.Version != 0 && change.Version != s.Version:
		return lifecycle.ErrLostRace
	case s.Status == site.Deleting || s.Status == site.Deleted:
		return &lifecycle.PreconditionError{Message: "the site is on its way out; it takes no change any more"}
	}
	if change.Name != nil && *change.Name != s.Name {
		if s, err = renameSite(ctx, tx, s, *change.Name); err != nil {
			return err
		}
	}
	if change.Spec == nil {
		return nil
	}
	same, err := wantsSpec(ctx, tx, s, *change.Spec)
	if err != nil || same {
		return err
	}
	_, _, err = reconcile.OpenUpdate(ctx, tx, s, change.Spec.Normalize(), c.cause(ctx, by, "", "updated by its tenant"))
	return err
}

func renameSite(ctx context.Context, tx store.Tx, s site.Site, name string) (site.Site, error) {
	s.Name = name
	if err := tx.UpdateSite(ctx, s); err != nil {
		return s, err
	}
	return tx.GetSite(ctx, s.TenantID, s.ID)
}

// wantsSpec reports whether a spec means the same as the wanted revision.
func wantsSpec(ctx context.Context, tx store.Tx, s site.Site, spec site.Spec) (bool, error) {
	wanted, err := tx.GetRevision(ctx, s.TenantID, s.ID, s.WantedRevision)
	if err != nil {
		return false, fmt.Errorf("read the wanted revision: %w", err)
	}
	old, err := json.Marshal(wanted.Spec.Normalize())
	if err != nil {
		return false, fmt.Errorf("compare the specs: %w", err)
	}
	asked, err := json.Marshal(spec.Normalize())
	return bytes.Equal(old, asked), err
}
