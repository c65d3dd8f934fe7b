package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

func TestAddDomain_primary(t *testing.T) {
	add := func(s scene, to site.Site) {
		s.t.Helper()
		before, ok := condition.Find(s.Get(to).Conditions, condition.Resolves)
		if !ok || before.Reason != "NO_DOMAIN" {
			s.t.Fatalf("before, Resolves is %+v", before)
		}
		first, second := s.add(to, "shop.test"), s.add(to, "www.shop.test")
		if !first.Primary || second.Primary || s.Get(to).Primary.Domain.ID != first.Domain.ID {
			s.t.Errorf("the first is primary: %v, the second: %v", first.Primary, second.Primary)
		}
		after, _ := condition.Find(s.Get(to).Conditions, condition.Resolves)
		if after.Status != condition.NotApplicable || after.Reason == "NO_DOMAIN" {
			s.t.Errorf("after, Resolves is %+v", after)
		}
	}
	t.Run("of a site that waits for one", func(t *testing.T) {
		s := stage(t, withoutPlatform)
		shop := s.Create("Shop")
		s.Settle()
		add(s, shop)
		if got := s.Get(shop).Site.Status; got != site.DomainPendingDNS {
			t.Errorf("the site is %s", got)
		}
	})
	t.Run("of a site that is not provisioned", func(t *testing.T) {
		s := stage(t, withoutPlatform)
		shop := s.Create("Shop")
		add(s, shop)
		view := s.Get(shop).Primary
		s.DNS.SetTXT(view.Instructions[0].Name, view.Instructions[0].Value)
		s.RunFor(time.Minute)
		if got := s.Get(shop).Site.Status; got != site.Active {
			t.Errorf("the site is %s", got)
		}
	})
	t.Run("of a site in ERROR, which stays", func(t *testing.T) {
		s := stage(t, withoutPlatform)
		shop := s.Create("Shop")
		s.Host().Reject(string(shop.ID), "bad")
		s.Settle()
		if got := s.Get(shop).Site.Status; got != site.Error {
			t.Fatalf("the site is %s", got)
		}
		add(s, shop)
		if got := s.Get(shop).Site.Status; got != site.Error {
			t.Errorf("the site is %s", got)
		}
	})
	t.Run("in the place of one that is on its way out", func(t *testing.T) {
		s := stage(t, withoutPlatform)
		shop := s.Create("Shop")
		s.Settle()
		lost := s.proved(shop, "lost.test")
		s.Update(func(ctx context.Context, tx store.Tx) error {
			_, err := network.Apply(ctx, tx, lost.Domain, network.Release, lifecycle.Cause{Actor: "test", Reason: "lost", OperationID: "op_1", At: s.Clock.Now()})
			return err
		})
		if view := s.add(shop, "shop.test"); !view.Primary {
			t.Errorf("the new one is %+v", view)
		}
	})
}

