package reconcile_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/infra/fake"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func TestDeleteSite(t *testing.T) {
	t.Parallel()
	// Ways to bring a site to each status that it can be deleted in.
	ways := map[site.Status]func(*apptest.World) site.Site{
		site.Created: func(w *apptest.World) site.Site { return w.Create("Shop") },
		site.Provisioning: func(w *apptest.World) site.Site {
			w.Host().SetNotProven("old workers")
			s := w.Create("Shop")
			w.RunFor(time.Second)
			w.Host().SetNotProven("")
			return s
		},
		site.DomainPendingDNS: func(w *apptest.World) site.Site {
			w.DNS.ScriptAddresses(hostname, fake.Contradict("DNS_NXDOMAIN", condition.Operator))
			s := w.Create("Shop")
			w.RunFor(time.Minute)
			return s
		},
		site.DomainValidated: func(w *apptest.World) site.Site {
			s := w.Create("Shop")
			for w.Get(s).Primary.Domain.Status != network.Validated {
				w.Step()
			}
			return s
		},
		site.DomainRouted: func(w *apptest.World) site.Site {
			w.DNS.ScriptProbes(hostname, fake.Contradict("PROBE_NOT_OURS", condition.Operator))
			s := w.Create("Shop")
			w.RunFor(time.Minute)
			return s
		},
		site.Active: func(w *apptest.World) site.Site {
			s := w.Create("Shop")
			w.Settle()
			return s
		},
		site.Error: func(w *apptest.World) site.Site {
			s := w.Create("Shop")
			w.Host().Reject(string(s.ID), "refused")
			w.Settle()
			return s
		},
	}
	for status, way := range ways {
		t.Run("from "+string(status), func(t *testing.T) {
			w := setup(t)
			s := way(w)
			wantStatus(t, w, s, status)
			w.Delete(s)
			wantStatus(t, w, s, site.Deleting)
			for _, op := range w.Operations(s) {
				if before := op.Kind == reconcile.CreateSite || op.Kind == reconcile.ActivateDomain; before && !op.State.Terminal() {
					t.Errorf("%s is still %s", op.Kind, op.State)
				}
			}
			w.Settle()
			wantStatus(t, w, s, site.Deleted)
			w.CheckSettled()
			if w.Host().Holds(s.ID) {
				t.Error("the edge still holds the site")
			}
		})
	}
	t.Run("cancels what runs", func(t *testing.T) {
		w := setup(t)
		s := ways[site.DomainValidated](w)
		w.Delete(s)
		wantOperation(t, w, s, reconcile.ActivateDomain, saga.Cancelled)
		w = setup(t)
		s = ways[site.Provisioning](w)
		w.Delete(s)
		wantOperation(t, w, s, reconcile.CreateSite, saga.Cancelled)
	})
	t.Run("takes the hostname off before the site", func(t *testing.T) {
		w, s := active(t)
		w.Delete(s)
		w.Settle()
		var went []string
		for _, held := range w.Host().Past() {
			switch {
			case len(held) == 0:
				went = append(went, "nothing")
			case slices.Contains(held[0].Hostnames, hostname):
				went = append(went, "site and hostname")
			default:
				went = append(went, "site")
			}
		}
		if want := []string{"nothing", "site", "site and hostname", "site", "nothing"}; !slices.Equal(went, want) {
			t.Errorf("the edge held %v, want %v", went, want)
		}
	})
	t.Run("a second delete changes nothing", func(t *testing.T) {
		w, s := active(t)
		w.Delete(s)
		written := w.Written()
		w.Delete(s)
		if got := w.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
		w.Settle()
		written = w.Written()
		w.Delete(s)
		if got := w.Written(); got != written {
			t.Errorf("rows grew from %+v to %+v", written, got)
		}
	})
	t.Run("an unreachable edge keeps it DELETING, with the reason", func(t *testing.T) {
		w, s := active(t)
		w.Host().SetDown(true)
		w.Delete(s)
		w.RunFor(10 * time.Minute)
		wantStatus(t, w, s, site.Deleting)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeRouted, Status: condition.Unknown, Reason: infra.CodeEdgeUnreachable, Actor: condition.Operator,
		})
		if op := wantOperation(t, w, s, reconcile.ReleaseDomain, saga.Waiting); op.Reason != infra.CodeEdgeUnreachable {
			t.Errorf("release_domain waits for %s", op.Reason)
		}
		w.Host().SetDown(false)
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
		w.CheckSettled()
	})
	t.Run("an edge that goes between the domain and the site keeps it DELETING, too", func(t *testing.T) {
		w, s := active(t)
		w.Delete(s)
		for w.Operation(s, reconcile.ReleaseDomain).State != saga.Succeeded {
			w.Step()
		}
		w.Host().SetDown(true)
		w.RunFor(10 * time.Minute)
		wantStatus(t, w, s, site.Deleting)
		if op := wantOperation(t, w, s, reconcile.DeleteSite, saga.Waiting); op.Reason != infra.CodeEdgeUnreachable {
			t.Errorf("delete_site waits for %s: %s", op.Reason, op.Message)
		}
		w.Host().SetDown(false)
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
	})
	t.Run("an edge that goes after its proof is asked again: silence is not absence", func(t *testing.T) {
		w, s := active(t)
		w.Delete(s)
		for w.Operation(s, reconcile.ReleaseDomain).State != saga.Succeeded {
			w.Step()
		}
		w.Host().During(func() { w.Host().SetDown(true) })
		w.RunFor(10 * time.Minute)
		if w.Host().Holds(s.ID) {
			t.Fatal("the edge has not taken the site off")
		}
		wantStatus(t, w, s, site.Deleting)
		if op := wantOperation(t, w, s, reconcile.DeleteSite, saga.Waiting); op.FailedAttempts != 0 {
			t.Errorf("%d attempts count as failed", op.FailedAttempts)
		}
		w.Host().SetDown(false)
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
	})
	t.Run("every edge must have let go, those unseen for long as well", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{Edges: 2})
		s := w.Create("Shop")
		w.Settle()
		second := w.Edges.Host(w.EdgeIDs()[1])
		second.SetDown(true)
		w.RunFor(10 * time.Minute)
		w.Delete(s)
		w.RunFor(10 * time.Minute)
		wantStatus(t, w, s, site.Deleting)
		second.SetDown(false)
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
		w.CheckSettled()
	})
	t.Run("a rejection that names no site does not end the deletion", func(t *testing.T) {
		w, s := active(t)
		w.Host().RejectAll("nginx refuses it")
		w.Delete(s)
		w.RunFor(10 * time.Minute)
		wantStatus(t, w, s, site.Deleting)
		wantOperation(t, w, s, reconcile.ReleaseDomain, saga.Waiting)
		w.Host().RejectAll("")
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
	})
	t.Run("without any edge there is nothing to wait for", func(t *testing.T) {
		w := apptest.New(t, apptest.Options{Edges: -1})
		s := w.Create("Shop")
		w.RunFor(time.Minute)
		w.Delete(s)
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
	})
}

