package app_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// stream is an open one; its fields are read when all is quiet.
type stream struct {
	seen    []event.Event
	cursors []string
	ended   bool
	err     error
	// pause is called before a message is taken; nil for not at all.
	pause    func()
	close    context.CancelFunc
	stopping chan struct{}
}

// watch opens a stream, which ends with the test at the latest.
func (s scene) watch(by auth.Principal, cursor string, wanted app.EventFilter) *stream {
	s.t.Helper()
	w := &stream{}
	s.open(w, by, cursor, wanted)
	return w
}

func (s scene) open(w *stream, by auth.Principal, cursor string, wanted app.EventFilter) {
	s.t.Helper()
	var ctx context.Context
	ctx, w.close = context.WithCancel(s.t.Context())
	w.stopping = make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.err = s.App.Watch(ctx, by, cursor, wanted, w.stopping, func(e *app.SeenEvent, cursor string) error {
			if w.pause != nil {
				w.pause()
			}
			if e != nil {
				w.seen = append(w.seen, e.Event)
				if e.Cursor != cursor {
					s.t.Errorf("the cursor is %s, that of the event %s", cursor, e.Cursor)
				}
			}
			w.cursors = append(w.cursors, cursor)
			return nil
		})
		w.ended = true
	}()
	s.t.Cleanup(func() { w.close(); <-done })
	synctest.Wait()
}

// tell puts what happened in order, and waits until it has been sent.
func (s scene) tell() {
	s.t.Helper()
	s.Sequence()
	synctest.Wait()
}

// emit appends events of the first tenant.
func (s scene) emit(n int) {
	s.t.Helper()
	s.Update(func(ctx context.Context, tx store.Tx) error {
		for range n {
			e := event.Event{Type: event.KeyCreated, TenantID: string(s.Caller.TenantID), ObjectID: "key_1", Data: "{}", At: s.Clock.Now()}
			if err := tx.Emit(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// inBubble runs a test on a clock of its own, with a scene.
func inBubble(t *testing.T, test func(t *testing.T, s scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, people(t)) })
}

func TestWatch(t *testing.T) {
	t.Run("sends everything once and in order, from wherever it begins", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			s.Create("Before")
			page, err := s.App.Events(t.Context(), s.Caller, "", app.EventFilter{}, 100)
			must(t, err)
			past := len(page.Events)
			start := s.watch(s.Caller, app.CursorStart, app.EventFilter{})
			middle := s.watch(s.Caller, page.Events[0].Cursor, app.EventFilter{})
			now := s.watch(s.Caller, "", app.EventFilter{})
			if len(start.seen) != past || len(middle.seen) != past-1 || len(now.seen) != 0 {
				t.Errorf("of %d events the streams have %d, %d and %d", past, len(start.seen), len(middle.seen), len(now.seen))
			}
			s.serving()
			s.tell()
			s.CreateFor(s.NewTenant("other"), "Else")
			s.Create("After")
			s.tell()
			all := s.outbox(ofTenant(s.Caller))
			wantEvents(t, start.seen, all)
			wantEvents(t, middle.seen, all[1:])
			wantEvents(t, now.seen, all[past:])
			again := s.watch(s.Caller, now.cursors[len(now.cursors)-1], app.EventFilter{})
			if len(again.seen) != 0 {
				t.Errorf("after its last cursor come %+v", again.seen)
			}
		})
	})
	t.Run("sends more than a page", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			s.emit(3*app.WatchPage + 1)
			w := s.watch(s.Caller, app.CursorStart, app.EventFilter{})
			wantEvents(t, w.seen, s.outbox(ofTenant(s.Caller)))
			s.emit(app.WatchPage)
			s.tell()
			wantEvents(t, w.seen, s.outbox(ofTenant(s.Caller)))
		})
	})
	t.Run("sends what is asked for and seen only", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			one, two := s.Create("One"), s.Create("Two")
			types := s.watch(s.Caller, "", app.EventFilter{Types: []string{"site.*"}})
			object := s.watch(s.Caller, "", app.EventFilter{ObjectID: string(one.ID)})
			scoped := s.watch(s.As(s.Caller.TenantID, auth.Viewer, two.ID), "", app.EventFilter{})
			all := s.watch(s.PlatformAdmin(), "", everything)
			s.Settle()
			s.tell()
			for name, tt := range map[string]struct {
				got  []event.Event
				want func(event.Event) bool
			}{
				"types":  {types.seen, func(e event.Event) bool { return e.Type == event.SiteStatusChanged }},
				"object": {object.seen, func(e event.Event) bool { return e.SiteID == string(one.ID) }},
				"scoped": {scoped.seen, func(e event.Event) bool { return e.SiteID == string(two.ID) }},
			} {
				want := slices.DeleteFunc(slices.Clone(all.seen), func(e event.Event) bool { return !tt.want(e) })
				if !slices.Equal(tt.got, want) || len(want) == 0 {
					t.Errorf("%s: got %+v, want %+v", name, tt.got, want)
				}
			}
		})
	})
	t.Run("says where it is, at first and when nothing has happened for a while", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			w := s.watch(s.Caller, "", app.EventFilter{})
			if len(w.cursors) != 1 {
				t.Fatalf("at first it says %v", w.cursors)
			}
			time.Sleep(app.SignOfLife - time.Millisecond)
			s.Create("Shop")
			s.tell()
			n := len(w.cursors)
			time.Sleep(app.SignOfLife - time.Millisecond)
			synctest.Wait()
			if len(w.cursors) != n {
				t.Error("it says so although something happened")
			}
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if len(w.cursors) != n+1 || w.cursors[n] != w.cursors[n-1] {
				t.Errorf("then it says %v", w.cursors[n:])
			}
		})
	})
	t.Run("of others' events moves the cursor, too", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			w := s.watch(s.NewTenant("acme"), "", app.EventFilter{})
			s.emit(3)
			s.tell()
			time.Sleep(app.SignOfLife)
			synctest.Wait()
			if n := len(w.cursors); len(w.seen) != 0 || n != 2 || w.cursors[1] == w.cursors[0] {
				t.Errorf("it says %v and %+v", w.cursors, w.seen)
			}
		})
	})
}

