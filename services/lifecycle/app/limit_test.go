package app_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// wantLimit checks that a call was refused because a limit is reached.
func wantLimit(t *testing.T, err error, limit string, used, allowed int64) {
	t.Helper()
	var reached *admin.LimitError
	if !errors.As(err, &reached) || reached.Limit != limit || reached.Used != used || reached.Allowed != allowed {
		t.Errorf("got %v, want the limit %s reached with %d of %d", err, limit, used, allowed)
	}
}

// limited sets limits that hold for every tenant.
func limited(set func(*lifecycle.TenantLimits)) func(*lifecycle.Config) {
	return func(cfg *lifecycle.Config) { set(&cfg.TenantLimits) }
}

func (s scene) claim(to site.Site, hostname string) error {
	_, err := s.App.AddDomain(s.t.Context(), s.Caller, to.ID, app.NewDomain{Hostname: hostname}, "")
	return err
}

func TestLimits_the_last_place_goes_to_one(t *testing.T) {
	for name, tt := range map[string]struct {
		limits func(*lifecycle.TenantLimits)
		take   func(s scene, shop site.Site, i int) error
		used   int64
	}{
		admin.LimitSites: {
			func(l *lifecycle.TenantLimits) { l.Sites = 2 },
			func(s scene, _ site.Site, i int) error {
				_, err := s.App.CreateSite(s.t.Context(), s.Caller, named(fmt.Sprint("Site ", i)), "")
				return err
			}, 2,
		},
		admin.LimitDomains: {
			func(l *lifecycle.TenantLimits) { l.Domains = 2 }, // with its platform name
			func(s scene, shop site.Site, i int) error { return s.claim(shop, fmt.Sprint("d", i, ".test")) }, 2,
		},
		admin.LimitPendingClaims: {
			func(l *lifecycle.TenantLimits) { l.PendingClaims = 1 },
			func(s scene, shop site.Site, i int) error { return s.claim(shop, fmt.Sprint("d", i, ".test")) }, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t, limited(tt.limits))
			shop := s.serving()
			told := make([]error, 8)
			var calls sync.WaitGroup
			for i := range told {
				calls.Go(func() { told[i] = tt.take(s, shop, i) })
			}
			calls.Wait()
			taken := 0
			for _, err := range told {
				if err == nil {
					taken++
				} else {
					wantLimit(t, err, name, tt.used, tt.used)
				}
			}
			if taken != 1 {
				t.Errorf("the last place was taken %d times", taken)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Run("a site that is gone leaves its place", func(t *testing.T) {
		t.Parallel()
		s := stage(t, limited(func(l *lifecycle.TenantLimits) { l.Sites = 1 }))
		shop := s.serving()
		create := func() error {
			_, err := s.TryCreate(s.Caller, named("Next"), "")
			return err
		}
		wantLimit(t, create(), admin.LimitSites, 1, 1)
		s.Delete(shop)
		wantLimit(t, create(), admin.LimitSites, 1, 1) // it is not gone yet
		s.Settle()
		must(t, create())
	})
	t.Run("a domain that is released leaves its place", func(t *testing.T) {
		t.Parallel()
		s := stage(t, limited(func(l *lifecycle.TenantLimits) { l.Domains = 2 }))
		shop := s.serving()
		view := s.add(shop, "one.test")
		wantLimit(t, s.claim(shop, "two.test"), admin.LimitDomains, 2, 2)
		must(t, s.TryRemoveDomain(view.Domain))
		s.RunFor(time.Minute)
		must(t, s.claim(shop, "two.test"))
	})
	t.Run("a name that is proved is no pending claim any more", func(t *testing.T) {
		t.Parallel()
		s := stage(t, limited(func(l *lifecycle.TenantLimits) { l.PendingClaims = 1 }))
		shop := s.serving()
		s.proved(shop, "one.test")
		must(t, s.claim(shop, "two.test"))
		wantLimit(t, s.claim(shop, "three.test"), admin.LimitPendingClaims, 1, 1)
	})
	t.Run("a site with a name of its own takes a claim, too", func(t *testing.T) {
		t.Parallel()
		s := stage(t, limited(func(l *lifecycle.TenantLimits) { l.PendingClaims, l.Domains = 0, 1 }))
		in := named("Shop")
		in.PrimaryHostname = "shop.test"
		_, err := s.TryCreate(s.Caller, in, "")
		wantLimit(t, err, admin.LimitPendingClaims, 0, 0)
		s.serving() // without, it takes none
		_, err = s.TryCreate(s.Caller, named("Next"), "")
		wantLimit(t, err, admin.LimitDomains, 1, 1)
	})
	t.Run("a site without any name takes no domain", func(t *testing.T) {
		t.Parallel()
		s := stage(t, withoutPlatform, limited(func(l *lifecycle.TenantLimits) { l.Domains = 0 }))
		s.Create("Shop")
	})
	t.Run("a tenant's own come before the installation's", func(t *testing.T) {
		t.Parallel()
		s := stage(t, limited(func(l *lifecycle.TenantLimits) { l.Sites = 1 }))
		s.Create("One")
		set := func(own *int64) {
			_, err := s.App.SetTenantLimits(t.Context(), s.PlatformAdmin(), s.Caller.TenantID, admin.Limits{Sites: own}, "")
			must(t, err)
		}
		set(new(int64(2)))
		s.Create("Two")
		_, err := s.TryCreate(s.Caller, named("Three"), "")
		wantLimit(t, err, admin.LimitSites, 2, 2)
		set(nil)
		_, err = s.TryCreate(s.Caller, named("Three"), "")
		wantLimit(t, err, admin.LimitSites, 2, 1)
		if _, err := s.TryCreate(s.NewTenant("other"), named("Else"), ""); err != nil {
			t.Errorf("another tenant is told %v", err)
		}
	})
	t.Run("one below what there is takes nothing away", func(t *testing.T) {
		t.Parallel()
		s := stage(t)
		shop := s.serving()
		view, err := s.App.SetTenantLimits(t.Context(), s.PlatformAdmin(), s.Caller.TenantID,
			admin.Limits{Sites: new(int64(0)), Domains: new(int64(0)), PendingClaims: new(int64(0))}, "")
		if err != nil || view.Usage != (admin.Usage{Sites: 1, Domains: 1}) || view.Limits.Sites != 0 {
			t.Errorf("the tenant is %+v, %v", view, err)
		}
		wantLimit(t, s.claim(shop, "one.test"), admin.LimitDomains, 1, 0)
		s.Deploy(shop, "X-Two")
		s.RunFor(time.Hour)
		if got := s.Get(shop).Site; got.Status != site.Active || got.ConfirmedRevision != 2 {
			t.Errorf("the site is %+v", got)
		}
	})
}

// admitted counts how many calls are let in at once.
func (s scene) admitted(by auth.Principal) (n int64) {
	s.t.Helper()
	for range 1000 {
		err := s.App.Admit(s.t.Context(), by)
		if err != nil {
			var reached *admin.LimitError
			if !errors.As(err, &reached) || reached.Limit != admin.LimitRequests || reached.RetryAfter <= 0 || reached.RetryAfter > time.Second {
				s.t.Errorf("got %v", err)
			}
			return n
		}
		n++
	}
	s.t.Fatal("there is no limit")
	return n
}

func TestAdmit(t *testing.T) {
	slow := limited(func(l *lifecycle.TenantLimits) { l.RequestsPerSecond = 2 })
	t.Run("lets bursts of two seconds in, and then as many as there are a second", func(t *testing.T) {
		t.Parallel()
		s := stage(t, slow)
		for _, tt := range []struct {
			after time.Duration
			want  int64
		}{{0, 4}, {0, 0}, {499 * time.Millisecond, 0}, {time.Millisecond, 1}, {time.Second, 2}, {time.Hour, 4}} {
			s.Clock.Advance(tt.after)
			if got := s.admitted(s.Caller); got != tt.want {
				t.Errorf("after another %s it lets %d in, want %d", tt.after, got, tt.want)
			}
		}
	})
	t.Run("after the time that it names there is room for one", func(t *testing.T) {
		t.Parallel()
		s := stage(t, slow)
		s.admitted(s.Caller)
		var reached *admin.LimitError
		if err := s.App.Admit(t.Context(), s.Caller); !errors.As(err, &reached) {
			t.Fatalf("got %v", err)
		}
		s.Clock.Advance(reached.RetryAfter)
		must(t, s.App.Admit(t.Context(), s.Caller))
	})
	t.Run("counts all keys of a tenant together, and each tenant alone", func(t *testing.T) {
		t.Parallel()
		s := stage(t, slow)
		one, two := s.As(s.Caller.TenantID, auth.Viewer), s.As(s.Caller.TenantID, auth.Viewer)
		if first, second, other := s.admitted(one), s.admitted(two), s.admitted(s.NewTenant("other")); first != 4 || second != 0 || other != 4 {
			t.Errorf("lets in %d, %d and %d", first, second, other)
		}
	})
	t.Run("takes a new limit at once", func(t *testing.T) {
		t.Parallel()
		s := stage(t, slow)
		s.admitted(s.Caller)
		_, err := s.App.SetTenantLimits(t.Context(), s.PlatformAdmin(), s.Caller.TenantID, admin.Limits{RequestsPerSecond: new(int64(50))}, "")
		must(t, err)
		if got := s.admitted(s.Caller); got != 100 {
			t.Errorf("lets %d in", got)
		}
	})
	t.Run("lets a suspended tenant in, to read", func(t *testing.T) {
		t.Parallel()
		s := stage(t, slow)
		s.Suspend(s.Caller.TenantID)
		must(t, s.App.Admit(t.Context(), s.Caller))
	})
	t.Run("forgets who is silent", func(t *testing.T) {
		t.Parallel()
		s := stage(t)
		for i := range 20 {
			by := s.NewTenant(fmt.Sprint("tenant-", i))
			by.KeyID = s.As(by.TenantID, auth.Viewer).KeyID
			must(t, s.App.Admit(t.Context(), by))
		}
		if tenants, keys := s.App.Remembered(); tenants != 20 || keys != 20 {
			t.Fatalf("remembers %d tenants and %d keys", tenants, keys)
		}
		s.Clock.Advance(time.Minute)
		must(t, s.App.Admit(t.Context(), s.As(s.Caller.TenantID, auth.Viewer)))
		if tenants, keys := s.App.Remembered(); tenants != 1 || keys != 1 {
			t.Errorf("remembers %d tenants and %d keys", tenants, keys)
		}
	})
	t.Run("does not forget who has called too often", func(t *testing.T) {
		t.Parallel()
		s := stage(t, limited(func(l *lifecycle.TenantLimits) { l.RequestsPerSecond = 1 }))
		s.admitted(s.NewTenant("other")) // a minute begins
		s.Clock.Advance(time.Minute - 1500*time.Millisecond)
		if got := s.admitted(s.Caller); got != 2 {
			t.Fatalf("lets %d in", got)
		}
		s.Clock.Advance(1500 * time.Millisecond) // the others go
		must(t, s.App.Admit(t.Context(), s.NewTenant("third")))
		if got := s.admitted(s.Caller); got != 1 {
			t.Errorf("lets %d in", got)
		}
	})
}

func TestAdmit_notes_the_use_of_a_key(t *testing.T) {
	used := func(s scene, key id.Key) time.Time {
		got, _, err := s.App.Caller(t.Context(), auth.Principal{TenantID: s.Caller.TenantID, KeyID: key})
		must(t, err)
		return got.UsedAt
	}
	t.Run("once a minute", func(t *testing.T) {
		t.Parallel()
		s := stage(t)
		by, start := s.As(s.Caller.TenantID, auth.Viewer), s.Clock.Now()
		if got := used(s, by.KeyID); !got.IsZero() {
			t.Errorf("before its use it was used at %s", got)
		}
		for _, tt := range []struct {
			after time.Duration
			want  time.Duration
		}{{0, 0}, {0, 0}, {59 * time.Second, 0}, {time.Second, time.Minute}, {time.Second, time.Minute}} {
			s.Clock.Advance(tt.after)
			commits := s.Store.Commits()
			must(t, s.App.Admit(t.Context(), by))
			if got := used(s, by.KeyID); !got.Equal(start.Add(tt.want)) {
				t.Errorf("at %s it was used at %s", s.Clock.Now(), got)
			}
			if wrote := s.Store.Commits() > commits; wrote != start.Add(tt.want).Equal(s.Clock.Now()) && tt.after > 0 {
				t.Errorf("at %s: written %t", s.Clock.Now(), wrote)
			}
		}
	})
	t.Run("not of a call that is refused, nor without a key", func(t *testing.T) {
		t.Parallel()
		s := stage(t, limited(func(l *lifecycle.TenantLimits) { l.RequestsPerSecond = 1 }))
		by := s.As(s.Caller.TenantID, auth.Viewer)
		commits := s.Store.Commits()
		s.admitted(s.Caller) // has none
		s.admitted(by)
		if got := used(s, by.KeyID); !got.IsZero() || s.Store.Commits() != commits {
			t.Errorf("used at %s", got)
		}
	})
	t.Run("a database that cannot be written to refuses nobody", func(t *testing.T) {
		t.Parallel()
		s := stage(t)
		by := s.As(s.Caller.TenantID, auth.Viewer)
		s.Store.DieBefore(1)
		must(t, s.App.Admit(t.Context(), by))
	})
}
