package app

import (
	"context"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// ListAudit returns who changed what, newest first: in the caller's tenant, or in the
// installation, which only a platform admin may ask for.
func (c *ControlPlane) ListAudit(ctx context.Context, by auth.Principal, page admin.AuditPage, installation bool) (entries []admin.Entry, err error) {
	if err := mayAskFor(by, installation); err != nil {
		return nil, err
	}
	if err := wholeTenant(by); err != nil {
		return nil, err
	}
	if !installation {
		page.TenantID = by.TenantID
	}
	err = c.store.View(ctx, func(tx store.Tx) error {
		entries, err = tx.ListAudit(ctx, page)
		return err
	})
	return entries, err
}

// mayAskFor refuses the whole installation to who is no platform admin.
func mayAskFor(by auth.Principal, installation bool) error {
	if installation && !by.Role.Includes(auth.PlatformAdmin) {
		return &auth.DeniedError{Has: by.Role, Demands: auth.PlatformAdmin}
	}
	return nil
}

// auditSite is what the audit keeps of a site.
type auditSite struct {
	Name            string      `json:"name"`
	Slug            string      `json:"slug"`
	Status          site.Status `json:"status"`
	Wanted          site.Wanted `json:"wanted"`
	Revision        int64       `json:"revision"`
	Spec            *site.Spec  `json:"spec,omitempty"`
	PrimaryDomainID id.Domain   `json:"primary_domain_id,omitempty"`
	Placement       string      `json:"placement,omitempty"`
}

func auditedSite(ctx context.Context, tx store.Tx, s site.Site) (auditSite, error) {
	kept := auditSite{
		Name: s.Name, Slug: s.Slug, Status: s.Status, Wanted: s.Wanted, Revision: s.WantedRevision,
		PrimaryDomainID: s.PrimaryDomainID, Placement: s.Placement,
	}
	if s.Status == site.Deleted { // a tombstone has no spec
		return kept, nil
	}
	revision, err := tx.GetRevision(ctx, s.TenantID, s.ID, s.WantedRevision)
	if err != nil {
		return kept, fmt.Errorf("read the wanted revision: %w", err)
	}
	kept.Spec = &revision.Spec
	return kept, nil
}

// auditDomain is what the audit keeps of a domain.
type auditDomain struct {
	Hostname string         `json:"hostname"`
	SiteID   id.Site        `json:"site_id"`
	Kind     network.Kind   `json:"kind"`
	Mode     network.Mode   `json:"mode,omitempty"`
	Status   network.Status `json:"status"`
	Wanted   network.Wanted `json:"wanted"`
}

func auditedDomain(d network.Domain) auditDomain {
	return auditDomain{Hostname: d.Hostname, SiteID: d.SiteID, Kind: d.Kind, Mode: d.Mode, Status: d.Status, Wanted: d.Wanted}
}