// What is committed is sent without waiting, by the running sequencer, which deletes
// what is old besides.
func TestWatch_of_a_running_control_plane(t *testing.T) {
	inBubble(t, func(t *testing.T, s scene) {
		must(t, s.App.Start(t.Context()))
		defer func() { must(t, s.App.Stop(t.Context())) }()
		w := s.watch(s.Caller, "", app.EventFilter{Types: []string{"key.*"}})
		s.emit(1)
		synctest.Wait() // no time passes
		if len(w.seen) != 1 {
			t.Errorf("got %+v", w.seen)
		}
		s.Clock.Advance(31 * 24 * time.Hour)
		time.Sleep(11 * time.Minute)
		if left := s.outbox(ofTenant(s.Caller)); slices.ContainsFunc(left, func(e event.Event) bool { return e.Type == event.KeyCreated }) {
			t.Errorf("%d events are left", len(left))
		}
	})
}

func TestWatch_ends(t *testing.T) {
	wantCredential := func(t *testing.T, w *stream) {
		t.Helper()
		var refused *auth.CredentialError
		if !w.ended || !errors.As(w.err, &refused) {
			t.Errorf("ended: %t, %v", w.ended, w.err)
		}
	}
	t.Run("soon after its key is revoked", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			by := s.As(s.Caller.TenantID, auth.Viewer)
			w, other := s.watch(by, "", app.EventFilter{}), s.watch(s.As(s.Caller.TenantID, auth.Viewer), "", app.EventFilter{})
			time.Sleep(5 * app.RecheckKey)
			synctest.Wait()
			if w.ended {
				t.Fatalf("it ended before: %v", w.err)
			}
			_, err := s.App.RevokeKey(t.Context(), s.PlatformAdmin(), by.KeyID, "")
			must(t, err)
			time.Sleep(app.RecheckKey)
			synctest.Wait()
			wantCredential(t, w)
			if other.ended {
				t.Errorf("another key's ended: %v", other.err)
			}
		})
	})
	t.Run("soon after its key expires", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			w := s.watch(s.Key(app.KeyAsked{Role: auth.Viewer, ExpiresAt: s.Clock.Now().Add(time.Hour)}), "", app.EventFilter{})
			s.Clock.Advance(time.Hour)
			time.Sleep(app.RecheckKey)
			synctest.Wait()
			wantCredential(t, w)
		})
	})
	t.Run("soon after its tenant is deleted", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			acme := s.NewTenant("acme").TenantID
			w := s.watch(s.As(acme, auth.Viewer), "", app.EventFilter{})
			_, err := s.App.DeleteTenant(t.Context(), s.PlatformAdmin(), acme, "")
			must(t, err)
			time.Sleep(app.RecheckKey)
			synctest.Wait()
			wantCredential(t, w)
		})
	})
	t.Run("on a long way, when its key ends, after a page", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			by := s.As(s.Caller.TenantID, auth.Viewer)
			s.emit(5 * app.WatchPage)
			w := &stream{pause: func() { time.Sleep(app.RecheckKey) }}
			s.open(w, by, app.CursorStart, app.EventFilter{})
			_, err := s.App.RevokeKey(t.Context(), s.PlatformAdmin(), by.KeyID, "")
			must(t, err)
			time.Sleep(10 * app.WatchPage * app.RecheckKey)
			synctest.Wait()
			wantCredential(t, w)
			if len(w.seen) > app.WatchPage {
				t.Errorf("it was sent %d events", len(w.seen))
			}
		})
	})
	t.Run("not while its tenant is suspended", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			acme := s.NewTenant("acme")
			w := s.watch(s.As(acme.TenantID, auth.Viewer), "", app.EventFilter{})
			s.Suspend(acme.TenantID)
			time.Sleep(app.RecheckKey)
			synctest.Wait()
			if w.ended {
				t.Errorf("it ended: %v", w.err)
			}
		})
	})
	t.Run("when the server stops, on a long way as well", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			s.emit(5 * app.WatchPage)
			idle := s.watch(s.Caller, "", app.EventFilter{})
			streams := []*stream{idle}
			for range 10 { // select takes any of what is ready
				busy := &stream{pause: func() { time.Sleep(time.Second) }}
				s.open(busy, s.Caller, app.CursorStart, app.EventFilter{})
				streams = append(streams, busy)
			}
			for _, w := range streams {
				close(w.stopping)
			}
			synctest.Wait()
			if !idle.ended {
				t.Error("the idle one has not ended")
			}
			time.Sleep((app.WatchPage + 1) * time.Second)
			synctest.Wait()
			for _, w := range streams {
				var down *lifecycle.UnavailableError
				if !w.ended || !errors.As(w.err, &down) || len(w.seen) > app.WatchPage {
					t.Errorf("ended: %t, %v, after %d events", w.ended, w.err, len(w.seen))
				}
			}
		})
	})
	t.Run("when its reader goes", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			w := s.watch(s.Caller, "", app.EventFilter{})
			w.close()
			synctest.Wait()
			if !w.ended || !errors.Is(w.err, context.Canceled) {
				t.Errorf("ended: %t, %v", w.ended, w.err)
			}
			broken := errors.New("broken")
			if err := s.App.Watch(t.Context(), s.Caller, "", app.EventFilter{}, nil, func(*app.SeenEvent, string) error { return broken }); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("at once for what cannot be watched", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			sent := func(*app.SeenEvent, string) error { t.Error("something is sent"); return nil }
			wantViolation(t, s.App.Watch(t.Context(), s.Caller, "garbage", app.EventFilter{}, nil, sent), "cursor", "")
			wantDenied(t, s.App.Watch(t.Context(), s.Caller, "", everything, nil, sent))
		})
	})
}

