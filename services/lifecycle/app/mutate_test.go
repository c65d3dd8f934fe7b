package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/app/apptest"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// traced is a context within a trace.
func traced(t *testing.T) context.Context {
	t.Helper()
	return trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled,
	}))
}

// asJSON is what of an answer is kept.
func asJSON(t *testing.T, answer any) string {
	t.Helper()
	raw, err := json.Marshal(answer)
	must(t, err)
	return string(raw)
}

func TestMutate_a_request_that_is_repeated(t *testing.T) {
	everyMutation(t, func(t *testing.T, s scene, _ string, m mutation) {
		by := s.PlatformAdmin()
		first, err := m.ask(t.Context(), by, "request-1")
		must(t, err)
		same := func(when string) {
			t.Helper()
			before := s.Dump()
			again, err := m.ask(t.Context(), by, "request-1")
			if diff := cmp.Diff(asJSON(t, first), asJSON(t, again)); diff != "" || err != nil {
				t.Errorf("%s it is answered otherwise: %v\n%s", when, err, diff)
			}
			if diff := cmp.Diff(before, s.Dump()); diff != "" {
				t.Errorf("%s it changes:\n%s", when, diff)
			}
		}
		other := func(when string) {
			t.Helper()
			before := s.Dump()
			_, err := m.other(t.Context(), by, "request-1")
			wantTaken(t, err, "request id", "request-1")
			if diff := cmp.Diff(before, s.Dump()); diff != "" {
				t.Errorf("%s another body with its id changes:\n%s", when, diff)
			}
		}
		same("at once")
		other("at once")
		s.RunFor(5 * time.Minute)
		same("after the object has moved on")
		other("after the object has moved on")
		s.Reconfigure(func(*lifecycle.Config) {})
		same("after a restart")
		if _, err := s.App.CreateSite(t.Context(), s.NewTenant("other"), named("Else"), "request-1"); err != nil {
			t.Errorf("another tenant may not use the id: %v", err)
		}
		s.Clock.Advance(24*time.Hour + time.Second) // everything that is kept for a day
		if _, err := s.App.CreateSite(t.Context(), by, named("Later"), "request-2"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.App.CreateSite(t.Context(), by, named("Later still"), "request-1"); err != nil {
			t.Errorf("after a day the id is not free: %v", err)
		}
	})
}

func TestMutate_by_a_suspended_tenant(t *testing.T) {
	everyMutation(t, func(t *testing.T, s scene, _ string, m mutation) {
		by := s.PlatformAdmin()
		s.Suspend(by.TenantID)
		before, calls := s.Dump(), len(s.Tunnel.Calls("LookupZone"))
		_, err := m.ask(t.Context(), by, "request-1")
		var suspended *admin.SuspendedError
		if !errors.As(err, &suspended) || suspended.Reason != "unpaid" {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(before, s.Dump()); diff != "" {
			t.Errorf("it changes:\n%s", diff)
		}
		if got := len(s.Tunnel.Calls("LookupZone")); got != calls {
			t.Error("the provider is asked")
		}
		s.Resume(by.TenantID)
		if _, err := m.ask(t.Context(), by, "request-1"); err != nil {
			t.Errorf("the refused request has spent its id: %v", err)
		}
		s.Suspend(by.TenantID)
		if _, err := m.ask(t.Context(), by, "request-1"); !errors.As(err, &suspended) {
			t.Errorf("repeated, it is answered with %v", err)
		}
	})
}

func TestMutate_leaves_one_audit_entry(t *testing.T) {
	everyMutation(t, func(t *testing.T, s scene, name string, m mutation) {
		by := s.PlatformAdmin()
		before := s.Dump()
		ctx := traced(t)
		answer, err := m.ask(ctx, by, "request-1")
		must(t, err)
		added := s.Dump().Added(before)
		entries, err := s.App.ListAudit(t.Context(), by, admin.AuditPage{Limit: 1}, true)
		must(t, err)
		e := entries[0]
		if added["audit"] != 1 || e.Action != name || e.Actor != by.Subject || e.Address != by.Address ||
			e.TraceID != tracecontext.ID(ctx) || e.RequestID != "request-1" || !e.At.Equal(s.Clock.Now()) {
			t.Errorf("%d rows, the last is %+v", added["audit"], e)
		}
		if want := m.object; want == "" && e.ObjectID == "" || want != "" && e.ObjectID != want {
			t.Errorf("it is about %q, want %q", e.ObjectID, want)
		}
		if got, want := e.Before == "", m.made; got != want {
			t.Errorf("before it was %q", e.Before)
		}
		if got, want := e.After == "", m.gone; got != want {
			t.Errorf("after it is %q", e.After)
		}
		for _, object := range []string{e.Before, e.After} {
			if object != "" && !json.Valid([]byte(object)) {
				t.Errorf("%s is no JSON", object)
			}
		}
		if m.event != (added["outbox"] > 0) {
			t.Errorf("%d events", added["outbox"])
		}
		if m.made && m.object == "" && !strings.Contains(asJSON(t, answer), e.ObjectID) {
			t.Errorf("%s is not in the answer %s", e.ObjectID, asJSON(t, answer))
		}
	})
}

// A process that dies around the commit leaves all of a mutation or nothing, and the
// request that is repeated makes it whole.
func TestMutate_when_the_process_dies(t *testing.T) {
	t.Parallel()
	for name, build := range mutations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			effects := func(die func(*apptest.Store)) map[string]int {
				s := people(t)
				m := build(s)
				before := s.Dump()
				if die != nil {
					die(s.Store)
					if _, err := m.ask(t.Context(), s.PlatformAdmin(), "request-1"); !errors.Is(err, apptest.ErrDead) {
						t.Errorf("the process lives: %v", err)
					}
					s.Restart()
				}
				if _, err := m.ask(t.Context(), s.PlatformAdmin(), "request-1"); err != nil {
					t.Error(err)
				}
				added := s.Dump().Added(before)
				delete(added, "work") // a start has work to do
				return added
			}
			want := effects(nil)
			if want["audit"] != 1 || want["request"] != 1 {
				t.Fatalf("undisturbed, it leaves %v", want)
			}
			for when, die := range map[string]func(*apptest.Store){
				"before the commit": func(s *apptest.Store) { s.DieBefore(1) },
				"after the commit":  func(s *apptest.Store) { s.DieAfter(1) },
			} {
				if diff := cmp.Diff(want, effects(die)); diff != "" {
					t.Errorf("%s the effects are others:\n%s", when, diff)
				}
			}
		})
	}
}

