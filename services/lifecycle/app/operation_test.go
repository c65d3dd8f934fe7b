package app_test

import (
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
)

func TestGetOperation(t *testing.T) {
	s := stage(t)
	shop := s.Create("Shop")
	op := s.Get(shop).Operation
	stranger := s.NewTenant("other")
	t.Run("of the tenant, ended ones included", func(t *testing.T) {
		for _, want := range []saga.State{saga.Pending, saga.Succeeded} {
			got, err := s.App.GetOperation(t.Context(), s.Caller, op.ID)
			if err != nil || got.State != want || got.ObjectID != string(shop.ID) {
				t.Errorf("got %+v, %v; want it %s", got, err, want)
			}
			s.Settle()
		}
	})
	t.Run("of another tenant, as one that is not there", func(t *testing.T) {
		got, err := s.App.GetOperation(t.Context(), stranger, op.ID)
		wantNotFound(t, err)
		if got != (saga.Operation{}) {
			t.Errorf("the stranger reads %+v", got)
		}
		_, err = s.App.CancelOperation(t.Context(), stranger, op.ID, "")
		wantNotFound(t, err)
		_, err = s.App.GetOperation(t.Context(), s.Caller, "op_unknown")
		wantNotFound(t, err)
	})
}

func TestCancelOperation(t *testing.T) {
	t.Run("takes an update back", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		s.Host().SetDown(true)
		view, err := s.update(shop, app.SiteChange{Spec: websocketSpec()}, "")
		must(t, err)
		s.RunFor(10 * time.Second)
		for range 2 { // the second time it is on its way back already
			op, err := s.App.CancelOperation(t.Context(), s.Caller, view.Operation.ID, "")
			if err != nil || op.State != saga.Compensating {
				t.Errorf("the operation is %+v, %v", op, err)
			}
		}
		s.Host().SetDown(false)
		s.Settle()
		op, err := s.App.GetOperation(t.Context(), s.Caller, view.Operation.ID)
		if got := s.Get(shop); err != nil || op.State != saga.Cancelled || got.Site.WantedRevision != 1 || got.Spec.Options.Websocket {
			t.Errorf("in the end the operation is %+v, %v, the site %+v", op, err, got.Site)
		}
		_, err = s.App.CancelOperation(t.Context(), s.Caller, op.ID, "")
		wantPrecondition(t, err)
	})
	t.Run("refuses for one that takes something away", func(t *testing.T) {
		s := stage(t)
		shop := s.serving()
		s.Delete(shop)
		_, err := s.App.CancelOperation(t.Context(), s.Caller, s.Get(shop).Operation.ID, "")
		wantPrecondition(t, err)
	})
}
