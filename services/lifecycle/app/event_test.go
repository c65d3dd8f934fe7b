package app_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// everything asks for all of the installation.
var everything = app.EventFilter{Installation: true}

// outbox returns the events of the database that are of a kind, oldest first.
func (s scene) outbox(of func(event.Event) bool) (out []event.Event) {
	s.t.Helper()
	s.View(func(ctx context.Context, tx store.Tx) error {
		events, err := tx.Events(ctx, event.Query{Limit: 1 << 20})
		out = slices.DeleteFunc(events, func(e event.Event) bool { return !of(e) })
		return err
	})
	return out
}

func ofTenant(by auth.Principal) func(event.Event) bool {
	return func(e event.Event) bool { return e.TenantID == string(by.TenantID) }
}

// read returns everything that comes after a cursor, in pages, and where to go on.
func (s scene) read(by auth.Principal, cursor string, wanted app.EventFilter, limit int) (out []event.Event, next string) {
	s.t.Helper()
	for range 1000 {
		page, err := s.App.Events(s.t.Context(), by, cursor, wanted, limit)
		must(s.t, err)
		for _, e := range page.Events {
			out = append(out, e.Event)
		}
		if len(page.Events) > limit || page.More && len(page.Events) < limit {
			s.t.Errorf("a page of %d has %d events, more: %t", limit, len(page.Events), page.More)
		}
		if cursor = page.Next; !page.More {
			return out, cursor
		}
	}
	s.t.Fatal("the pages do not end")
	return nil, ""
}

func wantEvents(t *testing.T, got, want []event.Event) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %d events, want %d:\n%+v\n%+v", len(got), len(want), got, want)
	}
	if len(want) == 0 {
		t.Error("there is nothing to be seen")
	}
}

func wantCursorError(t *testing.T, err error) {
	t.Helper()
	var gone *app.CursorError
	if !errors.As(err, &gone) {
		t.Errorf("got %v, want a *app.CursorError", err)
	}
}