func TestCreateSite_primary_hostname(t *testing.T) {
	own := named("My Shop")
	own.PrimaryHostname, own.Direct = "Shop.TEST", true
	t.Run("is the primary, and there is no platform name", func(t *testing.T) {
		s := stage(t)
		created, err := s.TryCreate(s.Caller, own, "")
		must(t, err)
		view := s.Get(created)
		p := view.Primary
		if p == nil || !p.Primary || p.Domain.Hostname != "shop.test" || p.Domain.Kind != network.Custom || !p.Domain.PreferDirect || len(p.Instructions) != 1 {
			t.Fatalf("the primary is %+v", p)
		}
		domains, err := s.App.ListDomains(t.Context(), s.Caller, network.Page{SiteID: created.ID, Limit: 10})
		if err != nil || len(domains) != 1 || created.Slug != "my-shop" {
			t.Errorf("the site %s has %+v, %v", created.Slug, domains, err)
		}
		if _, ok := condition.Find(view.Conditions, condition.Resolves); ok {
			t.Errorf("the site has conditions %+v", view.Conditions)
		}
		s.DNS.SetTXT(p.Instructions[0].Name, p.Instructions[0].Value)
		s.Settle()
		if got := s.Get(created).Site.Status; got != site.Active {
			t.Errorf("the site is %s", got)
		}
	})
	t.Run("the slug is taken all the same", func(t *testing.T) {
		s := stage(t)
		_, err := s.TryCreate(s.Caller, own, "")
		must(t, err)
		in := named("Other")
		in.Slug = "my-shop"
		_, err = s.TryCreate(s.NewTenant("other"), in, "")
		wantTaken(t, err, "slug", "my-shop")
	})
	t.Run("that the tenant claims already is refused, and nothing is written", func(t *testing.T) {
		s := stage(t)
		s.add(s.Create("Shop"), "shop.test")
		s.Run()
		written := s.Written()
		_, err := s.TryCreate(s.Caller, own, "request-1")
		wantTaken(t, err, "hostname", "shop.test")
		if got := s.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
	})
	t.Run("is told together with what else is wrong", func(t *testing.T) {
		s := stage(t)
		in := named("Shop")
		in.Spec.Origin.Targets[0].Address, in.PrimaryHostname = "127.0.0.1:80", "two words"
		_, err := s.TryCreate(s.Caller, in, "")
		var invalid *lifecycle.InvalidError
		if !errors.As(err, &invalid) || len(invalid.Violations) != 2 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("belongs to the request", func(t *testing.T) {
		s := stage(t)
		_, err := s.TryCreate(s.Caller, own, "request-1")
		must(t, err)
		hostname, direct := own, own
		hostname.PrimaryHostname, direct.Direct = "other.test", false
		for _, in := range []app.NewSite{hostname, direct, named("My Shop")} {
			_, err := s.TryCreate(s.Caller, in, "request-1")
			wantTaken(t, err, "request id", "request-1")
		}
	})
}

func TestSetPrimaryDomain(t *testing.T) {
	s := stage(t)
	shop := s.serving()
	set := func(to id.Site, d id.Domain) (app.SiteView, error) {
		return s.App.SetPrimaryDomain(t.Context(), s.Caller, to, d, "")
	}
	platform := s.Get(shop).Primary.Domain.ID
	pending, active := s.add(shop, "pending.test"), s.proved(shop, "active.test")
	t.Run("an ACTIVE site takes only an ACTIVE domain", func(t *testing.T) {
		_, err := set(shop.ID, pending.Domain.ID)
		wantPrecondition(t, err)
		view, err := set(shop.ID, active.Domain.ID)
		if err != nil || view.Primary.Domain.ID != active.Domain.ID || !view.Primary.Primary || view.Site.Status != site.Active {
			t.Errorf("answered %+v, %v", view, err)
		}
		if _, err := set(shop.ID, platform); err != nil {
			t.Error(err)
		}
	})
	t.Run("again changes nothing", func(t *testing.T) {
		written := s.Written()
		if view, err := set(shop.ID, platform); err != nil || view.Primary.Domain.ID != platform {
			t.Errorf("answered %+v, %v", view, err)
		}
		if got := s.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
	})
	t.Run("a domain of another site is none", func(t *testing.T) {
		second := s.Create("Second")
		_, err := set(second.ID, active.Domain.ID)
		wantNotFound(t, err)
		_, err = set(shop.ID, id.NewDomain())
		wantNotFound(t, err)
	})
	t.Run("the status follows", func(t *testing.T) {
		third := s.Create("Third")
		s.DNS.LeadNowhere("third." + apptest.PlatformDomain)
		s.Run()
		own := s.proved(third, "third.test")
		if got := s.Get(third).Site.Status; got != site.DomainPendingDNS {
			t.Fatalf("before, the site is %s", got)
		}
		if view, err := set(third.ID, own.Domain.ID); err != nil || view.Site.Status != site.Active {
			t.Errorf("answered %+v, %v", view, err)
		}
	})
}
