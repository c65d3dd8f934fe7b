package app_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// scene is a world whose tenants bring names below .test.
type scene struct {
	*apptest.World
	t *testing.T
}

func stage(t *testing.T, configure ...func(*lifecycle.Config)) scene {
	t.Helper()
	w := apptest.New(t, apptest.Options{Configure: func(cfg *lifecycle.Config) {
		cfg.AllowReservedTLDs = true
		for _, set := range configure {
			set(cfg)
		}
	}})
	w.Run()
	return scene{w, t}
}

// withoutPlatform leaves sites without a name of their own.
func withoutPlatform(cfg *lifecycle.Config) { cfg.PlatformDomain = "" }

// serving is a site that is ACTIVE under its platform name.
func (s scene) serving() site.Site {
	s.t.Helper()
	created := s.Create("Shop")
	s.Settle()
	return created
}

// add claims a hostname for a site of the first tenant.
func (s scene) add(to site.Site, hostname string) app.DomainView {
	s.t.Helper()
	view, err := s.App.AddDomain(s.t.Context(), s.Caller, to.ID, app.NewDomain{Hostname: hostname}, "")
	must(s.t, err)
	return view
}

// proved adds a domain that is ACTIVE.
func (s scene) proved(to site.Site, hostname string) app.DomainView {
	s.t.Helper()
	view := s.add(to, hostname)
	s.DNS.SetTXT(view.Instructions[0].Name, view.Instructions[0].Value)
	s.RunFor(time.Minute)
	if view = s.domain(view); view.Domain.Status != network.Active {
		s.t.Fatalf("%s is %s: %+v", hostname, view.Domain.Status, view.Conditions)
	}
	return view
}

// domain reads a domain of the first tenant again.
func (s scene) domain(view app.DomainView) app.DomainView {
	s.t.Helper()
	view, err := s.App.GetDomain(s.t.Context(), s.Caller, view.Domain.ID)
	must(s.t, err)
	return view
}

// fail puts a domain into ERROR.
func (s scene) fail(view app.DomainView) {
	s.t.Helper()
	s.Update(func(ctx context.Context, tx store.Tx) error {
		d, err := tx.GetDomain(ctx, s.Caller.TenantID, view.Domain.ID)
		if err != nil {
			return err
		}
		cause := lifecycle.Cause{Actor: "test", Reason: "put", OperationID: "op_1", At: s.Clock.Now()}
		if d, err = network.Apply(ctx, tx, d, network.Validate, cause); err != nil {
			return err
		}
		_, err = network.Apply(ctx, tx, d, network.Fail, cause)
		return err
	})
}

// wantPrecondition checks that a call was refused with a word to the caller.
func wantPrecondition(t *testing.T, err error) {
	t.Helper()
	var refused *lifecycle.PreconditionError
	if !errors.As(err, &refused) || refused.Message == "" {
		t.Errorf("got %v, want a *lifecycle.PreconditionError", err)
	}
}

func wantTaken(t *testing.T, err error, kind, name string) {
	t.Helper()
	var taken *lifecycle.TakenError
	if !errors.As(err, &taken) || taken.Kind != kind || taken.Name != name {
		t.Errorf("got %v, want %s %q taken", err, kind, name)
	}
}

func wantViolation(t *testing.T, err error, field, reason string) {
	t.Helper()
	var invalid *lifecycle.InvalidError
	if !errors.As(err, &invalid) {
		t.Errorf("got %v, want a violation", err)
		return
	}
	if v := invalid.Violations; len(v) != 1 || v[0].Field != field || v[0].Reason != reason || v[0].Description == "" {
		t.Errorf("violations are %+v, want %s for %s", v, reason, field)
	}
}

func wantNotFound(t *testing.T, err error) {
	t.Helper()
	var missing *lifecycle.NotFoundError
	if !errors.As(err, &missing) {
		t.Errorf("got %v, want a *lifecycle.NotFoundError", err)
	}
}
