package app_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
)

func TestNew_reports_every_problem(t *testing.T) {
	cfg := lifecycle.Defaults()
	cfg.ProbePolicy, cfg.Concurrency = "sometimes", 0
	_, err := app.New(app.WithConfig(cfg))
	for _, want := range []string{"store", "edge provider", "tunnel provider", "DNS validator", "sometimes", "concurrency"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported: %v", want, err)
		}
	}
}

// The real loop drives a site to ACTIVE and off again by itself.
func TestControlPlane_works_by_itself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "siteplane.db")
	synctest.Test(t, func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
		must(t, err)
		edges := fake.NewEdges()
		cfg := lifecycle.Defaults()
		cfg.PlatformDomain = apptest.PlatformDomain
		cp, err := app.New(app.WithConfig(cfg), app.WithStore(db), app.WithEdge(edges), app.WithTunnel(fake.NewTunnel()), app.WithDNS(fake.NewDNS(edges)))
		must(t, err)
		tenant, err := app.EnsureTenant(t.Context(), db, admin.Tenant{ID: id.NewTenant(), Name: "default", CreatedAt: time.Now()})
		must(t, err)
		e := edge.Edge{ID: id.NewEdge(), Name: "one", PublicAddresses: []string{"203.0.113.7"}, NeedsWhole: true}
		must(t, app.EnsureEdge(t.Context(), db, e))
		host := edges.Host(e.ID)
		must(t, cp.Start(t.Context()))

		by := auth.Principal{TenantID: tenant.ID, Subject: "key:1", Role: auth.Operator}
		view, err := cp.CreateSite(t.Context(), by, named("Shop"), "")
		must(t, err)
		reaches(t, cp, by, view.Site.ID, site.Active)
		if !host.Serves("shop." + apptest.PlatformDomain) {
			t.Error("the edge does not serve the site")
		}
		_, err = cp.DeleteSite(t.Context(), by, view.Site.ID, "")
		must(t, err)
		reaches(t, cp, by, view.Site.ID, site.Deleted)
		if len(host.Sites()) != 0 {
			t.Errorf("the edge holds %v", host.Sites())
		}
		must(t, cp.Stop(t.Context()))
		looks := len(edges.Calls(""))
		time.Sleep(time.Hour)
		if got := len(edges.Calls("")); got != looks {
			t.Errorf("%d calls after the end", got-looks)
		}
		must(t, db.Close())
	})
}

// Stop waits for what was begun, but not longer than it is given.
func TestControlPlane_stops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "siteplane.db")
	synctest.Test(t, func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), sqlite.Config{Path: path})
		must(t, err)
		edges := fake.NewEdges()
		cp, err := app.New(app.WithStore(db), app.WithEdge(edges), app.WithTunnel(fake.NewTunnel()), app.WithDNS(fake.NewDNS(edges)))
		must(t, err)
		must(t, cp.Stop(t.Context())) // nothing was started
		e := edge.Edge{ID: id.NewEdge(), Name: "one", NeedsWhole: true}
		must(t, app.EnsureEdge(t.Context(), db, e))
		let := make(chan struct{})
		edges.Host(e.ID).During(func() { <-let })
		must(t, cp.Start(t.Context()))
		synctest.Wait()
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := cp.Stop(hurried); err == nil {
			t.Error("it says that it stopped while an apply is on the way")
		}
		close(let)
		must(t, cp.Stop(t.Context()))
		must(t, db.Close())
	})
}

// reaches waits until a site has a status, a minute at most.
func reaches(t *testing.T, cp *app.ControlPlane, by auth.Principal, siteID id.Site, want site.Status) {
	t.Helper()
	var got site.Status
	for range 600 {
		view, err := cp.GetSite(t.Context(), by, siteID)
		must(t, err)
		if got = view.Site.Status; got == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the site is %s, want %s", got, want)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
