package reconcile_test

import (
	"context"
	"errors"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Whoever lost an object writes nothing about it, however late he comes.
func TestClaim(t *testing.T) {
	t.Parallel()
	t.Run("a deletion fences who works on the site", func(t *testing.T) {
		w := setup(t)
		s := w.Create("Shop")
		old := claim(t, w, worker.Site)
		w.Delete(s)
		written := w.Written()
		if _, err := w.Handle(old); !errors.Is(err, lifecycle.ErrFenced) {
			t.Errorf("the old claim was told %v", err)
		}
		if got := w.Written(); got != written {
			t.Errorf("the old claim wrote: rows grew from %+v to %+v", written, got)
		}
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
		w.CheckSettled()
	})
	t.Run("a deletion fences who works on its domain", func(t *testing.T) {
		w := setup(t)
		s := w.Create("Shop")
		for w.Get(s).Site.Status != site.DomainPendingDNS {
			w.Step()
		}
		old := claim(t, w, worker.Domain)
		w.Delete(s)
		written := w.Written()
		if _, err := w.Handle(old); !errors.Is(err, lifecycle.ErrFenced) {
			t.Errorf("the old claim was told %v", err)
		}
		if got := w.Written(); got != written {
			t.Errorf("the old claim wrote: rows grew from %+v to %+v", written, got)
		}
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
		w.CheckSettled()
	})
	t.Run("a claim that ran out is fenced by the next", func(t *testing.T) {
		for _, kind := range []worker.Kind{worker.Site, worker.Edge, worker.Domain} {
			t.Run(string(kind), func(t *testing.T) {
				w := setup(t)
				s := w.Create("Shop")
				if kind == worker.Domain {
					for w.Get(s).Site.Status != site.DomainPendingDNS {
						w.Step()
					}
				}
				old := claim(t, w, kind)
				w.Clock.Advance(lifecycle.Defaults().Lease)
				w.Settle()
				wantStatus(t, w, s, site.Active)
				written := w.Written()
				w.Mark(kind, old.Key, s.TenantID)
				_, _ = w.Handle(old) // with nothing to do it may say nothing
				w.Finish(old, w.Clock.Now(), nil)
				if got := w.Written(); got != written {
					t.Errorf("the old claim wrote: rows grew from %+v to %+v", written, got)
				}
				w.Settle()
				w.CheckSettled()
			})
		}
	})
	t.Run("an apply whose claim ran out meanwhile proves nothing", func(t *testing.T) {
		w := setup(t)
		s := w.Create("Shop")
		w.Run() // up to the domain's turn
		second := w.Create("Second")
		w.Host().During(func() {
			w.Clock.Advance(lifecycle.Defaults().Lease)
			w.Host().SetDown(true)
			w.Run() // the next claim of the edge, which does not answer it
			w.Host().SetDown(false)
		})
		w.Run()
		wantStatus(t, w, second, site.Provisioning)
		w.Settle()
		wantStatus(t, w, s, site.Active)
		wantStatus(t, w, second, site.Active)
		w.CheckSettled()
	})
}

// Two who saw the same status cannot both move it.
func TestTransition_is_compare_and_set(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.Create("Shop")
	var stale site.Site
	var domain network.Domain
	w.View(func(ctx context.Context, tx store.Tx) (err error) {
		if stale, err = tx.GetSite(ctx, s.TenantID, s.ID); err == nil {
			domain, err = tx.GetDomain(ctx, s.TenantID, stale.PrimaryDomainID)
		}
		return err
	})
	w.Settle()
	cause := lifecycle.Cause{Actor: "test", Reason: "late", OperationID: "op_1", TraceID: "1", At: w.Clock.Now()}
	late := func(move func(ctx context.Context, tx store.Tx) error) error {
		return w.Store.Update(t.Context(), func(tx store.Tx) error { return move(t.Context(), tx) })
	}
	if err := late(func(ctx context.Context, tx store.Tx) error {
		_, err := site.Apply(ctx, tx, stale, site.Provision, cause)
		return err
	}); !errors.Is(err, lifecycle.ErrLostRace) {
		t.Errorf("a late transition of the site was told %v", err)
	}
	if err := late(func(ctx context.Context, tx store.Tx) error {
		_, err := network.Apply(ctx, tx, domain, network.Validate, cause)
		return err
	}); !errors.Is(err, lifecycle.ErrLostRace) {
		t.Errorf("a late transition of the domain was told %v", err)
	}
	wantStatus(t, w, s, site.Active)
	w.Check()
}

// claim claims until it has an object of a kind; the others are worked on.
func claim(t *testing.T, w *apptest.World, kind worker.Kind) worker.Work {
	t.Helper()
	for range 20 {
		work, ok := w.Claim()
		if !ok {
			break
		}
		if work.Kind == kind {
			return work
		}
		next, err := w.Handle(work)
		w.Finish(work, next, err)
	}
	t.Fatalf("no %s is due", kind)
	return worker.Work{}
}
