package app

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// What a caller asks for by its id is read here and nowhere else: another tenant's,
// and what a key for single sites does not know, is not there.

// siteOf reads a site that the caller knows.
func siteOf(ctx context.Context, tx store.Tx, by auth.Principal, siteID id.Site) (site.Site, error) {
	if !by.Sees(siteID) {
		return site.Site{}, &lifecycle.NotFoundError{Kind: "site", ID: string(siteID)}
	}
	return tx.GetSite(ctx, by.TenantID, siteID)
}

// domainOf reads a domain that the caller knows.
func domainOf(ctx context.Context, tx store.Tx, by auth.Principal, domainID id.Domain) (network.Domain, error) {
	d, err := tx.GetDomain(ctx, by.TenantID, domainID)
	if err == nil && !by.Sees(d.SiteID) {
		return network.Domain{}, &lifecycle.NotFoundError{Kind: "domain", ID: string(domainID)}
	}
	return d, err
}

// domainAndSite reads a domain that the caller knows, and its site.
func domainAndSite(ctx context.Context, tx store.Tx, by auth.Principal, domainID id.Domain) (d network.Domain, s site.Site, err error) {
	if d, err = domainOf(ctx, tx, by, domainID); err != nil {
		return d, s, err
	}
	s, err = tx.GetSite(ctx, by.TenantID, d.SiteID)
	return d, s, err
}

// operationOf reads an operation of a site or domain that the caller knows.
func operationOf(ctx context.Context, tx store.Tx, by auth.Principal, opID id.Operation) (op saga.Operation, on id.Site, err error) {
	missing := &lifecycle.NotFoundError{Kind: "operation", ID: string(opID)}
	if op, err = tx.GetOperation(ctx, opID); err != nil {
		return op, "", err
	}
	if op.TenantID != by.TenantID {
		return saga.Operation{}, "", missing
	}
	on = id.Site(op.ObjectID)
	if op.ObjectKind == worker.Domain {
		d, err := tx.GetDomain(ctx, by.TenantID, id.Domain(op.ObjectID))
		if err != nil {
			return saga.Operation{}, "", err
		}
		on = d.SiteID
	}
	if !by.Sees(on) {
		return saga.Operation{}, "", missing
	}
	return op, on, nil
}

// wholeTenant refuses a key that is for single sites.
func wholeTenant(by auth.Principal) error {
	if by.Sites != nil {
		return &auth.ScopeError{}
	}
	return nil
}
