package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// watched is an open stream of events.
type watched struct {
	*testing.T
	lifecyclev1.EventService_WatchEventsClient
}

// watch opens a stream and takes its first answer, which says where it is.
func (s *server) watch(client lifecyclev1.EventServiceClient, key string, req *lifecyclev1.WatchEventsRequest) (w watched, cursor string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(as(s.T, key), time.Minute)
	s.Cleanup(cancel)
	stream, err := client.WatchEvents(ctx, req)
	s.must(err)
	w = watched{s.T, stream}
	first, err := stream.Recv()
	s.must(err)
	if first.GetEvent() != nil || first.GetCursor() == "" {
		s.Errorf("the first answer is %v", first)
	}
	return w, first.GetCursor()
}

// next waits for an event.
func (w watched) next() *lifecyclev1.Event {
	w.Helper()
	for {
		answer, err := w.Recv()
		if err != nil {
			w.Fatal(err)
		}
		if e := answer.GetEvent(); e != nil {
			if e.GetCursor() != answer.GetCursor() {
				w.Errorf("the event says %s, the answer %s", e.GetCursor(), answer.GetCursor())
			}
			return e
		}
	}
}

// end waits for the end of the stream.
func (w watched) end() error {
	w.Helper()
	for {
		if _, err := w.Recv(); err != nil {
			return err
		}
	}
}

// happens writes an event of a tenant and tells who watches.
func (s *server) happens(tenant id.Tenant, object, data string) {
	s.Helper()
	s.world.Update(func(ctx context.Context, tx store.Tx) error {
		return tx.Emit(ctx, event.Event{Type: event.KeyRevoked, TenantID: string(tenant), ObjectID: object, Data: data, At: s.world.Clock.Now()})
	})
	s.world.Sequence()
}

func TestWatchEvents(t *testing.T) {
	s := setup(t)
	key := s.keyOf[auth.Viewer]
	w, begin := s.watch(s.events, key, &lifecyclev1.WatchEventsRequest{})
	siteID := s.create("Shop")
	s.world.Sequence()
	created := w.next()
	t.Run("sends what happens", func(t *testing.T) {
		if created.GetType() != "site.created" && created.GetType() != "site.status_changed" || created.GetSubject() != siteID || created.GetTenantid() != string(s.world.Caller.TenantID) ||
			!strings.HasPrefix(created.GetSource(), "siteplane://") || created.GetTime() == nil || created.GetId() == "" || created.GetSequence() == "" {
			t.Errorf("sent %v", created)
		}
	})
	second := w.next()
	t.Run("in order", func(t *testing.T) {
		if second.GetSequence() <= created.GetSequence() {
			t.Errorf("%v came before %v", created, second)
		}
	})
	t.Run("goes on from a cursor", func(t *testing.T) {
		defer s.in(t)()
		for cursor, want := range map[string]*lifecyclev1.Event{begin: created, created.GetCursor(): second, "start": created} {
			again, _ := s.watch(s.events, key, &lifecyclev1.WatchEventsRequest{Cursor: cursor})
			if got := again.next(); !proto.Equal(got, want) {
				t.Errorf("after %s came %v, want %v", cursor, got, want)
			}
		}
	})
	t.Run("sends what is wanted only", func(t *testing.T) {
		defer s.in(t)()
		another := s.create("Another")
		s.world.Sequence()
		for name, tt := range map[string]struct {
			filter *lifecyclev1.EventFilter
			fits   func(*lifecyclev1.Event) bool
		}{
			"one type":        {&lifecyclev1.EventFilter{Types: []string{"key.revoked"}}, func(e *lifecyclev1.Event) bool { return e.GetType() == "key.revoked" }},
			"a kind of types": {&lifecyclev1.EventFilter{Types: []string{"key.*"}}, func(e *lifecyclev1.Event) bool { return strings.HasPrefix(e.GetType(), "key.") }},
			"a site":          {&lifecyclev1.EventFilter{ObjectId: another}, func(e *lifecyclev1.Event) bool { return e.GetSubject() != siteID }},
		} {
			w, _ := s.watch(s.events, key, &lifecyclev1.WatchEventsRequest{Cursor: "start", Filter: tt.filter})
			s.happens(s.world.Caller.TenantID, "key_1", "{}")
			if e := w.next(); !tt.fits(e) {
				t.Errorf("of %s came %v", name, e)
			}
		}
	})
	t.Run("refuses", func(t *testing.T) {
		defer s.in(t)()
		for name, tt := range map[string]struct {
			req    *lifecyclev1.WatchEventsRequest
			code   codes.Code
			reason string
		}{
			"a cursor of nothing":          {&lifecyclev1.WatchEventsRequest{Cursor: "yesterday"}, codes.InvalidArgument, "INVALID_FIELDS"},
			"a cursor of before a restore": {&lifecyclev1.WatchEventsRequest{Cursor: "OTkuMQ"}, codes.OutOfRange, "CURSOR_EXPIRED"}, // 99.1
			"a type that is none":          {&lifecyclev1.WatchEventsRequest{Filter: &lifecyclev1.EventFilter{Types: []string{"*"}}}, codes.InvalidArgument, "INVALID_FIELDS"},
			"the installation":             {&lifecyclev1.WatchEventsRequest{Filter: &lifecyclev1.EventFilter{Installation: true}}, codes.PermissionDenied, "NOT_ALLOWED"},
		} {
			stream, err := s.events.WatchEvents(as(t, s.keyOf[auth.Admin]), tt.req)
			s.must(err)
			_, err = stream.Recv()
			if status.Code(err) != tt.code || rpcerr.Reason(err) != tt.reason {
				t.Errorf("%s is answered %v", name, err)
			}
		}
	})
	t.Run("not too many at once", func(t *testing.T) {
		defer s.in(t)()
		other := s.key(s.world.NewTenant("crowd"), auth.Viewer)
		for range 50 {
			s.watch(s.events, other, &lifecyclev1.WatchEventsRequest{})
		}
		stream, err := s.events.WatchEvents(as(t, other), &lifecyclev1.WatchEventsRequest{})
		s.must(err)
		_, err = stream.Recv()
		wantError(t, err, codes.ResourceExhausted, "LIMIT_REACHED")
		if got := rpcerr.MetadataOf(err); got["limit"] != "event_streams" || got["allowed"] != "50" {
			t.Errorf("the metadata is %v", got)
		}
	})
}

