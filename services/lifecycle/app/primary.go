package app

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// SetPrimaryDomain makes one of a site's domains its primary; the site's status
// follows it. A domain of another site is a *lifecycle.NotFoundError, a refusal a
// *lifecycle.PreconditionError.
func (c *ControlPlane) SetPrimaryDomain(ctx context.Context, by auth.Principal, siteID id.Site, domainID id.Domain, request RequestID) (SiteView, error) {
	body := struct {
		SiteID   id.Site
		DomainID id.Domain
	}{siteID, domainID}
	return c.changeSite(ctx, ask{by: by, action: "SetPrimaryDomain", request: request, body: body}, siteID, func(tx store.Tx, s site.Site, r *record) error {
		if err := setPrimary(ctx, tx, s, domainID, c.cause(ctx, by, "", "made the primary by its tenant")); err != nil {
			return err
		}
		data := siteUpdate{Revision: s.WantedRevision}
		if s.PrimaryDomainID != domainID {
			data.PrimaryDomainID = domainID
		}
		data.tell(r, s)
		return nil
	})
}

// setPrimary makes a domain of the site its primary, by the rules of package
// network.
func setPrimary(ctx context.Context, tx store.Tx, s site.Site, domainID id.Domain, cause lifecycle.Cause) error {
	d, err := tx.GetDomain(ctx, s.TenantID, domainID)
	if err != nil {
		return err
	}
	if d.SiteID != s.ID {
		return &lifecycle.NotFoundError{Kind: "domain", ID: string(domainID)}
	}
	if _, err := network.SetPrimary(ctx, tx, s, d, cause); err != nil {
		return err
	}
	return clearNoDomain(ctx, tx, s, cause)
}

// adoptPrimary makes a new domain the primary of a site that has none, or one
// that is on its way out. Before the edges have answered for the site, and in
// ERROR, its status has nothing to do with the primary: the pointer is all.
func adoptPrimary(ctx context.Context, tx store.Tx, s site.Site, d network.Domain, cause lifecycle.Cause) error {
	if s.PrimaryDomainID != "" {
		primary, err := tx.GetDomain(ctx, s.TenantID, s.PrimaryDomainID)
		if err != nil || primary.Status.Live() {
			return err
		}
	}
	if s.Status.PastProvisioning() {
		return setPrimary(ctx, tx, s, d.ID, cause)
	}
	s.PrimaryDomainID = d.ID
	if err := tx.UpdateSite(ctx, s); err != nil {
		return err
	}
	return clearNoDomain(ctx, tx, s, cause)
}

// clearNoDomain takes back that the site has no domain, if it says so.
func clearNoDomain(ctx context.Context, tx store.Tx, s site.Site, cause lifecycle.Cause) error {
	conditions, err := tx.Conditions(ctx, string(s.ID))
	if err != nil {
		return err
	}
	c, ok := condition.Find(conditions, condition.Resolves)
	if !ok || c.Reason != infra.CodeNoDomain {
		return nil
	}
	return condition.Set(ctx, tx, condition.Condition{
		ObjectID: string(s.ID), Type: condition.Resolves, Status: condition.NotApplicable, Reason: condition.ReasonPrimaryDomain,
		Message: "the primary domain says where it leads", Since: cause.At, TraceID: cause.TraceID,
	})
}
