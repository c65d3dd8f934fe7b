package main

import (
	"context"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// burstRows are the rows of sites that an edge serves under their internal names.
type burstRows struct {
	db     store.Store
	edge   id.Edge
	tenant id.Tenant
	sites  []id.Site
}

func newBurstRows(ctx context.Context, db store.Store, edgeID string) (*burstRows, error) {
	r := &burstRows{db: db, edge: id.Edge(edgeID)}
	if err := app.EnsureEdge(ctx, db, edge.Edge{ID: r.edge, Name: "edge", PublicAddresses: []string{"192.0.2.1"}, NeedsWhole: true}); err != nil {
		return nil, err
	}
	tenant, err := app.EnsureTenant(ctx, db, admin.Tenant{ID: id.NewTenant(), Name: "bench", CreatedAt: time.Now()})
	if err != nil {
		return nil, err
	}
	r.tenant = tenant.ID
	for number := range burstSites {
		if err := r.insert(ctx, number); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// insert makes an ACTIVE site that the edge has not proved.
func (r *burstRows) insert(ctx context.Context, number int) error {
	now := time.Now()
	s := site.Site{
		ID: id.Site(benchSite(number, 1).GetSiteId()), TenantID: r.tenant, Name: "Shop", Slug: fmt.Sprintf("shop-%06d", number),
		Status: site.Active, Wanted: site.Present, WantedRevision: 1, ConfirmedRevision: 1, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	r.sites = append(r.sites, s.ID)
	first := site.Revision{SiteID: s.ID, Number: 1, Spec: benchSpec(number), CreatedAt: now}
	return r.db.Update(ctx, func(tx store.Tx) error {
		return tx.InsertSite(ctx, s, first, lifecycle.Cause{Actor: "bench", Reason: "made", At: now})
	})
}

// change gives a site a revision with another origin and tells the edge, in one
// transaction.
func (r *burstRows) change(ctx context.Context, number int) error {
	return r.db.Update(ctx, func(tx store.Tx) error {
		s, err := tx.GetSite(ctx, r.tenant, r.sites[number])
		if err != nil {
			return err
		}
		spec := benchSpec(number)
		spec.Origin.Targets[0].Address = origin(number, s.WantedRevision+1)
		next, err := tx.AddRevision(ctx, r.tenant, site.Revision{SiteID: s.ID, Spec: spec, CreatedAt: time.Now()})
		if err != nil {
			return err
		}
		s.WantedRevision = next.Number
		if err := tx.UpdateSite(ctx, s); err != nil {
			return err
		}
		if err := tx.AddChange(ctx, edge.Change{EdgeID: r.edge, SiteID: s.ID, TenantID: r.tenant}); err != nil {
			return err
		}
		return tx.MarkWork(ctx, worker.Mark{Kind: worker.Edge, Key: string(r.edge), DueAt: time.Now()})
	})
}

// proved tells whether the edge has proved everything that is wanted.
func (r *burstRows) proved(ctx context.Context) (all bool, err error) {
	err = r.db.View(ctx, func(tx store.Tx) error {
		e, err := tx.GetEdge(ctx, r.edge)
		if err != nil {
			return err
		}
		changes, err := tx.Changes(ctx, r.edge)
		all = !e.NeedsWhole && len(changes) == 0
		return err
	})
	return all, err
}