func TestEvents(t *testing.T) {
	s := people(t)
	acme := s.NewTenant("acme")
	shop, theirs := s.serving(), s.CreateFor(acme, "Else")
	own := s.proved(shop, "own.test")
	second := s.Create("Second")
	s.Settle()
	must(t, s.App.SetDriftPolicy(t.Context(), s.PlatformAdmin(), string(s.EdgeIDs()[0]), "HOLD", ""))
	all := func(event.Event) bool { return true }
	of := func(objects ...string) func(event.Event) bool {
		return func(e event.Event) bool { return slices.Contains(objects, e.ObjectID) && ofTenant(s.Caller)(e) }
	}
	shops := []string{string(shop.ID), string(own.Domain.ID), string(s.Get(shop).Primary.Domain.ID)}
	for name, tt := range map[string]struct {
		by     auth.Principal
		wanted app.EventFilter
		want   func(event.Event) bool
	}{
		"of its tenant, all of them":       {s.Caller, app.EventFilter{}, ofTenant(s.Caller)},
		"of another tenant, its own":       {acme, app.EventFilter{}, ofTenant(acme)},
		"of a platform admin, its own":     {s.PlatformAdmin(), app.EventFilter{}, ofTenant(s.Caller)},
		"of the installation":              {s.PlatformAdmin(), everything, all},
		"of an object":                     {s.Caller, app.EventFilter{ObjectID: string(own.Domain.ID)}, of(shops[1])},
		"of a site, its domains included":  {s.Caller, app.EventFilter{ObjectID: string(shop.ID)}, of(shops...)},
		"of a site to a key for it":        {s.As(s.Caller.TenantID, auth.Viewer, shop.ID), app.EventFilter{}, of(shops...)},
		"of an object in the installation": {s.PlatformAdmin(), app.EventFilter{Installation: true, ObjectID: string(theirs.ID)}, func(e event.Event) bool { return e.SiteID == string(theirs.ID) }},
		"of a type":                        {s.Caller, app.EventFilter{Types: []string{"domain.created"}}, func(e event.Event) bool { return e.Type == event.DomainCreated && ofTenant(s.Caller)(e) }},
		"of a kind of object":              {s.Caller, app.EventFilter{Types: []string{"site.*"}}, func(e event.Event) bool { return strings.HasPrefix(string(e.Type), "site.") && ofTenant(s.Caller)(e) }},
		"of what is of no tenant":          {s.PlatformAdmin(), app.EventFilter{Installation: true, Types: []string{"drift.*"}}, func(e event.Event) bool { return e.TenantID == "" }},
		"of either of two types": {s.Caller, app.EventFilter{Types: []string{"site.created", "domain.*"}}, func(e event.Event) bool {
			return (e.Type == event.SiteCreated || strings.HasPrefix(string(e.Type), "domain.")) && ofTenant(s.Caller)(e)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			want := s.outbox(tt.want)
			var cursor string
			for _, limit := range []int{1, 2, 7, 500} {
				got, next := s.read(tt.by, app.CursorStart, tt.wanted, limit)
				wantEvents(t, got, want)
				cursor = next
			}
			if got, _ := s.read(tt.by, "", tt.wanted, 500); len(got) != len(want) {
				t.Errorf("without a cursor there are %d events", len(got))
			}
			if got, _ := s.read(tt.by, cursor, tt.wanted, 500); len(got) != 0 {
				t.Errorf("at the end there are %+v", got)
			}
			page, err := s.App.Events(t.Context(), tt.by, "", tt.wanted, 500)
			must(t, err)
			for i, e := range page.Events { // from anywhere in the middle
				if got, _ := s.read(tt.by, e.Cursor, tt.wanted, 500); !slices.Equal(got, want[i+1:]) {
					t.Errorf("after event %d there are %+v", i, got)
				}
			}
		})
	}
	t.Run("of what a caller does not know are none", func(t *testing.T) {
		for name, tt := range map[string]struct {
			by     auth.Principal
			object string
		}{
			"another tenant's site":   {acme, string(shop.ID)},
			"another tenant's domain": {acme, string(own.Domain.ID)},
			"another site's":          {s.As(s.Caller.TenantID, auth.Viewer, second.ID), string(shop.ID)},
			"nothing":                 {s.Caller, ""},
		} {
			wanted := app.EventFilter{ObjectID: tt.object}
			if tt.object == "" {
				wanted.Types = []string{"no.such"}
			}
			if got, _ := s.read(tt.by, "", wanted, 100); len(got) != 0 {
				t.Errorf("%s: %+v", name, got)
			}
		}
	})
	t.Run("of the installation are for platform admins", func(t *testing.T) {
		_, err := s.App.Events(t.Context(), s.As(s.Caller.TenantID, auth.Admin), "", everything, 10)
		wantDenied(t, err)
	})
}

func TestEvents_cursor(t *testing.T) {
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	t.Run("that no answer carried is refused", func(t *testing.T) {
		s := stage(t)
		for _, garbage := range []string{
			"x", "!", "Start", encode("1"), encode("1."), encode("a.1"), encode("1.a"), encode("1.-1"), encode("01.0"), encode("1.00"),
			encode("1.0") + "=", encode("1.0\n"), encode("99999999999999999999.0"),
		} {
			_, err := s.App.Events(t.Context(), s.Caller, garbage, app.EventFilter{}, 10)
			wantViolation(t, err, "cursor", "")
		}
	})
	t.Run("of another era, or of what has not happened, leads nowhere", func(t *testing.T) {
		s := stage(t)
		s.Create("Shop")
		_, cursor := s.read(s.Caller, "", app.EventFilter{}, 100)
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		must(t, err)
		era, after, _ := strings.Cut(string(raw), ".")
		for _, lost := range []string{"2." + after, "0." + after, era + "." + after + "0"} {
			_, err := s.App.Events(t.Context(), s.Caller, encode(lost), app.EventFilter{}, 10)
			wantCursorError(t, err)
		}
	})
	t.Run("is good after a restart, and for what was written by then", func(t *testing.T) {
		s := stage(t)
		s.Create("Shop")
		_, cursor := s.read(s.Caller, "", app.EventFilter{}, 100)
		s.Restart()
		before := len(s.outbox(ofTenant(s.Caller)))
		s.Create("Next")
		got, _ := s.read(s.Caller, cursor, app.EventFilter{}, 100)
		wantEvents(t, got, s.outbox(ofTenant(s.Caller))[before:])
	})
}