// Nobody is told what happens to what it does not know.
func TestWatchEvents_of_others(t *testing.T) {
	s := setup(t)
	other := s.world.NewTenant("other")
	theirs, mine := s.create("Theirs"), s.world.CreateFor(other, "Mine")
	second := s.create("Second")
	s.world.Settle()
	stranger := s.key(other, auth.Admin)
	scoped, _ := s.newKey(s.world.Caller, auth.Viewer, second)
	for name, tt := range map[string]struct {
		key    string
		object string
		sees   string // only what is about this site
	}{
		"another tenant": {stranger, "", string(mine.ID)},
		"another tenant that asks about the site":    {stranger, theirs, ""},
		"a key for another site":                     {scoped, "", second},
		"a key for another site that asks about one": {scoped, theirs, ""},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := s.events.ListEvents(as(t, tt.key), &lifecyclev1.ListEventsRequest{PageSize: 1000, Filter: &lifecyclev1.EventFilter{ObjectId: tt.object}})
			s.must(err)
			if got := len(list.GetEvents()) > 0; got != (tt.sees != "") {
				t.Errorf("%d events were listed", len(list.GetEvents()))
			}
			for _, e := range list.GetEvents() {
				if e.GetSubject() != tt.sees && !s.domainOf(e.GetSubject(), tt.sees) {
					t.Errorf("listed %v", e)
				}
			}
		})
	}
	t.Run("what happens later comes to its own watchers", func(t *testing.T) {
		defer s.in(t)()
		w, _ := s.watch(s.events, stranger, &lifecyclev1.WatchEventsRequest{})
		asking, _ := s.watch(s.events, stranger, &lifecyclev1.WatchEventsRequest{Filter: &lifecyclev1.EventFilter{ObjectId: "key_2"}})
		s.happens(s.world.Caller.TenantID, "key_2", `{"whose": "theirs"}`)
		s.happens("", "key_2", `{"whose": "the installation's"}`)
		s.happens(other.TenantID, "key_2", `{"whose": "mine"}`)
		for _, w := range []watched{w, asking} {
			if e := w.next(); e.GetTenantid() != string(other.TenantID) || e.GetData().GetFields()["whose"].GetStringValue() != "mine" {
				t.Errorf("sent %v", e)
			}
		}
	})
	t.Run("a platform admin watches the installation", func(t *testing.T) {
		defer s.in(t)()
		w, _ := s.watch(s.events, s.keyOf[auth.PlatformAdmin], &lifecyclev1.WatchEventsRequest{Filter: &lifecyclev1.EventFilter{Installation: true}})
		s.happens(other.TenantID, "key_3", "{}")
		s.happens("", "key_4", "{}")
		if e := w.next(); e.GetTenantid() != string(other.TenantID) {
			t.Errorf("sent %v", e)
		}
		if e := w.next(); e.GetTenantid() != "" || e.GetSubject() != "key_4" {
			t.Errorf("sent %v", e)
		}
	})
}

