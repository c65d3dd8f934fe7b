package app_test

import (
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func TestAddDomain(t *testing.T) {
	t.Run("claims without showing anything", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		view, err := s.App.AddDomain(t.Context(), s.Caller, shop.ID, app.NewDomain{Hostname: "Shop.TEST", Direct: true}, "")
		must(t, err)
		d := view.Domain
		if d.Hostname != "shop.test" || d.Kind != network.Custom || d.Mode != network.ModeUnknown || d.Status != network.PendingDNS ||
			d.Wanted != network.Hidden || !d.PreferDirect || d.SiteID != shop.ID {
			t.Errorf("the domain is %+v", d)
		}
		if view.Primary || s.Get(shop).Primary.Domain.Kind != network.Platform {
			t.Error("it took the place of the primary")
		}
		form := regexp.MustCompile(`^[a-z2-7]{32}$`)
		if len(view.Instructions) != 1 || !form.MatchString(view.Instructions[0].Value) ||
			view.Instructions[0] != network.OwnershipRecord("shop.test", view.Instructions[0].Value) {
			t.Errorf("the instructions are %+v", view.Instructions)
		}
		owned, _ := condition.Find(view.Conditions, condition.Owned)
		if owned.Status != condition.Unknown || owned.Reason != condition.ReasonWaiting || owned.Message == "" {
			t.Errorf("Owned is %+v", owned)
		}
		if !view.NextAttemptAt.Equal(s.Clock.Now()) {
			t.Errorf("it is looked at at %s, now is %s", view.NextAttemptAt, s.Clock.Now())
		}
	})
	t.Run("leads to ACTIVE once the records are there", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		s.proved(shop, "shop.test")
		if !s.Host().Serves("shop.test") {
			t.Error("the edge does not serve it")
		}
	})
	t.Run("before the edges answer for the site, waits for them", func(t *testing.T) {
		s := stage(t)
		shop := s.Create("Shop")
		view := s.add(shop, "shop.test")
		if !view.NextAttemptAt.IsZero() {
			t.Errorf("it is looked at at %s", view.NextAttemptAt)
		}
		s.Run()
		if got := s.domain(view); got.Domain.Mode != network.Direct || got.NextAttemptAt.IsZero() {
			t.Errorf("once they do, it is %+v", got)
		}
	})
	t.Run("the token of a tenant and hostname stays", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		first := s.add(shop, "shop.test")
		_, err := s.App.RemoveDomain(t.Context(), s.Caller, first.Domain.ID, "", "")
		must(t, err)
		s.Settle()
		second := s.add(shop, "shop.test")
		if first.Domain.ID == second.Domain.ID || first.Instructions[0] != second.Instructions[0] {
			t.Errorf("%+v and %+v", first, second)
		}
		if other := s.add(shop, "other.test"); other.Instructions[0].Value == first.Instructions[0].Value {
			t.Error("two hostnames have one token")
		}
	})
	t.Run("a tenant claims a hostname once, another tenant as well", func(t *testing.T) {
		s := stage(t)
		shop, second := s.serving(), s.Create("Second")
		first := s.add(shop, "shop.test")
		for _, to := range []site.Site{shop, second} {
			_, err := s.App.AddDomain(t.Context(), s.Caller, to.ID, app.NewDomain{Hostname: " SHOP.test"}, "")
			wantTaken(t, err, "hostname", "shop.test")
		}
		other := s.NewTenant("other")
		theirs, err := s.TryCreate(other, named("Theirs"), "")
		must(t, err)
		view, err := s.App.AddDomain(t.Context(), other, theirs.ID, app.NewDomain{Hostname: "shop.test"}, "")
		if err != nil || view.Instructions[0].Value == first.Instructions[0].Value {
			t.Errorf("another tenant got %+v, %v", view, err)
		}
	})
	t.Run("a site on its way out takes none", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		s.Delete(shop)
		for range 2 {
			_, err := s.App.AddDomain(t.Context(), s.Caller, shop.ID, app.NewDomain{Hostname: "shop.test"}, "")
			wantPrecondition(t, err)
			s.Settle() // the second time it is gone
		}
	})
}

