package app_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func TestListDomains(t *testing.T) {
	s := stage(t)
	shop, second := s.serving(), s.Create("Second")
	want := map[id.Site][]id.Domain{}
	for _, to := range []site.Site{shop, second} {
		want[to.ID] = []id.Domain{s.Get(to).Primary.Domain.ID}
	}
	want[""] = []id.Domain{want[shop.ID][0], want[second.ID][0]}
	for i := range 5 {
		to := []site.Site{shop, second}[i%2]
		d := s.add(to, fmt.Sprint("d", i, ".test")).Domain.ID
		want[to.ID], want[""] = append(want[to.ID], d), append(want[""], d)
	}
	gone := s.add(shop, "gone.test")
	_, err := s.App.RemoveDomain(t.Context(), s.Caller, gone.Domain.ID, "", "")
	must(t, err)
	s.Run()
	for siteID, want := range want {
		slices.Reverse(want) // newest first
		for _, limit := range []int{1, 2, 3, 7, 8} {
			var got []id.Domain
			page := network.Page{SiteID: siteID, Limit: limit}
			for range 10 {
				views, err := s.App.ListDomains(t.Context(), s.Caller, page)
				if err != nil || len(views) > limit {
					t.Fatalf("%d domains on a page of %d, %v", len(views), limit, err)
				}
				for _, v := range views {
					got = append(got, v.Domain.ID)
					page.Last = v.Domain.ID
				}
				if len(views) < limit {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("pages of %d of the site %q give %v, want %v", limit, siteID, got, want)
			}
		}
	}
	views, err := s.App.ListDomains(t.Context(), s.Caller, network.Page{SiteID: shop.ID, Limit: 10})
	must(t, err)
	for _, v := range views {
		if v.Primary != (v.Domain.Kind == network.Platform) || len(v.Conditions) == 0 {
			t.Errorf("listed %+v", v)
		}
	}
}

func TestCheckDomain(t *testing.T) {
	check := func(s scene, view app.DomainView) error {
		_, err := s.App.CheckDomain(s.t.Context(), s.Caller, view.Domain.ID, "")
		return err
	}
	t.Run("has it looked at now", func(t *testing.T) {
		s := stage(t)
		view := s.add(s.serving(), "shop.test")
		s.Run()
		s.DNS.SetTXT(view.Instructions[0].Name, view.Instructions[0].Value)
		s.Run()
		if got := s.domain(view); got.Domain.Status != network.PendingDNS || !got.NextAttemptAt.After(s.Clock.Now()) {
			t.Fatalf("without a check it is %+v", got)
		}
		got, err := s.App.CheckDomain(t.Context(), s.Caller, view.Domain.ID, "")
		if err != nil || !got.NextAttemptAt.Equal(s.Clock.Now()) || got.Domain.Status != network.PendingDNS {
			t.Errorf("answered %+v, %v", got, err)
		}
		s.Run()
		if got := s.domain(view); got.Domain.Status != network.Active {
			t.Errorf("after the look it is %+v", got)
		}
	})
	t.Run("while the site is provisioned there is nothing to do", func(t *testing.T) {
		s := stage(t)
		view := s.add(s.Create("Shop"), "shop.test")
		got, err := s.App.CheckDomain(t.Context(), s.Caller, view.Domain.ID, "")
		if err != nil || !got.NextAttemptAt.IsZero() {
			t.Errorf("answered %+v, %v", got, err)
		}
	})
	t.Run("retries one in ERROR", func(t *testing.T) {
		s := stage(t)
		view := s.add(s.serving(), "shop.test")
		s.fail(view)
		got, err := s.App.CheckDomain(t.Context(), s.Caller, view.Domain.ID, "")
		if err != nil || got.Domain.Status != network.PendingDNS || !got.NextAttemptAt.Equal(s.Clock.Now()) {
			t.Errorf("answered %+v, %v", got, err)
		}
		if last := s.History(string(view.Domain.ID)); last[len(last)-1].Event != "retry" || last[len(last)-1].Actor != s.Caller.Subject {
			t.Errorf("its history is %+v", last)
		}
	})
	t.Run("but not the primary of a site in ERROR", func(t *testing.T) {
		s := stage(t, withoutPlatform)
		shop := s.Create("Shop")
		s.Settle()
		view, beside := s.add(shop, "shop.test"), s.add(shop, "beside.test")
		s.fail(view)
		s.fail(beside)
		if got := s.Get(shop).Site.Status; got != site.Error {
			t.Fatalf("the site is %s", got)
		}
		wantPrecondition(t, check(s, view))
		must(t, check(s, beside))
	})
	t.Run("nor what is on its way out", func(t *testing.T) {
		s := stage(t)
		view := s.add(s.serving(), "shop.test")
		_, err := s.App.RemoveDomain(t.Context(), s.Caller, view.Domain.ID, "", "")
		must(t, err)
		wantPrecondition(t, check(s, view))
		s.Settle()
		wantPrecondition(t, check(s, view))
	})
}

func TestRemoveDomain(t *testing.T) {
	remove := func(s scene, d, newPrimary id.Domain) (app.DomainView, error) {
		return s.App.RemoveDomain(s.t.Context(), s.Caller, d, newPrimary, "")
	}
	t.Run("takes it off the edges and gives the name up", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		view := s.proved(shop, "shop.test")
		got, err := remove(s, view.Domain.ID, "")
		if err != nil || got.Domain.Status != network.Releasing || got.Operation == nil || got.Operation.Kind != "release_domain" {
			t.Errorf("answered %+v, %v", got, err)
		}
		history := s.History(string(view.Domain.ID))
		if last := history[len(history)-1]; got.Operation != nil && last.OperationID != string(got.Operation.ID) {
			t.Errorf("the change is not that of the operation: %+v", last)
		}
		again, err := remove(s, view.Domain.ID, "")
		if err != nil || again.Operation == nil || again.Operation.ID != got.Operation.ID {
			t.Errorf("a second time answered %+v, %v", again, err)
		}
		s.Settle()
		if got := s.domain(view); got.Domain.Status != network.Released || got.Operation != nil || s.Host().Serves("shop.test") {
			t.Errorf("in the end it is %+v", got)
		}
		if again, err = remove(s, view.Domain.ID, ""); err != nil || again.Domain.Status != network.Released {
			t.Errorf("once it is gone answered %+v, %v", again, err)
		}
		if got := s.Get(shop).Site.Status; got != site.Active {
			t.Errorf("the site is %s", got)
		}
	})
	t.Run("not the platform name", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		view := s.proved(shop, "shop.test")
		platform := s.Get(shop).Primary.Domain.ID
		_, err := remove(s, platform, "")
		wantPrecondition(t, err)
		_, err = remove(s, platform, view.Domain.ID)
		wantPrecondition(t, err)
		if got := s.Get(shop).Primary.Domain.ID; got != platform {
			t.Error("the primary changed all the same")
		}
	})
	t.Run("what goes with its site is returned as it is", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		platform := s.Get(shop).Primary.Domain.ID
		s.Delete(shop)
		if got, err := remove(s, platform, ""); err != nil || got.Domain.Status != network.Releasing {
			t.Errorf("answered %+v, %v", got, err)
		}
	})
	t.Run("the primary only with another named", func(t *testing.T) {
		s := stage(t, withoutPlatform)
		shop := s.Create("Shop")
		s.Settle()
		first, pending := s.proved(shop, "first.test"), s.add(shop, "pending.test")
		_, err := remove(s, first.Domain.ID, "")
		wantPrecondition(t, err)
		_, err = remove(s, first.Domain.ID, pending.Domain.ID) // the site is ACTIVE, that one is not
		wantPrecondition(t, err)
		_, err = remove(s, first.Domain.ID, first.Domain.ID)
		wantViolation(t, err, "new_primary_domain_id", "")
		_, err = remove(s, first.Domain.ID, id.NewDomain())
		wantNotFound(t, err)
		_, err = remove(s, first.Domain.ID, s.add(s.Create("Second"), "foreign.test").Domain.ID)
		wantNotFound(t, err)
		if got := s.domain(first); got.Domain.Status != network.Active || !got.Primary {
			t.Fatalf("after all that it is %+v", got)
		}
		s.DNS.SetTXT(pending.Instructions[0].Name, pending.Instructions[0].Value)
		s.RunFor(10 * time.Minute)
		got, err := remove(s, first.Domain.ID, pending.Domain.ID)
		if err != nil || got.Domain.Status != network.Releasing || got.Primary {
			t.Errorf("answered %+v, %v", got, err)
		}
		s.RunFor(time.Minute)
		if view := s.Get(shop); view.Primary.Domain.ID != pending.Domain.ID || view.Site.Status != site.Active {
			t.Errorf("the site is %+v", view)
		}
		if got := s.domain(first).Domain.Status; got != network.Released {
			t.Errorf("the old primary is %s", got)
		}
	})
}

