package app_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

func (s scene) rollback(of site.Site, revision, version int64) (app.SiteView, error) {
	s.t.Helper()
	return s.App.RollbackSite(s.t.Context(), s.Caller, of.ID, revision, version, "")
}

// revisions are those of a site, newest first.
func (s scene) revisions(of site.Site) []app.RevisionView {
	s.t.Helper()
	views, err := s.App.ListRevisions(s.t.Context(), s.Caller, of.ID, 0, 100)
	must(s.t, err)
	return views
}

// deployed is a site that serves its second revision.
func (s scene) deployed() site.Site {
	s.t.Helper()
	shop := s.serving()
	s.Deploy(shop, "X-Two")
	s.Settle()
	return shop
}

func TestRollbackSite(t *testing.T) {
	t.Run("wants the old spec as a new revision, which the edges prove", func(t *testing.T) {
		s := stage(t)
		shop := s.deployed()
		view, err := s.rollback(shop, 1, s.Get(shop).Site.Version)
		must(t, err)
		if got := view.Site; got.WantedRevision != 3 || got.ConfirmedRevision != 2 || view.Operation == nil || view.Operation.Kind != "update_site" {
			t.Errorf("the site is %+v, worked on by %+v", got, view.Operation)
		}
		revisions := s.revisions(shop)
		newest, oldest := revisions[0].Revision, revisions[2].Revision
		if newest.RollbackOf != 1 || newest.Actor != s.Caller.Subject || !sameSpec(t, newest.Spec, oldest.Spec) || len(view.Spec.Options.RequestHeaders) != 0 {
			t.Errorf("the revision is %+v", newest)
		}
		s.Settle()
		if got := s.Get(shop).Site; got.Status != site.Active || got.ConfirmedRevision != 3 {
			t.Errorf("in the end the site is %+v", got)
		}
		s.CheckSettled()
		page, err := s.App.Events(t.Context(), s.Caller, "", app.EventFilter{Types: []string{"site.updated"}}, 10)
		must(t, err)
		var data struct {
			Revision   int64
			RollbackOf int64 `json:"rollback_of"`
		}
		last := page.Events[len(page.Events)-1]
		if err := json.Unmarshal([]byte(last.Data), &data); err != nil || data.Revision != 3 || data.RollbackOf != 1 || last.Type != event.SiteUpdated {
			t.Errorf("the event is %+v, %v", last, err)
		}
	})
	t.Run("to what is wanted already changes nothing", func(t *testing.T) {
		s := stage(t)
		shop := s.deployed()
		_, err := s.rollback(shop, 1, 0)
		must(t, err)
		s.Settle()
		for _, same := range []int64{3, 1} { // itself, and the one that it repeats
			before := s.Get(shop)
			rows := s.Dump()
			view, err := s.rollback(shop, same, 0)
			if err != nil || view.Site != before.Site || view.Operation != nil {
				t.Errorf("to %d: the site is %+v, %v", same, view.Site, err)
			}
			if added := s.Dump().Added(rows); len(added) != 1 || added["audit"] != 1 {
				t.Errorf("to %d: it leaves %v", same, added)
			}
		}
	})
	t.Run("takes over from an update that is under way", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		s.Host().SetDown(true)
		s.Deploy(shop, "X-Two")
		_, err := s.rollback(shop, 1, 0)
		must(t, err)
		s.Host().SetDown(false)
		s.Settle()
		if got := s.Get(shop).Site; got.WantedRevision != 3 || got.ConfirmedRevision != 3 {
			t.Errorf("the site is %+v", got)
		}
	})
	t.Run("in ERROR keeps it for the retry", func(t *testing.T) {
		s := stage(t)
		shop := s.broken()
		_, err := s.update(shop, app.SiteChange{Spec: websocketSpec()}, "")
		must(t, err)
		view, err := s.rollback(shop, 1, 0)
		if err != nil || view.Site.Status != site.Error || view.Site.WantedRevision != 3 || view.Operation != nil {
			t.Errorf("the site is %+v, worked on by %v, %v", view.Site, view.Operation, err)
		}
		s.Retry(shop)
		s.Settle()
		if got := s.Get(shop); got.Site.Status != site.Active || got.Site.ConfirmedRevision != 3 || got.Spec.Options.Websocket {
			t.Errorf("after the retry the site is %+v", got.Site)
		}
	})
}