func TestAddDomain_hostname(t *testing.T) {
	s := stage(t)
	shop := s.serving()
	written := s.Written()
	for hostname, reason := range map[string]string{
		"":                               network.CodeNameInvalid,
		"localhost":                      network.CodeNameInvalid,
		"two words.test":                 network.CodeNameInvalid,
		"192.0.2.1":                      network.CodeNameInvalid,
		"*.shop.test":                    network.CodeNameInvalid,
		"a\x00b.test":                    network.CodeNameInvalid,
		"xn--a.test":                     network.CodeNameIDN,
		"co.uk":                          network.CodeNamePublicSuffix,
		apptest.PlatformDomain:           "DOMAIN_PARENT_TAKEN",
		"shop." + apptest.PlatformDomain: "DOMAIN_PARENT_TAKEN",
		" A.B." + apptest.PlatformDomain: "DOMAIN_PARENT_TAKEN",
	} {
		t.Run(fmt.Sprintf("%q is %s", hostname, reason), func(t *testing.T) {
			_, err := s.App.AddDomain(t.Context(), s.Caller, shop.ID, app.NewDomain{Hostname: hostname}, "1")
			wantViolation(t, err, "hostname", reason)
			if hostname == "" { // there it says that none is wanted
				return
			}
			in := named("Second")
			in.PrimaryHostname = hostname
			_, err = s.TryCreate(s.Caller, in, "2")
			wantViolation(t, err, "primary_hostname", reason)
		})
	}
	if got := s.Written(); got != written {
		t.Errorf("rows grew from %+v to %+v", written, got)
	}
	s.add(shop, "not"+apptest.PlatformDomain) // only looks like one below it
}

// Names that no registry hands out are taken only where the operator allows it.
func TestAddDomain_reserved_names(t *testing.T) {
	w := setup(t)
	s := w.Create("Shop")
	_, err := w.App.AddDomain(t.Context(), w.Caller, s.ID, app.NewDomain{Hostname: "shop.test"}, "")
	var invalid *lifecycle.InvalidError
	if !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
}

func TestAddDomain_request_id(t *testing.T) {
	s := stage(t)
	shop, second := s.serving(), s.Create("Second")
	ask := func(by auth.Principal, to site.Site, in app.NewDomain) (app.DomainView, error) {
		return s.App.AddDomain(t.Context(), by, to.ID, in, "request-1")
	}
	in := app.NewDomain{Hostname: "shop.test"}
	first, err := ask(s.Caller, shop, in)
	must(t, err)
	t.Run("the same request again gives the first domain", func(t *testing.T) {
		written := s.Written()
		again, err := ask(s.Caller, shop, in)
		if err != nil || again.Domain.ID != first.Domain.ID || again.Instructions[0] != first.Instructions[0] {
			t.Errorf("got %+v, %v", again, err)
		}
		if got := s.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
	})
	t.Run("with another body it is refused", func(t *testing.T) {
		for _, call := range []func() (app.DomainView, error){
			func() (app.DomainView, error) { return ask(s.Caller, second, in) },
			func() (app.DomainView, error) { return ask(s.Caller, shop, app.NewDomain{Hostname: "other.test"}) },
			func() (app.DomainView, error) {
				return ask(s.Caller, shop, app.NewDomain{Hostname: "shop.test", Direct: true})
			},
		} {
			_, err := call()
			wantTaken(t, err, "request id", "request-1")
		}
		_, err := s.TryCreate(s.Caller, named("Third"), "request-1")
		wantTaken(t, err, "request id", "request-1")
	})
	t.Run("of a domain that is gone it gives the domain as it was", func(t *testing.T) {
		_, err := s.App.RemoveDomain(t.Context(), s.Caller, first.Domain.ID, "", "")
		must(t, err)
		s.Settle()
		again, err := ask(s.Caller, shop, in)
		if err != nil || again.Domain != first.Domain || s.domain(first).Domain.Status != network.Released {
			t.Errorf("got %+v, %v", again, err)
		}
	})
}

// Whoever has lost a name's DNS does not keep it by leaving during the contest and
// claiming it anew: the reservation of a name that is contested counts for nothing.
func TestAddDomain_after_leaving_a_contest(t *testing.T) {
	tunnel := fake.NewTunnel()
	tunnel.OfferCustomHostnames("sites.saas.test")
	s := scene{apptest.New(t, apptest.Options{Tunnel: tunnel, Configure: func(cfg *lifecycle.Config) { cfg.AllowReservedTLDs = true }}), t}
	shop, rival := s.serving(), s.CreateFor(s.NewTenant("rival"), "Rival")
	held := s.proved(shop, "fought.test")
	contender := s.AddDomain(rival, "fought.test", false)
	proof := s.Records(contender, network.Ownership)[0]
	s.DNS.SetTXT(proof.Name, proof.Value) // the holder's is gone
	s.RunFor(10 * time.Minute)
	if keep := s.Records(held.Domain, network.Keep); len(keep) != 1 {
		t.Fatalf("the holder is told to write %+v", keep)
	}
	s.DNS.SetDown(true) // the reservation needs no look at DNS
	must(t, s.TryRemoveDomain(held.Domain))
	back := s.add(shop, "fought.test")
	s.RunFor(10 * time.Minute)
	s.DNS.SetDown(false)
	s.RunFor(time.Hour)
	if got, again := s.Domain(contender).Status, s.domain(back).Domain.Status; got != network.Active || again != network.PendingDNS {
		t.Errorf("the contender is %s and who came back is %s", got, again)
	}
}