func TestEvents_are_kept_for_their_time(t *testing.T) {
	const keep = 48 * time.Hour
	s := stage(t, func(cfg *lifecycle.Config) { cfg.KeepEvents = keep })
	s.Create("Old")
	_, old := s.read(s.Caller, "", app.EventFilter{}, 1)
	first, err := s.App.Events(t.Context(), s.Caller, "", app.EventFilter{}, 1)
	must(t, err)
	early := first.Events[0].Cursor
	s.Clock.Advance(keep - time.Hour)
	s.Create("New")
	all := s.outbox(ofTenant(s.Caller))
	must(t, s.App.PruneEvents(t.Context()))
	if got := s.outbox(ofTenant(s.Caller)); len(got) != len(all) {
		t.Errorf("%d of %d events are left before their time", len(got), len(all))
	}
	s.Clock.Advance(time.Hour + time.Microsecond)
	must(t, s.App.PruneEvents(t.Context()))
	kept := s.outbox(ofTenant(s.Caller))
	if len(kept) == 0 || len(kept) == len(all) {
		t.Fatalf("%d of %d events are left after their time", len(kept), len(all))
	}
	t.Run("the start is the oldest that is kept", func(t *testing.T) {
		got, _ := s.read(s.Caller, "", app.EventFilter{}, 100)
		wantEvents(t, got, kept)
	})
	t.Run("a cursor before it is refused, and one right at it is not", func(t *testing.T) {
		_, err := s.App.Events(t.Context(), s.Caller, early, app.EventFilter{}, 100)
		wantCursorError(t, err)
		got, _ := s.read(s.Caller, old, app.EventFilter{}, 100)
		wantEvents(t, got, kept)
	})
	t.Run("when all are gone, the last place is still one", func(t *testing.T) {
		_, last := s.read(s.Caller, "", app.EventFilter{}, 100)
		s.Clock.Advance(2 * keep)
		must(t, s.App.PruneEvents(t.Context()))
		for _, cursor := range []string{app.CursorStart, last} {
			if got, _ := s.read(s.Caller, cursor, app.EventFilter{}, 100); len(got) != 0 {
				t.Errorf("there are %+v", got)
			}
		}
		_, err := s.App.Events(t.Context(), s.Caller, old, app.EventFilter{}, 100)
		wantCursorError(t, err)
		s.Create("Next")
		for _, cursor := range []string{app.CursorStart, last} {
			got, _ := s.read(s.Caller, cursor, app.EventFilter{}, 100)
			wantEvents(t, got, s.outbox(ofTenant(s.Caller)))
		}
	})
}

