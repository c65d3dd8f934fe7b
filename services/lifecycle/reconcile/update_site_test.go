package reconcile_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/reconcile"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// served returns the revision of a site that the first edge holds, 0 for none.
func served(w *apptest.World, s site.Site) int64 {
	for _, held := range w.Host().Sites() {
		if held.SiteID == s.ID {
			return held.Revision
		}
	}
	return 0
}

func wantRevisions(t *testing.T, w *apptest.World, s site.Site, wanted, confirmed, held int64) {
	t.Helper()
	got := w.Get(s).Site
	if got.WantedRevision != wanted || got.ConfirmedRevision != confirmed || served(w, s) != held {
		t.Fatalf("revision %d is wanted, %d confirmed, %d held; want %d, %d and %d",
			got.WantedRevision, got.ConfirmedRevision, served(w, s), wanted, confirmed, held)
	}
}

func TestUpdateSite(t *testing.T) {
	t.Parallel()
	t.Run("reaches the edges while the site stays ACTIVE", func(t *testing.T) {
		w, s := active(t)
		rows := len(w.History(string(s.ID)))
		w.Deploy(s, "X-Two")
		wantRevisions(t, w, s, 2, 1, 1)
		w.Settle()
		wantRevisions(t, w, s, 2, 2, 2)
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Succeeded)
		wantCondition(t, w, s, condition.Condition{Type: condition.EdgeSynced, Status: condition.True, Reason: condition.ReasonConfirmed})
		if got := len(w.History(string(s.ID))); got != rows {
			t.Errorf("the status moved: %+v", w.History(string(s.ID)))
		}
		w.CheckSettled()
	})
	t.Run("is taken over by a newer one", func(t *testing.T) {
		w, s := active(t)
		w.Host().SetDown(true)
		w.Deploy(s, "X-Two")
		w.RunFor(10 * time.Second)
		w.Deploy(s, "X-Three")
		w.Host().SetDown(false)
		w.Settle()
		wantRevisions(t, w, s, 3, 3, 3)
		var ended []saga.State
		for _, op := range w.Operations(s) {
			if op.Kind == reconcile.UpdateSite {
				ended = append(ended, op.State)
			}
		}
		if len(ended) != 2 || ended[0] != saga.Cancelled || ended[1] != saga.Succeeded {
			t.Errorf("the updates ended as %v", ended)
		}
	})
	t.Run("of a site in ERROR waits for its retry", func(t *testing.T) {
		w := setup(t)
		w.Host().Reject("X-Poison", "too long")
		s, err := w.TryCreate(w.Caller, newSite("Shop", "X-Poison"), "")
		if err != nil {
			t.Fatal(err)
		}
		w.Settle()
		wantStatus(t, w, s, site.Error)
		w.Deploy(s, "X-Good")
		w.Settle()
		wantStatus(t, w, s, site.Error)
		w.Retry(s)
		w.Settle()
		wantStatus(t, w, s, site.Active)
		wantRevisions(t, w, s, 2, 2, 2)
		w.CheckSettled()
	})
	t.Run("is refused while the site is provisioned or goes", func(t *testing.T) {
		w := setup(t)
		w.Host().SetDown(true)
		s := w.Create("Shop")
		var refused *lifecycle.PreconditionError
		if _, err := w.TryUpdate(s, apptest.SpecWith("X-Two")); !errors.As(err, &refused) {
			t.Errorf("while it is provisioned: %v", err)
		}
		w.Delete(s)
		if _, err := w.TryUpdate(s, apptest.SpecWith("X-Two")); !errors.As(err, &refused) {
			t.Errorf("while it goes: %v", err)
		}
	})
	t.Run("is not confirmed while an edge answers with the revision before", func(t *testing.T) {
		stale := &staleProbe{}
		w := apptest.New(t, apptest.Options{Outside: stale.around})
		s := w.Create("Shop")
		w.Settle()
		stale.set(true)
		w.Deploy(s, "X-Two")
		w.RunFor(time.Minute)
		wantRevisions(t, w, s, 2, 1, 2)
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Waiting)
		stale.set(false)
		w.Settle()
		wantRevisions(t, w, s, 2, 2, 2)
	})
	t.Run("that is cancelled leaves the revision before", func(t *testing.T) {
		w, s := active(t)
		w.Host().SetDown(true)
		w.Deploy(s, "X-Two")
		w.RunFor(10 * time.Second)
		if err := w.TryCancel(s, reconcile.UpdateSite); err != nil {
			t.Fatal(err)
		}
		w.Host().SetDown(false)
		w.Settle()
		wantRevisions(t, w, s, 1, 1, 1)
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Cancelled)
		w.CheckSettled()
	})
	t.Run("that is cancelled before its first look leaves the revision before, too", func(t *testing.T) {
		w, s := active(t)
		w.Deploy(s, "X-Two")
		if err := w.TryCancel(s, reconcile.UpdateSite); err != nil {
			t.Fatal(err)
		}
		w.Settle()
		wantRevisions(t, w, s, 1, 1, 1)
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Cancelled)
		w.CheckSettled()
	})
}

