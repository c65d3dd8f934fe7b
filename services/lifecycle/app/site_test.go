package app_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

func setup(t *testing.T) *apptest.World {
	t.Helper()
	w := apptest.New(t, apptest.Options{})
	w.Run()
	return w
}

func named(name string) app.NewSite { return app.NewSite{Name: name, Spec: apptest.Spec()} }

func TestCreateSite(t *testing.T) {
	t.Run("writes the site, its platform domain and the operation", func(t *testing.T) {
		w := setup(t)
		view, err := w.App.CreateSite(t.Context(), w.Caller, named("My Shop"), "")
		if err != nil {
			t.Fatal(err)
		}
		s := view.Site
		if s.Status != site.Created || s.Slug != "my-shop" || s.Name != "My Shop" || s.WantedRevision != 1 || s.ConfirmedRevision != 0 {
			t.Errorf("the site is %+v", s)
		}
		if view.Primary == nil || view.Primary.Domain.Hostname != "my-shop."+apptest.PlatformDomain || view.Primary.Domain.ID != s.PrimaryDomainID {
			t.Errorf("the primary domain is %+v", view.Primary)
		}
		if view.Operation == nil || view.Operation.Kind != "create_site" || w.App.StepName(*view.Operation) != "provision" {
			t.Errorf("the operation is %+v", view.Operation)
		}
		if diff := cmp.Diff(apptest.Spec().Normalize(), view.Spec); diff != "" {
			t.Errorf("spec (-want +got):\n%s", diff)
		}
	})
	t.Run("the operation is that of whatever is at work", func(t *testing.T) {
		w := setup(t)
		s := w.Create("Shop")
		var kinds []string
		for range 30 {
			if op := w.Get(s).Operation; op != nil && !slices.Contains(kinds, op.Kind) {
				kinds = append(kinds, op.Kind)
			}
			if _, ok := w.Step(); !ok {
				break
			}
		}
		if want := []string{"create_site", "activate_domain"}; !slices.Equal(kinds, want) || w.Get(s).Operation != nil {
			t.Errorf("operations were %v, want %v and none at the end", kinds, want)
		}
	})
	t.Run("a wrong spec is refused, and nothing is written", func(t *testing.T) {
		w := setup(t)
		written := w.Written()
		in := named("Shop")
		in.Spec.Origin.Targets[0].Address = "127.0.0.1:80"
		_, err := w.TryCreate(w.Caller, in, "request-1")
		var invalid *lifecycle.InvalidError
		if !errors.As(err, &invalid) || invalid.Violations[0].Field != "site.spec.origin.targets[0].address" {
			t.Errorf("got %v", err)
		}
		if got := w.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
		in.Spec = apptest.Spec() // the request id is not spent
		if _, err := w.TryCreate(w.Caller, in, "request-1"); err != nil {
			t.Error(err)
		}
	})
}