func TestMutate_while_the_first_request_is_at_work(t *testing.T) {
	everyMutation(t, func(t *testing.T, s scene, _ string, m mutation) {
		by := s.PlatformAdmin()
		before := s.Dump()
		var meanwhile []error
		s.Store.During(func() {
			for _, call := range []call{m.ask, m.other} {
				_, err := call(t.Context(), by, "request-1")
				meanwhile = append(meanwhile, err)
			}
			if _, err := s.App.CreateSite(t.Context(), s.NewTenant("other"), named("Else"), "request-1"); err != nil {
				t.Errorf("another tenant is told %v", err)
			}
		})
		first, err := m.ask(t.Context(), by, "request-1")
		must(t, err)
		for _, err := range meanwhile {
			var busy *app.InProgressError
			if !errors.As(err, &busy) || busy.ID != "request-1" {
				t.Errorf("meanwhile: %v", err)
			}
		}
		again, err := m.ask(t.Context(), by, "request-1")
		if err != nil || asJSON(t, again) != asJSON(t, first) {
			t.Errorf("afterwards: %+v, %v", again, err)
		}
		if got := s.Dump().Added(before)["audit"]; got != 3 { // with the other tenant and its site
			t.Errorf("%d audit entries", got)
		}
	})
}

// The same words ask for another thing in another action.
func TestMutate_another_action(t *testing.T) {
	t.Parallel()
	s := people(t)
	shop := s.broken()
	_, err := s.App.RetrySite(t.Context(), s.Caller, shop.ID, "request-1")
	must(t, err)
	_, err = s.App.DeleteSite(t.Context(), s.Caller, shop.ID, "request-1")
	wantTaken(t, err, "request id", "request-1")
}

// What one key was answered is not told to another that knows other sites.
func TestMutate_by_keys_for_single_sites(t *testing.T) {
	t.Parallel()
	s := people(t)
	shop, rest := s.Create("Shop"), s.Create("Rest")
	rename := func(by auth.Principal) error {
		_, err := s.App.UpdateSite(t.Context(), by, shop.ID, renamed("The Shop"), "request-1")
		return err
	}
	its := s.As(s.Caller.TenantID, auth.Operator, shop.ID)
	must(t, rename(its))
	must(t, rename(its))
	wantTaken(t, rename(s.As(s.Caller.TenantID, auth.Operator, rest.ID)), "request id", "request-1")
}