// staleProbe makes edges answer with the revision before, as workers do that have
// not gone yet.
type staleProbe struct {
	infra.EdgeProvider
	stale atomic.Bool
}

func (p *staleProbe) set(stale bool) { p.stale.Store(stale) }

func (p *staleProbe) around(outside apptest.Providers) apptest.Providers {
	p.EdgeProvider = outside.Edges
	outside.Edges = p
	return outside
}

func (p *staleProbe) ProbeSite(ctx context.Context, e id.Edge, s id.Site) (infra.SiteProof, error) {
	proof, err := p.EdgeProvider.ProbeSite(ctx, e, s)
	if p.stale.Load() {
		proof.Revision--
	}
	return proof, err
}

func newSite(name, header string) app.NewSite {
	return app.NewSite{Name: name, Spec: apptest.SpecWith(header)}
}

func TestCancelOperation(t *testing.T) {
	t.Parallel()
	t.Run("undoes what a create_site made, F11", func(t *testing.T) {
		w := setup(t)
		w.Host().SetNotProven("old workers")
		s := w.Create("Shop")
		w.RunFor(10 * time.Second)
		if err := w.TryCancel(s, reconcile.CreateSite); err != nil {
			t.Fatal(err)
		}
		w.Host().SetNotProven("")
		w.Settle()
		wantStatus(t, w, s, site.Error)
		wantOperation(t, w, s, reconcile.CreateSite, saga.Cancelled)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeSynced, Status: condition.False, Reason: saga.ReasonCancelled, Actor: condition.Tenant,
		})
		w.CheckSettled()
		if w.Host().Serves(hostname) || served(w, s) != 0 {
			t.Error("the edge still holds it")
		}
		w.Retry(s)
		w.Settle()
		wantStatus(t, w, s, site.Active)
	})
	t.Run("refuses what has ended, and what takes away", func(t *testing.T) {
		w, s := active(t)
		var refused *lifecycle.PreconditionError
		if err := w.TryCancel(s, reconcile.CreateSite); !errors.As(err, &refused) {
			t.Errorf("one that has ended: %v", err)
		}
		w.Host().SetDown(true)
		w.Delete(s)
		w.RunFor(10 * time.Second)
		if err := w.TryCancel(s, reconcile.DeleteSite); !errors.As(err, &refused) {
			t.Errorf("a deletion: %v", err)
		}
	})
}

