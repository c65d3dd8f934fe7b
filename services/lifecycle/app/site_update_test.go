package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// websocketSpec differs from apptest.Spec in one option.
func websocketSpec() *site.Spec {
	spec := apptest.Spec()
	spec.Options.Websocket = true
	return &spec
}

func renamed(name string) app.SiteChange { return app.SiteChange{Name: &name} }

// update changes a site of the first tenant.
func (s scene) update(of site.Site, change app.SiteChange, request app.RequestID) (app.SiteView, error) {
	s.t.Helper()
	return s.App.UpdateSite(s.t.Context(), s.Caller, of.ID, change, request)
}

// broken is a site in ERROR, which nothing works on.
func (s scene) broken() site.Site {
	s.t.Helper()
	shop := s.Create("Shop")
	s.Step() // it is PROVISIONING then
	s.Update(func(ctx context.Context, tx store.Tx) error {
		if err := saga.Cancel(ctx, tx, worker.Site, string(shop.ID), "put", s.Clock.Now()); err != nil {
			return err
		}
		created, err := tx.GetSite(ctx, shop.TenantID, shop.ID)
		if err != nil {
			return err
		}
		_, err = site.Apply(ctx, tx, created, site.Fail, lifecycle.Cause{Actor: "test", Reason: "put", OperationID: "op_1", At: s.Clock.Now()})
		return err
	})
	return shop
}

func TestUpdateSite(t *testing.T) {
	t.Run("a new spec is a new revision, which the edges prove", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		view, err := s.update(shop, app.SiteChange{Spec: websocketSpec()}, "")
		must(t, err)
		if got := view.Site; got.Status != site.Active || got.WantedRevision != 2 || got.ConfirmedRevision != 1 || !view.Spec.Options.Websocket {
			t.Errorf("the site is %+v", got)
		}
		if view.Operation == nil || view.Operation.Kind != "update_site" || view.Operation.Actor != s.Caller.Subject {
			t.Errorf("the operation is %+v", view.Operation)
		}
		s.Settle()
		if got := s.Get(shop); got.Site.ConfirmedRevision != 2 || got.Site.Status != site.Active || got.Operation != nil {
			t.Errorf("in the end the site is %+v", got.Site)
		}
	})
	t.Run("the name alone is no operation", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		written := s.Written()
		view, err := s.update(shop, renamed("The Shop"), "")
		must(t, err)
		if got := view.Site; got.Name != "The Shop" || got.WantedRevision != 1 || view.Operation != nil {
			t.Errorf("the site is %+v, worked on by %v", got, view.Operation)
		}
		written.Outbox++ // site.updated
		if got := s.Written(); got != written {
			t.Errorf("rows grew to %+v, want %+v", got, written)
		}
	})
	t.Run("both in one", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		change := renamed("The Shop")
		change.Spec, change.Version = websocketSpec(), s.Get(shop).Site.Version
		view, err := s.update(shop, change, "")
		must(t, err)
		if view.Site.Name != "The Shop" || view.Site.WantedRevision != 2 || view.Operation == nil {
			t.Errorf("the site is %+v", view.Site)
		}
	})
	t.Run("a spec that means the same changes nothing", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		before := s.Get(shop)
		as, spelled := apptest.Spec(), apptest.Spec() // as it was created, and with what is filled in
		spelled.Origin.Targets[0].Weight = 1
		spelled.Options.ResponseHeaders = []site.Header{}
		for _, same := range []site.Spec{as, spelled} {
			view, err := s.update(shop, app.SiteChange{Spec: &same}, "")
			if err != nil || view.Operation != nil {
				t.Errorf("worked on by %+v, %v", view.Operation, err)
			}
			if diff := cmp.Diff(before.Site, view.Site); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("what works on the primary domain is not the answer", func(t *testing.T) {
		s := stage(t)
		shop := s.Create("Shop")
		for op := s.Get(shop).Operation; op == nil || op.Kind != "activate_domain"; op = s.Get(shop).Operation {
			if _, ok := s.Step(); !ok {
				t.Fatal("no domain is activated")
			}
		}
		view, err := s.update(shop, renamed("The Shop"), "")
		if err != nil || view.Operation != nil {
			t.Errorf("worked on by %+v, %v", view.Operation, err)
		}
	})
}

func TestUpdateSite_in_ERROR_waits_for_the_retry(t *testing.T) {
	s := stage(t)
	shop := s.broken()
	view, err := s.update(shop, app.SiteChange{Spec: websocketSpec()}, "")
	must(t, err)
	if view.Site.Status != site.Error || view.Site.WantedRevision != 2 || view.Operation != nil {
		t.Errorf("the site is %+v, worked on by %v", view.Site, view.Operation)
	}
	s.Retry(shop)
	s.Settle()
	if got := s.Get(shop); got.Site.Status != site.Active || got.Site.ConfirmedRevision != 2 || !got.Spec.Options.Websocket {
		t.Errorf("after the retry the site is %+v", got.Site)
	}
}

func TestUpdateSite_refuses(t *testing.T) {
	t.Run("a wrong spec, field by field", func(t *testing.T) {
		s := stage(t)
		wrong := apptest.Spec()
		wrong.Origin.Targets[0].Address = "127.0.0.1:80"
		_, err := s.update(s.serving(), app.SiteChange{Spec: &wrong}, "")
		wantViolation(t, err, "site.spec.origin.targets[0].address", "")
	})
	t.Run("a version that is not the site's any more", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		first := s.Get(shop).Site.Version
		change := renamed("First")
		change.Version = first
		view, err := s.update(shop, change, "")
		must(t, err)
		change = renamed("Second")
		for _, stale := range []int64{first, view.Site.Version + 1, -1} {
			change.Version = stale
			if _, err := s.update(shop, change, ""); !errors.Is(err, lifecycle.ErrLostRace) {
				t.Errorf("version %d: got %v", stale, err)
			}
		}
		if got := s.Get(shop).Site; got.Name != "First" || got.Version != view.Site.Version {
			t.Errorf("the site is %+v", got)
		}
		change.Version = view.Site.Version
		_, err = s.update(shop, change, "")
		must(t, err)
	})
	t.Run("a site of another tenant, as one that is not there", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		_, err := s.App.UpdateSite(t.Context(), s.NewTenant("other"), shop.ID, renamed("Mine"), "")
		wantNotFound(t, err)
		_, err = s.update(site.Site{ID: "site_unknown"}, renamed("Mine"), "")
		wantNotFound(t, err)
	})
	t.Run("a site on its way out, even its name", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		s.Delete(shop)
		for range 2 { // DELETING, DELETED
			_, err := s.update(shop, renamed("The Shop"), "")
			wantPrecondition(t, err)
			s.Settle()
		}
	})
	t.Run("a spec while the site is provisioned, but no name", func(t *testing.T) {
		s := stage(t)
		shop := s.Create("Shop")
		_, err := s.update(shop, app.SiteChange{Spec: websocketSpec()}, "")
		wantPrecondition(t, err)
		_, err = s.update(shop, renamed("The Shop"), "")
		must(t, err)
		s.Settle()
		if got := s.Get(shop).Site; got.Status != site.Active || got.Name != "The Shop" {
			t.Errorf("the site is %+v", got)
		}
	})
}