func sameSpec(t *testing.T, a, b site.Spec) bool {
	t.Helper()
	one, err := json.Marshal(a.Normalize())
	must(t, err)
	two, err := json.Marshal(b.Normalize())
	must(t, err)
	return slices.Equal(one, two)
}

func TestRollbackSite_refuses(t *testing.T) {
	t.Run("a revision that is not there", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		for _, unknown := range []int64{0, 2, -1} {
			_, err := s.rollback(shop, unknown, 0)
			wantNotFound(t, err)
		}
	})
	t.Run("a version that is not the site's any more", func(t *testing.T) {
		s := stage(t)
		shop := s.deployed()
		_, err := s.rollback(shop, 1, s.Get(shop).Site.Version-1)
		if !errors.Is(err, lifecycle.ErrLostRace) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a spec that is not allowed any more", func(t *testing.T) {
		s := stage(t, func(cfg *lifecycle.Config) {
			cfg.OriginAllowNetworks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		})
		spec := apptest.Spec()
		spec.Origin.Targets[0].Address = "10.1.2.3:80"
		shop, err := s.TryCreate(s.Caller, app.NewSite{Name: "Shop", Spec: spec}, "")
		must(t, err)
		s.Settle()
		s.Deploy(shop, "X-Two")
		s.Settle()
		s.Reconfigure(func(cfg *lifecycle.Config) { cfg.OriginAllowNetworks = nil })
		_, err = s.rollback(shop, 1, 0)
		wantPrecondition(t, err)
		if got := s.Get(shop).Site.WantedRevision; got != 2 {
			t.Errorf("revision %d is wanted", got)
		}
	})
	t.Run("a site on its way out, or of another tenant", func(t *testing.T) {
		s := stage(t)
		shop := s.deployed()
		_, err := s.App.RollbackSite(t.Context(), s.NewTenant("other"), shop.ID, 1, 0, "")
		wantNotFound(t, err)
		s.Delete(shop)
		_, err = s.rollback(shop, 1, 0)
		wantPrecondition(t, err)
	})
	t.Run("a site that is being provisioned", func(t *testing.T) {
		s := stage(t)
		shop := s.Create("Shop")
		before := s.Get(shop).Site.Version
		if _, err := s.rollback(shop, 1, 0); err != nil { // it is wanted already
			t.Error(err)
		}
		if got := s.Get(shop).Site.Version; got != before {
			t.Errorf("the site is at version %d, was at %d", got, before)
		}
	})
}

func TestListRevisions(t *testing.T) {
	s := stage(t)
	shop := s.serving()
	for _, header := range []string{"X-Two", "X-Three", "X-Four"} {
		s.Deploy(shop, header)
		s.Settle()
	}
	s.Host().SetDown(true)
	s.Deploy(shop, "X-Five")
	for _, limit := range []int{1, 2, 5, 6} {
		var got []int64
		for before := int64(0); len(got) < 10; before = got[len(got)-1] {
			views, err := s.App.ListRevisions(t.Context(), s.Caller, shop.ID, before, limit)
			must(t, err)
			for _, v := range views {
				got = append(got, v.Revision.Number)
				if v.Wanted != (v.Revision.Number == 5) || v.Confirmed != (v.Revision.Number == 4) || v.Revision.CreatedAt.IsZero() {
					t.Errorf("listed %+v", v)
				}
			}
			if len(views) < limit {
				break
			}
		}
		if !slices.Equal(got, []int64{5, 4, 3, 2, 1}) {
			t.Errorf("pages of %d give %v", limit, got)
		}
	}
	_, err := s.App.ListRevisions(t.Context(), s.NewTenant("other"), shop.ID, 0, 10)
	wantNotFound(t, err)
}