func TestMutate_refused_keeps_nothing(t *testing.T) {
	t.Parallel()
	s := people(t)
	by := s.PlatformAdmin()
	in := named("Shop")
	in.Slug = "shop"
	taken := s.CreateFor(s.NewTenant("other"), "Shop")
	before := s.Dump()
	_, err := s.App.CreateSite(t.Context(), by, in, "request-1")
	wantTaken(t, err, "slug", "shop")
	if diff := cmp.Diff(before, s.Dump()); diff != "" {
		t.Errorf("it changes:\n%s", diff)
	}
	s.Settle()
	s.Delete(taken)
	s.Settle()
	s.Clock.Advance(31 * 24 * time.Hour) // the slug is kept for its last owner
	view, err := s.App.CreateSite(t.Context(), by, in, "request-1")
	if err != nil || view.Site.Slug != "shop" {
		t.Errorf("when the cause is gone: %+v, %v", view.Site, err)
	}
}

// What was answered is answered, also when the rules have become stricter since.
func TestMutate_answers_before_it_checks(t *testing.T) {
	t.Parallel()
	s := people(t)
	in := named("Shop")
	in.Spec.Origin.Targets[0].Address = "10.1.2.3:8080"
	s.Reconfigure(func(cfg *lifecycle.Config) {
		cfg.OriginAllowNetworks = append(cfg.OriginAllowNetworks, netip.MustParsePrefix("10.0.0.0/8"))
	})
	first, err := s.App.CreateSite(t.Context(), s.Caller, in, "request-1")
	if err != nil {
		t.Fatal(err)
	}
	s.Reconfigure(func(cfg *lifecycle.Config) { cfg.OriginAllowNetworks = nil })
	if _, err := s.App.CreateSite(t.Context(), s.Caller, in, "request-2"); !errors.As(err, new(*lifecycle.InvalidError)) {
		t.Fatalf("a new request was answered %v", err)
	}
	again, err := s.App.CreateSite(t.Context(), s.Caller, in, "request-1")
	if err != nil || again.Site.ID != first.Site.ID {
		t.Errorf("the repeated one was answered %v, %v", again.Site.ID, err)
	}
}

// Without an id every call is another.
func TestMutate_without_a_request_id(t *testing.T) {
	t.Parallel()
	s := people(t)
	before := s.Dump()
	s.Store.During(func() { s.Create("Shop") })
	s.Create("Shop")
	if added := s.Dump().Added(before); added["site"] != 2 || added["audit"] != 2 || added["request"] != 0 {
		t.Errorf("added %v", added)
	}
}

// An answer that an earlier version kept cannot be given again.
func TestMutate_answered_by_an_earlier_version(t *testing.T) {
	t.Parallel()
	s := people(t)
	in := named("Shop")
	_, err := s.App.CreateSite(t.Context(), s.Caller, in, "request-1")
	must(t, err)
	s.Update(func(ctx context.Context, tx store.Tx) error {
		r, _, err := tx.GetRequest(ctx, s.Caller.TenantID, "request-1")
		if err != nil {
			return err
		}
		if err := tx.PruneRequests(ctx, s.Clock.Now().Add(time.Hour), 10); err != nil {
			return err
		}
		r.Answer = ""
		return tx.InsertRequest(ctx, r)
	})
	_, err = s.App.CreateSite(t.Context(), s.Caller, in, "request-1")
	wantPrecondition(t, err)
}

// Old answers go a few at a time, with each that is kept.
func TestMutate_prunes_what_it_kept(t *testing.T) {
	t.Parallel()
	s := people(t)
	sync := func(i int) {
		must(t, s.App.SyncTarget(t.Context(), s.Caller, string(s.EdgeIDs()[0]), app.RequestID(fmt.Sprint("request-", i))))
	}
	for i := range 45 {
		sync(i)
	}
	s.Clock.Advance(24 * time.Hour)
	sync(100) // they are a day old, and no more
	if got := len(s.Dump()["request"]); got != 46 {
		t.Errorf("%d answers are kept after a day", got)
	}
	s.Clock.Advance(time.Microsecond)
	for i, want := range []int{46 - 20 + 1, 46 - 40 + 2, 4, 5} {
		sync(200 + i)
		if got := len(s.Dump()["request"]); got != want {
			t.Errorf("%d answers are kept, want %d", got, want)
		}
	}
}