// A reader that does not read holds nothing up, and reads on where it was.
func TestWatch_of_a_slow_reader(t *testing.T) {
	t.Run("the others go on", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			let := make(chan struct{})
			slow := &stream{pause: func() { <-let }}
			s.open(slow, s.Caller, "", app.EventFilter{})
			quick := s.watch(s.Caller, "", app.EventFilter{})
			before := len(s.outbox(ofTenant(s.Caller)))
			for range 3 {
				s.emit(2 * app.WatchPage)
				s.tell()
			}
			want := s.outbox(ofTenant(s.Caller))[before:]
			wantEvents(t, quick.seen, want)
			if len(slow.seen) != 0 {
				t.Errorf("the slow one has %d", len(slow.seen))
			}
			close(let)
			synctest.Wait()
			wantEvents(t, slow.seen, want)
		})
	})
	t.Run("one that is behind what is kept is told so", func(t *testing.T) {
		inBubble(t, func(t *testing.T, s scene) {
			let := make(chan struct{})
			slow := &stream{pause: func() { <-let }}
			s.open(slow, s.Caller, app.CursorStart, app.EventFilter{})
			s.emit(10)
			s.Clock.Advance(31 * 24 * time.Hour)
			s.emit(10)
			s.Sequence()
			must(t, s.App.PruneEvents(t.Context()))
			close(let)
			synctest.Wait()
			if !slow.ended {
				t.Fatal("it goes on")
			}
			wantCursorError(t, slow.err)
			if len(slow.seen) != 0 {
				t.Errorf("it was sent %d events", len(slow.seen))
			}
		})
	})
}

func TestWatch_bounds_the_streams_of_a_tenant(t *testing.T) {
	inBubble(t, func(t *testing.T, s scene) {
		open := make([]*stream, app.MaxStreams)
		for i := range open {
			open[i] = s.watch(s.Caller, "", app.EventFilter{})
		}
		tooMany := func(w *stream) bool {
			var reached *admin.LimitError
			return w.ended && errors.As(w.err, &reached) && reached.Limit == admin.LimitStreams && reached.Allowed == app.MaxStreams && reached.RetryAfter > 0
		}
		if w := s.watch(s.Caller, "", app.EventFilter{}); !tooMany(w) {
			t.Errorf("one more: %t, %v", w.ended, w.err)
		}
		if w := s.watch(s.NewTenant("acme"), "", app.EventFilter{}); w.ended {
			t.Errorf("another tenant's: %v", w.err)
		}
		open[0].close()
		synctest.Wait()
		s.watch(s.Caller, "garbage", app.EventFilter{}) // takes no place for long
		if w := s.watch(s.Caller, "", app.EventFilter{}); w.ended {
			t.Errorf("in the place of one that went: %v", w.err)
		}
		if w := s.watch(s.Caller, "", app.EventFilter{}); !tooMany(w) {
			t.Errorf("one more again: %t, %v", w.ended, w.err)
		}
	})
}
