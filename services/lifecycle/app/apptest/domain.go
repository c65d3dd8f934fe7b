package apptest

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// AddDomain claims a hostname for a site.
func (w *World) AddDomain(s site.Site, hostname string, direct bool) network.Domain {
	w.tb.Helper()
	d, err := w.TryAddDomain(s, hostname, direct, "")
	w.must(err)
	return d
}

// TryAddDomain claims a hostname and returns what the caller was told.
func (w *World) TryAddDomain(s site.Site, hostname string, direct bool, request app.RequestID) (network.Domain, error) {
	ctx, span := w.tracer.Start(w.tb.Context(), "call")
	defer span.End()
	view, err := w.App.AddDomain(ctx, w.owner(s), s.ID, app.NewDomain{Hostname: hostname, Direct: direct}, request)
	return view.Domain, err
}

// TryRemoveDomain begins to remove a domain and returns what the caller was told.
func (w *World) TryRemoveDomain(d network.Domain) error {
	ctx, span := w.tracer.Start(w.tb.Context(), "call")
	defer span.End()
	_, err := w.App.RemoveDomain(ctx, w.owner(site.Site{TenantID: d.TenantID}), d.ID, "", "")
	return err
}

// TryCheckDomain makes a domain due and returns what the caller was told.
func (w *World) TryCheckDomain(d network.Domain) error {
	ctx, span := w.tracer.Start(w.tb.Context(), "call")
	defer span.End()
	_, err := w.App.CheckDomain(ctx, w.owner(site.Site{TenantID: d.TenantID}), d.ID, "")
	return err
}

// TrySetPrimary makes a domain its site's primary and returns what the caller was
// told.
func (w *World) TrySetPrimary(d network.Domain) error {
	ctx, span := w.tracer.Start(w.tb.Context(), "call")
	defer span.End()
	_, err := w.App.SetPrimaryDomain(ctx, w.owner(site.Site{TenantID: d.TenantID}), d.SiteID, d.ID, "")
	return err
}

// Domain returns a domain as it is now.
func (w *World) Domain(d network.Domain) (now network.Domain) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		now, err = tx.GetDomain(ctx, d.TenantID, d.ID)
		return err
	})
	return now
}

// Domains returns a site's domains, tombstones included.
func (w *World) Domains(s site.Site) (out []network.Domain) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		out, err = tx.DomainsOfSite(ctx, s.TenantID, s.ID)
		return err
	})
	return out
}

// DomainCondition returns a condition of a domain, the zero value when it has
// none.
func (w *World) DomainCondition(d network.Domain, t condition.Type) (c condition.Condition) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) error {
		conditions, err := tx.Conditions(ctx, string(d.ID))
		c, _ = condition.Find(conditions, t)
		return err
	})
	return c
}

// DomainConditions returns what a domain's conditions say.
func (w *World) DomainConditions(d network.Domain) (out []condition.Condition) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		out, err = tx.Conditions(ctx, string(d.ID))
		return err
	})
	return out
}

// GrantZone lets a tenant claim names in a zone.
func (w *World) GrantZone(zoneName string, tenant id.Tenant) {
	w.tb.Helper()
	w.must(app.EnsureZoneGrant(w.tb.Context(), w.Store, zoneName, tenant, w.Clock.Now()))
}

// Records returns the records that a domain's owner is told to write for a
// purpose.
func (w *World) Records(d network.Domain, purpose network.Purpose) (out []network.Instruction) {
	w.tb.Helper()
	w.View(func(ctx context.Context, tx store.Tx) error {
		all, err := tx.Instructions(ctx, d.ID)
		out = nil
		for _, i := range all {
			if i.Purpose == purpose {
				out = append(out, i)
			}
		}
		return err
	})
	return out
}