// One poison site among others is isolated, keeps what the edge accepted last, and
// its tenant is told why, F33.
func TestPin(t *testing.T) {
	t.Parallel()
	poisoned := func(t *testing.T) (*apptest.World, site.Site) {
		w, s := active(t)
		w.Host().Reject("X-Poison", "the header is too long")
		w.Deploy(s, "X-Poison")
		other := w.Create("Other")
		w.Settle()
		wantStatus(t, w, other, site.Active)
		return w, s
	}
	t.Run("keeps the last accepted revision, and others go on", func(t *testing.T) {
		w, s := poisoned(t)
		wantStatus(t, w, s, site.Active)
		wantRevisions(t, w, s, 2, 1, 1)
		op := wantOperation(t, w, s, reconcile.UpdateSite, saga.Failed)
		if op.Reason != infra.CodeConfigRejected {
			t.Errorf("it failed with %s: %s", op.Reason, op.Message)
		}
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeSynced, Status: condition.False, Reason: infra.CodeConfigRejected, Actor: condition.Tenant,
		})
		if pins := w.Pins(s); len(pins) != 1 || pins[0].Revision != 2 || pins[0].Message != "the header is too long" {
			t.Errorf("pins are %+v", pins)
		}
		w.CheckSettled()
		quiet := applies(w)
		w.RunFor(10 * time.Minute)
		if got := applies(w) - quiet; got != 0 {
			t.Errorf("%d applies although nothing changed", got)
		}
	})
	t.Run("survives a rebuild, byte for byte, I15", func(t *testing.T) {
		w, s := poisoned(t)
		before := w.Edge(w.EdgeIDs()[0]).ProvenDigest
		w.Host().Wipe()
		w.RunFor(time.Minute)
		if after := w.Edge(w.EdgeIDs()[0]).ProvenDigest; after != before {
			t.Errorf("the digest is %s, it was %s", after, before)
		}
		wantRevisions(t, w, s, 2, 1, 1)
	})
	t.Run("does not keep a domain from the site", func(t *testing.T) {
		w, s := poisoned(t)
		d := w.AddDomain(s, "www.example.com", true)
		publishProof(w, d)
		w.Settle()
		wantDomain(t, w, d, network.Active)
		wantRevisions(t, w, s, 2, 1, 1)
	})
	t.Run("is lifted by another revision", func(t *testing.T) {
		w, s := poisoned(t)
		w.Deploy(s, "X-Good")
		w.Settle()
		wantRevisions(t, w, s, 3, 3, 3)
		if pins := w.Pins(s); len(pins) != 0 {
			t.Errorf("pins are %+v", pins)
		}
	})
	t.Run("is tried once more by another nginx", func(t *testing.T) {
		w, s := poisoned(t)
		w.Host().SetNginxVersion("9.9.9")
		w.RunFor(time.Minute)
		wantRevisions(t, w, s, 2, 1, 1)
		if pins := w.Pins(s); len(pins) != 1 || pins[0].NginxVersion != "9.9.9" {
			t.Errorf("pins are %+v", pins)
		}
		w.Host().Accept("X-Poison")
		w.Host().SetNginxVersion("10.0.0")
		w.RunFor(time.Minute)
		if served(w, s) != 2 || len(w.Pins(s)) != 0 {
			t.Errorf("revision %d is held, pins are %+v", served(w, s), w.Pins(s))
		}
	})
	t.Run("of the confirmed revision, to which a cancelled update returns, leaves what is held", func(t *testing.T) {
		stale := &staleProbe{}
		w := apptest.New(t, apptest.Options{Outside: stale.around})
		s := w.Create("Shop")
		w.Settle()
		w.Deploy(s, "X-Poison")
		w.Settle()
		wantRevisions(t, w, s, 2, 2, 2)
		w.Host().Reject("X-Poison", "the header is too long")
		stale.set(true) // so that the update is not confirmed
		w.Deploy(s, "X-Good")
		w.RunFor(time.Minute)
		if err := w.TryCancel(s, reconcile.UpdateSite); err != nil {
			t.Fatal(err)
		}
		stale.set(false)
		w.RunFor(time.Hour)
		wantRevisions(t, w, s, 2, 2, 3)
		wantStatus(t, w, s, site.Active)
		w.Host().Wipe()
		w.RunFor(time.Minute)
		wantRevisions(t, w, s, 2, 2, 3)
	})
	t.Run("that another nginx lifts lets its revision be proved and confirmed", func(t *testing.T) {
		w, s := poisoned(t)
		w.Host().Accept("X-Poison")
		w.Host().SetNginxVersion("10.0.0")
		w.RunFor(time.Minute)
		wantRevisions(t, w, s, 2, 2, 2)
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Succeeded)
		wantCondition(t, w, s, condition.Condition{Type: condition.EdgeSynced, Status: condition.True, Reason: condition.ReasonConfirmed})
		w.CheckSettled()
	})
	t.Run("that another nginx needs again is told again, once", func(t *testing.T) {
		w, s := poisoned(t)
		before := len(w.Operations(s))
		w.Host().SetNginxVersion("9.9.9")
		w.RunFor(10 * time.Minute)
		wantRevisions(t, w, s, 2, 1, 1)
		if got := len(w.Operations(s)) - before; got != 1 {
			t.Errorf("%d operations were opened", got)
		}
		wantOperation(t, w, s, reconcile.UpdateSite, saga.Failed)
		wantCondition(t, w, s, condition.Condition{
			Type: condition.EdgeSynced, Status: condition.False, Reason: infra.CodeConfigRejected, Actor: condition.Tenant,
		})
		w.CheckSettled()
	})
	t.Run("goes with its site", func(t *testing.T) {
		w, s := poisoned(t)
		w.Delete(s)
		w.Settle()
		wantStatus(t, w, s, site.Deleted)
		if pins := w.Pins(s); len(pins) != 0 {
			t.Errorf("pins are %+v", pins)
		}
		w.CheckSettled()
	})
	t.Run("of a first revision fails the site, and a retry tries again", func(t *testing.T) {
		w := setup(t)
		w.Host().Reject("X-Poison", "the header is too long")
		s, err := w.TryCreate(w.Caller, newSite("Shop", "X-Poison"), "")
		if err != nil {
			t.Fatal(err)
		}
		w.Settle()
		wantStatus(t, w, s, site.Error)
		w.CheckSettled()
		w.Host().Accept("X-Poison")
		w.Retry(s)
		w.Settle()
		wantStatus(t, w, s, site.Active)
	})
}