// domainOf reports whether a domain is one of a site's.
func (s *server) domainOf(domainID, siteID string) (is bool) {
	s.Helper()
	s.world.View(func(ctx context.Context, tx store.Tx) error {
		events, err := tx.Events(ctx, event.Query{ObjectID: siteID, Limit: 1 << 20})
		is = slices.ContainsFunc(events, func(e event.Event) bool { return e.ObjectID == domainID && e.SiteID == siteID })
		return err
	})
	return is
}

func TestListEvents_pages(t *testing.T) {
	s := setup(t)
	s.create("Shop")
	s.world.Settle()
	ctx := as(t, s.keyOf[auth.Viewer])
	all, err := s.events.ListEvents(ctx, &lifecyclev1.ListEventsRequest{PageSize: 1000})
	s.must(err)
	var seen []*lifecyclev1.Event
	for req := (&lifecyclev1.ListEventsRequest{PageSize: 2}); ; {
		page, err := s.events.ListEvents(ctx, req)
		s.must(err)
		seen = append(seen, page.GetEvents()...)
		if req.Cursor = page.GetNextCursor(); !page.GetMore() {
			break
		}
	}
	if len(all.GetEvents()) < 5 || !slices.EqualFunc(seen, all.GetEvents(), func(a, b *lifecyclev1.Event) bool { return proto.Equal(a, b) }) {
		t.Errorf("page by page came %v, at once %v", seen, all.GetEvents())
	}
	last, err := s.events.ListEvents(ctx, &lifecyclev1.ListEventsRequest{Cursor: all.GetNextCursor()})
	if err != nil || len(last.GetEvents()) != 0 || last.GetNextCursor() == "" {
		t.Errorf("at the end came %v, %v", last, err)
	}
}

// The JSON of an event is a CloudEvent, for whoever has a library for these.
func TestEvents_are_CloudEvents(t *testing.T) {
	s := setup(t)
	e := s.owned(s.world.Caller)[0]
	for _, m := range mutations() { // one of each kind that callers cause
		_, _ = s.ask(m, s.keyOf[auth.PlatformAdmin], request(m, e))
	}
	a := s.call("GET", "/v1/events?pageSize=1000&filter.installation=true", s.keyOf[auth.PlatformAdmin], nil)
	var page struct{ Events []json.RawMessage }
	s.must(json.Unmarshal(a.raw, &page))
	kinds := map[string]bool{}
	for _, raw := range page.Events {
		var got cloudevents.Event
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		var data map[string]any
		if err := got.DataAs(&data); err != nil {
			t.Errorf("the data of %s: %v", raw, err)
		}
		if got.SpecVersion() != "1.0" || got.DataContentType() != "application/json" || got.Extensions()["sequence"] == nil || got.Extensions()["cursor"] == nil {
			t.Errorf("%s has the extensions %v", raw, got.Extensions())
		}
		kinds[got.Type()] = true
	}
	for _, want := range []event.Type{
		event.SiteCreated, event.SiteUpdated, event.SiteStatusChanged, event.DomainCreated, event.TenantCreated, event.TenantDeleted, event.KeyCreated,
		event.KeyRevoked, event.DriftFound, event.HoldBegun, event.HoldConfirmed,
	} {
		if !kinds[string(want)] {
			t.Errorf("there was no %s among %v", want, kinds)
		}
	}
}

// lines opens a stream over REST.
func (s *server) lines(client *http.Client, url, key string) (lines *bufio.Scanner) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	s.must(err)
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := client.Do(req)
	s.must(err)
	s.Cleanup(func() {
		cancel()
		resp.Body.Close()
	})
	if resp.StatusCode != http.StatusOK {
		s.Fatalf("answered %s", resp.Status)
	}
	return bufio.NewScanner(resp.Body)
}

// line reads one line of a stream.
func (s *server) line(lines *bufio.Scanner) (a answer) {
	s.Helper()
	if !lines.Scan() {
		s.Fatalf("the stream has ended: %v", lines.Err())
	}
	s.must(json.Unmarshal(lines.Bytes(), &a.body))
	return a
}