func TestUpdateSite_request_id(t *testing.T) {
	s := stage(t)
	shop := s.serving()
	change := app.SiteChange{Spec: websocketSpec(), Version: s.Get(shop).Site.Version}
	first, err := s.update(shop, change, "request-1")
	must(t, err)
	s.RunFor(time.Minute)
	back := apptest.Spec()
	_, err = s.update(shop, app.SiteChange{Spec: &back}, "request-2")
	must(t, err)
	s.RunFor(time.Minute)
	t.Run("the same request again changes nothing, whatever happened since", func(t *testing.T) {
		for _, version := range []int64{change.Version, s.Get(shop).Site.Version, 0} {
			again := change
			again.Version = version
			view, err := s.update(shop, again, "request-1")
			if err != nil || view.Site != first.Site || view.Operation == nil || *view.Operation != *first.Operation {
				t.Errorf("the answer is %+v, %v; want %+v", view, err, first)
			}
		}
		if got := s.Get(shop).Site.WantedRevision; got != 3 {
			t.Errorf("revision %d is wanted", got)
		}
	})
	t.Run("with another body or on another site it is refused", func(t *testing.T) {
		_, err := s.update(shop, renamed("The Shop"), "request-1")
		wantTaken(t, err, "request id", "request-1")
		_, err = s.update(s.Create("Other"), change, "request-1")
		wantTaken(t, err, "request id", "request-1")
	})
}