// More than one transaction's worth of old events goes as well.
func TestEvents_prunes_many(t *testing.T) {
	s := stage(t)
	s.Update(func(ctx context.Context, tx store.Tx) error {
		for range 2500 {
			if err := tx.Emit(ctx, event.Event{Type: event.DriftFound, ObjectID: "edge_1", Data: "{}", At: s.Clock.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
	s.Clock.Advance(31 * 24 * time.Hour)
	must(t, s.App.PruneEvents(t.Context()))
	if left := s.outbox(func(event.Event) bool { return true }); len(left) != 0 {
		t.Errorf("%d events are left", len(left))
	}
}

// Whatever two tenants do, each sees its own, and both together with what is of no
// tenant are all there is.
func TestEvents_of_tenants_are_apart(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := people(t)
			random := rand.New(rand.NewPCG(seed, 1))
			tenants := []auth.Principal{s.Caller, s.NewTenant("acme")}
			sites := [][]site.Site{nil, nil}
			for i := range 40 {
				who := random.IntN(2)
				s.anything(random, tenants[who], &sites[who], i)
			}
			s.RunFor(time.Minute)
			one, _ := s.read(tenants[0], "", app.EventFilter{}, 50)
			two, _ := s.read(tenants[1], "", app.EventFilter{}, 50)
			all, _ := s.read(s.PlatformAdmin(), "", everything, 50)
			var none []event.Event
			for _, e := range all {
				if e.TenantID == "" {
					none = append(none, e)
				}
			}
			union := slices.Concat(one, two, none)
			slices.SortFunc(union, func(a, b event.Event) int { return int(a.Seq - b.Seq) })
			wantEvents(t, union, all)
			for i, stream := range [][]event.Event{one, two} {
				wantEvents(t, stream, s.outbox(ofTenant(tenants[i])))
			}
		})
	}
}

// anything does one thing of many for a tenant; what is refused is, too, something
// that happens.
func (s scene) anything(random *rand.Rand, by auth.Principal, sites *[]site.Site, i int) {
	s.t.Helper()
	ctx := s.t.Context()
	if len(*sites) == 0 || random.IntN(6) == 0 {
		*sites = append(*sites, s.CreateFor(by, fmt.Sprint("site ", i)))
		return
	}
	of := (*sites)[random.IntN(len(*sites))]
	switch random.IntN(7) {
	case 0:
		_, _ = s.App.UpdateSite(ctx, by, of.ID, renamed(fmt.Sprint("Site ", i)), "")
	case 1:
		_, _ = s.App.AddDomain(ctx, by, of.ID, app.NewDomain{Hostname: fmt.Sprint("d", i, ".test")}, "")
	case 2:
		_, _ = s.App.DeleteSite(ctx, by, of.ID, "")
	case 3:
		s.As(by.TenantID, auth.Viewer)
	case 4:
		_, _ = s.App.GrantZone(ctx, by, "ours.test", by.TenantID, "")
	case 5:
		_ = s.App.SetDriftPolicy(ctx, by, string(s.EdgeIDs()[0]), "REPAIR", "")
	case 6:
		s.RunFor(time.Minute)
	}
}

// Readers that lose their stream again and again miss nothing while many write.
func TestWatch_misses_nothing(t *testing.T) {
	s := people(t)
	tenants := []auth.Principal{s.Caller, s.NewTenant("acme")}
	must(t, s.App.Start(t.Context()))
	var writing, reading sync.WaitGroup
	for i, by := range tenants {
		for j := range 2 {
			writing.Go(func() {
				for k := range 12 {
					view, err := s.App.CreateSite(t.Context(), by, named(fmt.Sprintf("Site %d %d %d", i, j, k)), "")
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := s.App.UpdateSite(t.Context(), by, view.Site.ID, renamed("Else"), ""); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	streams := make([]restless, 4)
	for i := range streams {
		by, wanted := tenants[i%2], app.EventFilter{}
		if i == 3 {
			by, wanted = s.PlatformAdmin(), everything
		}
		streams[i] = restless{by: by, wanted: wanted, cursor: app.CursorStart, random: rand.New(rand.NewPCG(uint64(i), 1))}
		reading.Go(func() { streams[i].watch(ctx, s) })
	}
	writing.Wait()
	must(t, s.App.Stop(t.Context()))
	stop()
	reading.Wait()
	for i := range streams {
		r := &streams[i]
		rest, _ := s.read(r.by, r.cursor, r.wanted, 100)
		live := len(r.seen)
		want := ofTenant(r.by)
		if r.wanted.Installation {
			want = func(event.Event) bool { return true }
		}
		wantEvents(t, append(r.seen, rest...), s.outbox(want))
		t.Logf("reader %d was connected %d times and saw %d events live, %d later", i, r.connected, live, len(rest))
		if live == 0 {
			t.Error("it saw nothing live")
		}
	}
}

// restless is a reader that watches again from its last cursor, and again.
type restless struct {
	by        auth.Principal
	wanted    app.EventFilter
	random    *rand.Rand
	cursor    string
	seen      []event.Event
	connected int
}

func (r *restless) watch(ctx context.Context, s scene) {
	for ctx.Err() == nil {
		r.connected++
		left := 1 + r.random.IntN(20)
		enough := errors.New("enough")
		err := s.App.Watch(ctx, r.by, r.cursor, r.wanted, nil, func(e *app.SeenEvent, cursor string) error {
			if e != nil {
				r.seen = append(r.seen, e.Event)
				left--
			}
			r.cursor = cursor
			if left == 0 {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) && ctx.Err() == nil {
			s.t.Errorf("the stream ended with %v", err)
			return
		}
	}
}