func TestREST_WatchEvents(t *testing.T) {
	s := setup(t)
	key, keyID := s.newKey(s.world.Caller, auth.Viewer)
	lines := s.lines(http.DefaultClient, s.rest.URL+"/v1/events:watch", key)
	first := s.line(lines)
	if first.at("result", "cursor") == "" || first.at("result", "event") != "" {
		t.Errorf("the first line is %v", first.body)
	}
	s.happens(s.world.Caller.TenantID, "key_1", `{"a": 1}`)
	second := s.line(lines)
	if second.at("result", "event", "subject") != "key_1" || second.at("result", "event", "data", "a") != "1" || second.at("result", "cursor") == first.at("result", "cursor") {
		t.Errorf("the second line is %v", second.body)
	}
	t.Run("goes on from a cursor", func(t *testing.T) {
		defer s.in(t)()
		again := s.lines(http.DefaultClient, s.rest.URL+"/v1/events:watch?filter.types=key.revoked&filter.types=site.*&cursor="+first.at("result", "cursor"), key)
		s.line(again)
		if got := s.line(again); got.at("result", "event", "id") != second.at("result", "event", "id") {
			t.Errorf("came %v", got.body)
		}
	})
	t.Run("ends with the key, and says so", func(t *testing.T) {
		defer s.in(t)()
		_, err := s.keys.RevokeKey(as(t, s.keyOf[auth.Admin]), &lifecyclev1.RevokeKeyRequest{KeyId: keyID})
		s.must(err)
		last := s.line(lines)
		for last.at("result") != "" {
			last = s.line(lines)
		}
		if last.at("error", "code") != "16" || last.at("error", "details", 0, "reason") != "BAD_CREDENTIAL" || last.at("error", "message") == "" {
			t.Errorf("the last line is %v", last.body)
		}
		if lines.Scan() {
			t.Errorf("behind it came %s", lines.Text())
		}
	})
	t.Run("what is refused at once has its status", func(t *testing.T) {
		a := s.call("GET", "/v1/events:watch?filter.installation=true", s.keyOf[auth.Viewer], nil)
		if a.code != http.StatusForbidden || a.at("error", "details", 0, "reason") != "NOT_ALLOWED" {
			t.Errorf("answered %d %v", a.code, a.body)
		}
	})
}

// A stream ends within seconds of its key.
func TestWatchEvents_ends_with_its_key(t *testing.T) {
	t.Run("that was revoked", func(t *testing.T) {
		s := setup(t)
		key, keyID := s.newKey(s.world.Caller, auth.Viewer)
		w, _ := s.watch(s.events, key, &lifecyclev1.WatchEventsRequest{})
		_, err := s.keys.RevokeKey(as(t, s.keyOf[auth.Admin]), &lifecyclev1.RevokeKeyRequest{KeyId: keyID})
		s.must(err)
		wantError(t, w.end(), codes.Unauthenticated, "BAD_CREDENTIAL")
		_, err = s.keys.GetCaller(as(t, key), &lifecyclev1.GetCallerRequest{})
		wantError(t, err, codes.Unauthenticated, "BAD_CREDENTIAL")
	})
	t.Run("that has expired", func(t *testing.T) {
		s := setup(t)
		key, secret := auth.NewAPIKey(s.world.Caller.TenantID, "test", auth.Viewer, s.world.Clock.Now())
		key.ExpiresAt = s.world.Clock.Now().Add(time.Hour)
		s.world.Update(func(ctx context.Context, tx store.Tx) error { return tx.InsertKey(ctx, key) })
		w, _ := s.watch(s.events, secret.Reveal(), &lifecyclev1.WatchEventsRequest{})
		s.world.Clock.Advance(time.Hour)
		wantError(t, w.end(), codes.Unauthenticated, "BAD_CREDENTIAL")
		_, err := s.keys.GetCaller(as(t, secret.Reveal()), &lifecyclev1.GetCallerRequest{})
		wantError(t, err, codes.Unauthenticated, "BAD_CREDENTIAL")
	})
	t.Run("whose tenant was deleted", func(t *testing.T) {
		s := setup(t)
		made, err := s.tenants.CreateTenant(as(t, s.keyOf[auth.PlatformAdmin]), &lifecyclev1.CreateTenantRequest{Name: "acme"})
		s.must(err)
		w, _ := s.watch(s.events, made.GetApiKey(), &lifecyclev1.WatchEventsRequest{})
		_, err = s.tenants.DeleteTenant(as(t, s.keyOf[auth.PlatformAdmin]), &lifecyclev1.DeleteTenantRequest{TenantId: made.GetTenant().GetTenantId()})
		s.must(err)
		wantError(t, w.end(), codes.Unauthenticated, "BAD_CREDENTIAL")
	})
}
