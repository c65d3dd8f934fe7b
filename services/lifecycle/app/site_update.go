package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// SiteChange is what shall be different about a site; what is nil stays.
type SiteChange struct {
	Name *string    `json:",omitempty"`
	Spec *site.Spec `json:",omitempty"`
	// Placement is the one that the caller takes the site for having. It cannot be
	// changed.
	Placement *string `json:",omitempty"`
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
	body := struct {
		SiteID id.Site
		Change SiteChange
	}{siteID, change}
	view, err := c.changeSite(ctx, ask{by: by, action: "UpdateSite", request: request, body: body}, siteID, func(tx store.Tx, s site.Site, r *record) error {
		if err := problems.Err(); err != nil {
			return err
		}
		return c.updateSite(ctx, tx, by, s, change, r)
	})
	return ownOperation(view), err
}

// ownOperation leaves out an operation that works on another object than the site.
func ownOperation(view SiteView) SiteView {
	if op := view.Operation; op != nil && op.ObjectID != string(view.Site.ID) {
		view.Operation = nil
	}
	return view
}

func (c *ControlPlane) updateSite(ctx context.Context, tx store.Tx, by auth.Principal, s site.Site, change SiteChange, r *record) error {
	if err := mayChange(s, change.Version); err != nil {
		return err
	}
	if err := staysPlaced(s, change.Placement); err != nil {
		return err
	}
	data := siteUpdate{Revision: s.WantedRevision}
	if change.Name != nil && *change.Name != s.Name {
		renamed, err := renameSite(ctx, tx, s, *change.Name)
		if err != nil {
			return err
		}
		s, data.Renamed = renamed, true
	}
	if change.Spec != nil {
		same, err := wantsSpec(ctx, tx, s, *change.Spec)
		if err != nil {
			return err
		}
		if !same {
			next := site.Revision{Spec: change.Spec.Normalize(), Actor: by.Subject}
			if s, _, err = reconcile.OpenUpdate(ctx, tx, s, next, c.cause(ctx, by, "", "updated by its tenant")); err != nil {
				return err
			}
		}
	}
	data.tell(r, s)
	return nil
}

// mayChange refuses to change a site that is not at the version, 0 for any, or that
// is on its way out.
func mayChange(s site.Site, version int64) error {
	switch {
	case version != 0 && version != s.Version:
		return lifecycle.ErrLostRace
	case s.Status == site.Deleting || s.Status == site.Deleted:
		return &lifecycle.PreconditionError{Message: "the site is on its way out; it takes no change any more"}
	}
	return nil
}

// staysPlaced refuses another placement than the site has.
func staysPlaced(s site.Site, placement *string) error {
	if placement == nil || *placement == s.Placement || *placement == edge.Default && s.Placement == "" {
		return nil
	}
	var problems lifecycle.Violations
	problems.Add("site.placement", "a site keeps the placement that it was created with, which is %q", cmp.Or(s.Placement, edge.Default))
	return problems.Err()
}

// siteUpdate is the data of an event site.updated.
type siteUpdate struct {
	// Revision is the wanted one.
	Revision int64 `json:"revision"`
	// RollbackOf is the revision that it repeats, left out when none.
	RollbackOf int64 `json:"rollback_of,omitempty"`
	// Renamed says that the name is new.
	Renamed bool `json:"renamed,omitempty"`
	// PrimaryDomainID is the primary when that is new.
	PrimaryDomainID id.Domain `json:"primary_domain_id,omitempty"`
}

// tell has the event written when the site has changed since its revision was noted.
func (u siteUpdate) tell(r *record, s site.Site) {
	if s.WantedRevision == u.Revision && !u.Renamed && u.PrimaryDomainID == "" {
		return
	}
	u.Revision = s.WantedRevision
	r.event, r.data = event.SiteUpdated, u
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