// A domain of another tenant is as if it did not exist, for every method.
func TestTenants_domains(t *testing.T) {
	s := stage(t)
	shop := s.serving()
	ours := s.proved(shop, "shop.test")
	stranger := s.NewTenant("other")
	created, err := s.TryCreate(stranger, named("Theirs"), "")
	must(t, err)
	theirs, err := s.App.AddDomain(t.Context(), stranger, created.ID, app.NewDomain{Hostname: "theirs.test"}, "")
	must(t, err)
	s.Run()
	written := s.Written()
	for name, call := range map[string]func(ctx context.Context, siteID id.Site, d id.Domain) error{
		"AddDomain": func(ctx context.Context, siteID id.Site, _ id.Domain) error {
			_, err := s.App.AddDomain(ctx, stranger, siteID, app.NewDomain{Hostname: "more.test"}, "")
			return err
		},
		"GetDomain": func(ctx context.Context, _ id.Site, d id.Domain) error {
			_, err := s.App.GetDomain(ctx, stranger, d)
			return err
		},
		"ListDomains of a site": func(ctx context.Context, siteID id.Site, _ id.Domain) error {
			_, err := s.App.ListDomains(ctx, stranger, network.Page{SiteID: siteID, Limit: 10})
			return err
		},
		"CheckDomain": func(ctx context.Context, _ id.Site, d id.Domain) error {
			_, err := s.App.CheckDomain(ctx, stranger, d, "")
			return err
		},
		"RemoveDomain": func(ctx context.Context, _ id.Site, d id.Domain) error {
			_, err := s.App.RemoveDomain(ctx, stranger, d, "", "")
			return err
		},
		"RemoveDomain for a new primary": func(ctx context.Context, _ id.Site, d id.Domain) error {
			_, err := s.App.RemoveDomain(ctx, stranger, theirs.Domain.ID, d, "")
			return err
		},
		"SetPrimaryDomain of a site": func(ctx context.Context, siteID id.Site, _ id.Domain) error {
			_, err := s.App.SetPrimaryDomain(ctx, stranger, siteID, theirs.Domain.ID, "")
			return err
		},
		"SetPrimaryDomain to a domain": func(ctx context.Context, _ id.Site, d id.Domain) error {
			_, err := s.App.SetPrimaryDomain(ctx, stranger, created.ID, d, "")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			wantNotFound(t, call(t.Context(), shop.ID, ours.Domain.ID))
			wantNotFound(t, call(t.Context(), id.NewSite(), id.NewDomain()))
		})
	}
	t.Run("ListDomains", func(t *testing.T) {
		views, err := s.App.ListDomains(t.Context(), stranger, network.Page{Limit: 10})
		if err != nil || len(views) != 2 || views[0].Domain.ID != theirs.Domain.ID {
			t.Errorf("got %+v, %v", views, err)
		}
	})
	if got := s.Written(); got != written {
		t.Errorf("rows grew from %+v to %+v", written, got)
	}
}