func TestDeleteSite_reserves_the_slug(t *testing.T) {
	t.Parallel()
	w, s := active(t)
	other := w.NewTenant("other")
	want := app.NewSite{Name: "Shop", Slug: "shop", Spec: apptest.Spec()}
	refused := func(t *testing.T) {
		t.Helper()
		var taken *lifecycle.TakenError
		if _, err := w.TryCreate(other, want, ""); !errors.As(err, &taken) || taken.Kind != "slug" {
			t.Fatalf("another tenant was told %v", err)
		}
	}
	refused(t)
	w.Delete(s)
	refused(t)
	w.Settle()
	wantStatus(t, w, s, site.Deleted)
	refused(t)
	w.Clock.Advance(30*24*time.Hour - time.Second)
	refused(t)

	t.Run("a name that nobody asked for gets a suffix instead", func(t *testing.T) {
		got, err := w.TryCreate(other, app.NewSite{Name: "Shop", Spec: apptest.Spec()}, "")
		if err != nil || len(got.Slug) != len("shop-")+6 || got.Slug[:5] != "shop-" {
			t.Errorf("slug %q, error %v", got.Slug, err)
		}
	})
	t.Run("its last tenant gets it back", func(t *testing.T) {
		again, err := w.TryCreate(w.Caller, want, "")
		if err != nil {
			t.Fatal(err)
		}
		w.Settle()
		wantStatus(t, w, again, site.Active)
		w.Delete(again)
		w.Settle()
	})
	t.Run("after its time anybody gets it", func(t *testing.T) {
		w.Clock.Advance(30*24*time.Hour + time.Second)
		s, err := w.TryCreate(other, want, "")
		if err != nil {
			t.Fatal(err)
		}
		w.Settle()
		wantStatus(t, w, s, site.Active)
		w.CheckSettled()
	})
}