func TestCreateSite_slug(t *testing.T) {
	t.Run("one that nobody asked for gets a suffix when it is taken", func(t *testing.T) {
		w := setup(t)
		first, second := w.Create("Shop"), w.Create("Shop")
		if form := regexp.MustCompile(`^shop-[0-9a-z]{6}$`); first.Slug != "shop" || !form.MatchString(second.Slug) {
			t.Errorf("slugs are %q and %q", first.Slug, second.Slug)
		}
		w.Settle()
		for _, s := range []site.Site{first, second} {
			if got := w.Get(s); got.Site.Status != site.Active || got.Primary.Domain.Hostname != s.Slug+"."+apptest.PlatformDomain {
				t.Errorf("%s is %s under %s", s.Slug, got.Site.Status, got.Primary.Domain.Hostname)
			}
		}
	})
	t.Run("one that was asked for is refused when it is taken, by whomever", func(t *testing.T) {
		w := setup(t)
		w.Create("Shop")
		in := named("Other")
		in.Slug = "shop"
		for _, by := range []auth.Principal{w.Caller, w.NewTenant("other")} {
			var taken *lifecycle.TakenError
			if _, err := w.TryCreate(by, in, ""); !errors.As(err, &taken) || taken.Kind != "slug" || taken.Name != "shop" {
				t.Errorf("%s was told %v", by.Subject, err)
			}
		}
	})
	t.Run("of a site on its way out is still taken", func(t *testing.T) {
		w := setup(t)
		s := w.Create("Shop")
		w.Settle()
		w.Host().SetDown(true)
		w.Delete(s)
		w.RunFor(time.Minute)
		in := named("Shop")
		in.Slug = "shop"
		var taken *lifecycle.TakenError
		if _, err := w.TryCreate(w.Caller, in, ""); !errors.As(err, &taken) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCreateSite_request_id(t *testing.T) {
	t.Run("the same request again gives the first site", func(t *testing.T) {
		w := setup(t)
		first, err := w.TryCreate(w.Caller, named("Shop"), "request-1")
		if err != nil {
			t.Fatal(err)
		}
		w.Settle()
		written := w.Written()
		again, err := w.TryCreate(w.Caller, named("Shop"), "request-1")
		if err != nil || again != first {
			t.Errorf("got %+v, %v; want it as it was", again, err)
		}
		if got := w.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
	})
	t.Run("with another body it is refused", func(t *testing.T) {
		w := setup(t)
		if _, err := w.TryCreate(w.Caller, named("Shop"), "request-1"); err != nil {
			t.Fatal(err)
		}
		slug, spec := named("Shop"), named("Shop")
		slug.Slug = "shop"
		spec.Spec.Options.Websocket = true
		for _, in := range []app.NewSite{named("Other"), slug, spec} {
			var taken *lifecycle.TakenError
			if _, err := w.TryCreate(w.Caller, in, "request-1"); !errors.As(err, &taken) || taken.Kind != "request id" {
				t.Errorf("%+v: %v", in, err)
			}
		}
	})
	t.Run("belongs to its tenant", func(t *testing.T) {
		w := setup(t)
		first, err := w.TryCreate(w.Caller, named("Shop"), "request-1")
		if err != nil {
			t.Fatal(err)
		}
		other, err := w.TryCreate(w.NewTenant("other"), named("Else"), "request-1")
		if err != nil || other.ID == first.ID {
			t.Errorf("another tenant got %s, %v", other.ID, err)
		}
	})
	t.Run("without one each call makes a site", func(t *testing.T) {
		w := setup(t)
		first, second := w.Create("Shop"), w.Create("Shop")
		if first.ID == second.ID {
			t.Error("one site for two calls")
		}
	})
	t.Run("many at once make one site", func(t *testing.T) {
		w := setup(t)
		ids := make(chan id.Site, 8)
		var calls sync.WaitGroup
		for range cap(ids) {
			calls.Go(func() {
				view, err := w.App.CreateSite(t.Context(), w.Caller, named("Shop"), "request-1")
				var busy *app.InProgressError
				if err != nil && !errors.As(err, &busy) {
					t.Error(err)
				}
				ids <- view.Site.ID
			})
		}
		calls.Wait()
		close(ids)
		made := map[id.Site]bool{}
		for siteID := range ids {
			made[siteID] = true
		}
		if delete(made, ""); len(made) != 1 {
			t.Errorf("%d sites were made", len(made))
		}
	})
}

// A site of another tenant is as if it did not exist, for every method.
func TestTenants(t *testing.T) {
	w := setup(t)
	s := w.Create("Shop")
	w.Settle()
	stranger := w.NewTenant("other")
	for name, call := range map[string]func(ctx context.Context, siteID id.Site) error{
		"GetSite": func(ctx context.Context, siteID id.Site) error {
			_, err := w.App.GetSite(ctx, stranger, siteID)
			return err
		},
		"DeleteSite": func(ctx context.Context, siteID id.Site) error {
			_, err := w.App.DeleteSite(ctx, stranger, siteID, "")
			return err
		},
		"RetrySite": func(ctx context.Context, siteID id.Site) error {
			_, err := w.App.RetrySite(ctx, stranger, siteID, "")
			return err
		},
		"Timeline": func(ctx context.Context, siteID id.Site) error {
			_, err := w.App.Timeline(ctx, stranger, siteID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var foreign, unknown *lifecycle.NotFoundError
			none := id.NewSite()
			if err := call(t.Context(), s.ID); !errors.As(err, &foreign) || foreign.ID != string(s.ID) {
				t.Errorf("a foreign site: %v", err)
			}
			if err := call(t.Context(), none); !errors.As(err, &unknown) || unknown.ID != string(none) {
				t.Errorf("no site: %v", err)
			}
		})
	}
	t.Run("ListSites", func(t *testing.T) {
		if views, err := w.App.ListSites(t.Context(), stranger, site.Page{Limit: 10}); err != nil || len(views) != 0 {
			t.Errorf("got %v, %v", views, err)
		}
	})
	if got := w.Get(s).Site.Status; got != site.Active {
		t.Errorf("after all that the site is %s", got)
	}
}

func TestListSites(t *testing.T) {
	w := setup(t)
	var want []id.Site
	for i := range 7 {
		want = append(want, w.Create(fmt.Sprint("site ", i)).ID)
	}
	slices.Reverse(want) // newest first
	gone := w.Create("gone")
	w.Settle()
	w.Delete(gone)
	w.Settle()
	for _, limit := range []int{1, 2, 3, 7, 8} {
		var got []id.Site
		page := site.Page{Limit: limit}
		for range 10 {
			views, err := w.App.ListSites(t.Context(), w.Caller, page)
			if err != nil || len(views) > limit {
				t.Fatalf("%d sites on a page of %d, %v", len(views), limit, err)
			}
			for _, v := range views {
				got = append(got, v.Site.ID)
				page.Last = v.Site.ID
			}
			if len(views) < limit {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d give %v, want %v", limit, got, want)
		}
	}
}

func TestRetrySite_only_in_ERROR(t *testing.T) {
	w := setup(t)
	s := w.Create("Shop")
	refused := func() {
		t.Helper()
		written := w.Written()
		var illegal *lifecycle.IllegalTransitionError
		if err := w.TryRetry(s); !errors.As(err, &illegal) {
			t.Errorf("while %s: %v", w.Get(s).Site.Status, err)
		}
		if got := w.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
	}
	refused()
	w.Step()
	w.Settle()
	refused()
	w.Delete(s)
	refused()
	w.Settle()
	refused()
}

func TestTimeline(t *testing.T) {
	w := setup(t)
	s := w.Create("Shop")
	w.Settle()
	w.Clock.Advance(time.Minute)
	w.Delete(s)
	w.Settle()
	moments, err := w.App.Timeline(t.Context(), w.Caller, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	var changes, entries int
	for i, m := range moments {
		if i > 0 && m.At.Before(moments[i-1].At) {
			t.Errorf("moment %d is before the one before", i)
		}
		if (m.Change == nil) == (m.Entry == nil) || m.Operation.ID == "" || m.ObjectID == "" {
			t.Errorf("moment %d is %+v", i, m)
		}
		if m.Change != nil {
			changes++
		} else {
			entries++
		}
	}
	if written := w.Written(); changes != written.History || entries != written.Journal {
		t.Errorf("%d changes and %d steps, written were %+v", changes, entries, written)
	}
	if first, last := moments[0], moments[len(moments)-1]; first.Change == nil || first.Change.To != "CREATED" || last.At.Sub(first.At) < time.Minute {
		t.Errorf("it goes from %+v to %+v", first, last)
	}
}

// What a caller is shown is one snapshot, whatever is written meanwhile.
func TestGetSite_while_it_changes(t *testing.T) {
	w := setup(t)
	s := w.Create("Shop")
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	for range 2 {
		reading.Go(func() {
			for ctx.Err() == nil {
				view, err := w.App.GetSite(t.Context(), w.Caller, s.ID)
				if err != nil {
					t.Error(err)
					return
				}
				if view.Site.Status == site.Active && view.Primary.Domain.Status != "ACTIVE" {
					t.Errorf("the site is %s, its primary %s", view.Site.Status, view.Primary.Domain.Status)
				}
			}
		})
	}
	w.Settle()
	stop()
	reading.Wait()
}

func TestEnsure(t *testing.T) {
	w := setup(t)
	t.Run("a tenant is made once", func(t *testing.T) {
		ensure := func() admin.Tenant {
			got, err := app.EnsureTenant(t.Context(), w.Store, admin.Tenant{ID: id.NewTenant(), Name: "acme", CreatedAt: w.Clock.Now()})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if first, second := ensure(), ensure(); first.ID != second.ID || first.Name != "acme" {
			t.Errorf("%+v and %+v", first, second)
		}
	})
	t.Run("an issued key lets its tenant in", func(t *testing.T) {
		text, err := app.IssueKey(t.Context(), w.Store, w.Caller.TenantID, "ci", auth.Viewer, w.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.App.Auth().Authenticate(t.Context(), text.Reveal())
		if err != nil || got.TenantID != w.Caller.TenantID || got.Role != auth.Viewer {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("the sole edge is found", func(t *testing.T) {
		edgeID, ok, err := app.SoleEdge(t.Context(), w.Store)
		if err != nil || !ok || edgeID != w.EdgeIDs()[0] {
			t.Errorf("got %s, %v, %v", edgeID, ok, err)
		}
		empty := apptest.New(t, apptest.Options{Edges: -1})
		if _, ok, err := app.SoleEdge(t.Context(), empty.Store); ok || err != nil {
			t.Errorf("without edges: %v, %v", ok, err)
		}
	})
	t.Run("an edge that joins is due at once", func(t *testing.T) {
		second := w.AddEdge()
		w.Run()
		w.View(func(ctx context.Context, tx store.Tx) error {
			e, err := tx.GetEdge(ctx, second)
			if err == nil && !e.Synced() {
				t.Errorf("the edge is %+v", e)
			}
			return err
		})
	})
}
