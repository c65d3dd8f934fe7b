package api_test

import (
	"context"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/postgres"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func migrateAsOrdinary(ctx context.Context, dsn string) error {
	return pgtest.Own(ctx, dsn, postgres.Migrate)
}

// behindTheWall opens a database that itself keeps tenants apart.
func behindTheWall(t *testing.T) func(clock func() time.Time) (store.Store, error) {
	dsn := pgtest.Ordinary(pgtest.New(t, migrateAsOrdinary))
	return func(clock func() time.Time) (store.Store, error) {
		return postgres.Open(context.Background(), postgres.Config{DSN: dsn, Clock: clock, Connections: 8})
	}
}

// The wall of PostgreSQL takes nothing from a tenant that is its own.
func TestForeign_of_another_tenant_behind_the_wall(t *testing.T) {
	foreignOfAnotherTenant(t, setupOn(t, behindTheWall(t)))
}

// Some things are asked, and done, across the wall on purpose.
func TestWall_is_crossed(t *testing.T) {
	s := setupOn(t, behindTheWall(t))
	other := s.world.NewTenant("other")
	mine, theirs := as(t, s.keyOf[auth.Operator]), as(t, s.key(other, auth.Operator))
	named := func(slug, requestID string) *lifecyclev1.CreateSiteRequest {
		req := newSite(slug)
		req.Site.Slug, req.RequestId = slug, requestID
		return req
	}
	t.Run("by a slug that is kept for another tenant", func(t *testing.T) {
		defer s.in(t)()
		made, err := s.sites.CreateSite(mine, named("kept", ""))
		s.must(err)
		s.world.Run()
		_, err = s.sites.DeleteSite(mine, &lifecyclev1.DeleteSiteRequest{SiteId: made.GetSite().GetSiteId()})
		s.must(err)
		s.world.Settle()
		_, err = s.sites.CreateSite(theirs, named("kept", ""))
		wantError(t, err, codes.AlreadyExists, "NAME_TAKEN")
		_, err = s.sites.CreateSite(mine, named("kept", ""))
		s.must(err)
	})
	t.Run("by who deletes a placement, which another tenant's site had", func(t *testing.T) {
		defer s.in(t)()
		platform := as(t, s.keyOf[auth.PlatformAdmin])
		_, err := s.infra.PutPlacement(platform, &lifecyclev1.PutPlacementRequest{Placement: &lifecyclev1.Placement{Name: "eu"}})
		s.must(err)
		req := named("placed", "")
		req.Site.Placement = "eu"
		made, err := s.sites.CreateSite(theirs, req)
		s.must(err)
		s.world.Settle()
		_, err = s.infra.DeletePlacement(platform, &lifecyclev1.DeletePlacementRequest{Name: "eu"})
		wantError(t, err, codes.FailedPrecondition, "PRECONDITION")
		_, err = s.sites.DeleteSite(theirs, &lifecyclev1.DeleteSiteRequest{SiteId: made.GetSite().GetSiteId()})
		s.must(err)
		s.world.Settle()
		_, err = s.infra.DeletePlacement(platform, &lifecyclev1.DeletePlacementRequest{Name: "eu"})
		s.must(err)
	})
	t.Run("by who gives up a contest, which the holder learns", func(t *testing.T) {
		defer s.in(t)()
		add := func(ctx context.Context, slug string) network.Domain {
			made, err := s.sites.CreateSite(ctx, named(slug, ""))
			s.must(err)
			added, err := s.domains.AddDomain(ctx, &lifecyclev1.AddDomainRequest{SiteId: made.GetSite().GetSiteId(), Hostname: "contested.example.com"})
			s.must(err)
			return network.Domain{ID: id.Domain(added.GetDomain().GetDomainId()), Hostname: "contested.example.com"}
		}
		holder, contender := add(mine, "holds"), add(theirs, "contends")
		now := s.world.Clock.Now()
		s.world.Update(func(ctx context.Context, tx store.Tx) error {
			return tx.PutContest(ctx, network.Contest{
				Hostname: holder.Hostname, ContenderID: contender.ID, ContenderTenant: other.TenantID,
				HolderID: holder.ID, HolderTenant: s.world.Caller.TenantID, Token: "t", OpenedAt: now, Until: now.Add(time.Hour), Outcome: network.ContestOpen,
			})
		})
		_, err := s.domains.RemoveDomain(theirs, &lifecyclev1.RemoveDomainRequest{DomainId: string(contender.ID)})
		s.must(err)
		s.world.View(func(ctx context.Context, tx store.Tx) error {
			left, err := tx.ContestsOn(ctx, holder.Hostname)
			if len(left) > 0 {
				t.Errorf("there is still %v", left)
			}
			if _, due, _ := tx.DueAt(ctx, worker.Domain, string(holder.ID)); !due {
				t.Error("the holder is not looked at")
			}
			return err
		})
	})
	t.Run("by old answers of who calls no more", func(t *testing.T) {
		defer s.in(t)()
		_, err := s.sites.CreateSite(mine, named("silent", "old"))
		s.must(err)
		s.world.Clock.Advance(lifecycle.Defaults().KeepRequests + time.Hour)
		_, err = s.sites.CreateSite(theirs, named("speaks", "new"))
		s.must(err)
		s.world.View(func(ctx context.Context, tx store.Tx) error {
			_, kept, err := tx.GetRequest(ctx, s.world.Caller.TenantID, "old")
			if kept {
				t.Error("it is kept for good")
			}
			return err
		})
	})
}
