package api_test

import (
	"context"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// estate is the ids of one thing of each kind.
type estate struct {
	tenant, site, operation, key string
	// domain waits for its owner, primary serves.
	domain, primary string
	// broken is a site in ERROR.
	broken string
	// Those of the installation; bystander is a tenant that has nothing.
	edge, tunnel, hold, bystander, placement string
	// spare is an edge that nothing waits for, token lets a host join.
	spare, token string
}

// nobodys is an estate that is well-formed and not there.
func nobodys() estate {
	return estate{
		tenant: string(id.NewTenant()), site: string(id.NewSite()), domain: string(id.NewDomain()), primary: string(id.NewDomain()),
		operation: string(id.NewOperation()), key: string(id.NewKey()), broken: string(id.NewSite()),
		edge: string(id.NewEdge()), tunnel: string(id.NewTunnel()), hold: "hold_unknown", bystander: string(id.NewTenant()),
		placement: "unknown", spare: string(id.NewEdge()), token: string(id.NewJoinToken()),
	}
}

// owned gives each of some tenants an estate: a site that serves and is updated while
// its edge is away, a domain that waits for its owner, a site in ERROR and a key.
func (s *server) owned(tenants ...auth.Principal) (estates []estate) {
	s.Helper()
	var sites []site.Site
	for i, by := range tenants {
		sites = append(sites, s.world.CreateFor(by, fmt.Sprintf("Shop %d", i)))
	}
	s.world.Settle()
	shared := s.installation()
	s.world.Host().SetDown(true)
	for i, by := range tenants {
		e := shared
		e.tenant, e.site = string(by.TenantID), string(sites[i].ID)
		e.primary = string(s.world.Get(sites[i]).Primary.Domain.ID)
		e.domain = string(s.world.AddDomain(sites[i], fmt.Sprintf("shop%d.customer.test", i), false).ID)
		e.broken = string(s.brokenSite(by).ID)
		_, e.key = s.newKey(by, auth.Viewer)
		spec := apptest.SpecWith("X-New")
		view, err := s.world.App.UpdateSite(s.Context(), by, sites[i].ID, app.SiteChange{Spec: &spec}, "")
		s.must(err)
		e.operation = string(view.Operation.ID)
		estates = append(estates, e)
	}
	return estates
}

// installation is what no tenant has.
func (s *server) installation() estate {
	s.Helper()
	e := estate{
		edge: string(s.world.EdgeIDs()[0]), tunnel: string(s.world.TunnelID()), hold: "hold_1",
		bystander: string(s.world.NewTenant("bystander").TenantID), placement: "eu",
		spare: string(id.NewEdge()),
	}
	made, err := s.world.App.CreateJoinToken(s.Context(), s.world.Caller, app.TokenAsked{Name: "awaited"}, "")
	s.must(err)
	e.token = string(made.Token.ID)
	s.world.Place(edge.Placement{Name: e.placement})
	s.world.Update(func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutEdge(ctx, edge.Edge{ID: id.Edge(e.spare), Name: "spare", NeedsWhole: true}); err != nil {
			return err
		}
		now, target := s.world.Clock.Now(), drift.Target{Kind: drift.Edge, ID: e.edge}
		found := drift.Finding{Kind: "FILE_CHANGED", Place: "a.conf", Detail: "differs", Cause: "edited by hand", Since: now.Add(-time.Hour), Foreign: true}
		if _, err := drift.Record(ctx, tx, target, []drift.Finding{found}, drift.Gone, lifecycle.Cause{At: now}); err != nil {
			return err
		}
		return hold.Begin(ctx, tx, hold.Hold{ID: e.hold, Target: target, Names: []string{"a.example"}, Count: 6, Held: 9, Since: now})
	})
	return e
}

// brokenSite is a site in ERROR, which nothing works on.
func (s *server) brokenSite(by auth.Principal) site.Site {
	s.Helper()
	made := s.world.CreateFor(by, "Broken")
	s.world.Step() // it is PROVISIONING then
	s.world.Update(func(ctx context.Context, tx store.Tx) error {
		if err := saga.Cancel(ctx, tx, worker.Site, string(made.ID), "put", s.world.Clock.Now()); err != nil {
			return err
		}
		now, err := tx.GetSite(ctx, made.TenantID, made.ID)
		if err != nil {
			return err
		}
		_, err = site.Apply(ctx, tx, now, site.Fail, lifecycle.Cause{Actor: "test", Reason: "put", OperationID: "op_1", At: s.world.Clock.Now()})
		return err
	})
	return made
}

// newKey makes a key of a caller's tenant, which knows some sites only if any are
// named.
func (s *server) newKey(by auth.Principal, role auth.Role, sites ...string) (text, keyID string) {
	s.Helper()
	key, secret := auth.NewAPIKey(by.TenantID, "test", role, s.world.Clock.Now())
	for _, each := range sites {
		key.Sites = append(key.Sites, id.Site(each))
	}
	s.world.Update(func(ctx context.Context, tx store.Tx) error { return tx.InsertKey(ctx, key) })
	return secret.Reveal(), string(key.ID)
}
