package cli_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/internal/platform/rpcerr"
)

func event(t *testing.T, number int, kind, subject string, data map[string]any) *lifecyclev1.Event {
	t.Helper()
	fields, err := structpb.NewStruct(data)
	must(t, err)
	return &lifecyclev1.Event{
		Id: fmt.Sprint(number), Source: "siteplane://inst_01", Specversion: "1.0", Type: kind, Subject: subject,
		Time: timestamppb.New(start.Add(time.Duration(number) * time.Second)), Datacontenttype: "application/json", Data: fields,
		Tenantid: "ten_02", Sequence: fmt.Sprintf("%020d", number), Cursor: fmt.Sprintf("c%d", number),
	}
}

func someEvents(t *testing.T) []*lifecyclev1.Event {
	installation := event(t, 4, "drift.found", "edge_01", map[string]any{"kind": "missing", "count": 2, "place": nil, "names": []any{"a", hostile}})
	installation.Tenantid = ""
	return []*lifecyclev1.Event{
		event(t, 1, "site.created", "site_01", map[string]any{"to": "CREATED", "event": "create"}),
		event(t, 2, "site.status_changed", "site_01", map[string]any{"from": "PROVISIONING", "to": "ACTIVE", "event": "confirm", "reason": "proved"}),
		event(t, 3, "domain.status_changed", "dom_01", map[string]any{"from": "", "to": hostile}),
		installation,
		event(t, 5, "key.created", "key_02", map[string]any{"name": "ci", "site_ids": []any{"site_01"}}),
	}
}

// sent are answers with events, each with its cursor.
func sent(events ...*lifecyclev1.Event) []*lifecyclev1.WatchEventsResponse {
	var answers []*lifecyclev1.WatchEventsResponse
	for _, event := range events {
		answers = append(answers, &lifecyclev1.WatchEventsResponse{Event: event, Cursor: event.GetCursor()})
	}
	return answers
}

// watching prepares streams after which the user interrupts.
func watching(t *testing.T, streams ...stream) *rig {
	r := setup(t)
	ctx, interrupt := context.WithCancel(t.Context())
	t.Cleanup(interrupt)
	r.ctx, r.events.streams, r.events.idle = ctx, streams, interrupt
	return r
}

func TestWatch(t *testing.T) {
	for _, format := range []string{"table", "json", "yaml"} {
		r := watching(t, stream{answers: sent(someEvents(t)...), err: status.Error(codes.Unavailable, "the server stops")})
		r.golden("watch."+format, cli.ExitInterrupted, "watch", "-o", format)
	}
	t.Run("of every tenant says whose it was", func(t *testing.T) {
		r := watching(t, stream{answers: sent(someEvents(t)...), err: status.Error(codes.Unavailable, "the server stops")})
		r.golden("watch_all_tenants", cli.ExitInterrupted, "watch", "--all-tenants")
	})
	t.Run("asks for what is meant", func(t *testing.T) {
		for _, test := range []struct {
			args []string
			want *lifecyclev1.WatchEventsRequest
		}{
			{[]string{"watch"}, &lifecyclev1.WatchEventsRequest{Filter: &lifecyclev1.EventFilter{}}},
			{
				[]string{"watch", "--type", "site.*", "--type", "key.revoked", "--object", "edge_01", "--since", "start", "--all-tenants"},
				&lifecyclev1.WatchEventsRequest{Cursor: "start", Filter: &lifecyclev1.EventFilter{
					Types: []string{"site.*", "key.revoked"}, ObjectId: "edge_01", Installation: true,
				}},
			},
			{[]string{"watch", "--object", "shop"}, &lifecyclev1.WatchEventsRequest{Filter: &lifecyclev1.EventFilter{ObjectId: "site_01"}}},
			{[]string{"watch", "--object", "WWW.shop.example"}, &lifecyclev1.WatchEventsRequest{Filter: &lifecyclev1.EventFilter{ObjectId: "dom_02"}}},
			{[]string{"site", "watch", "shop", "--since", "c3"}, &lifecyclev1.WatchEventsRequest{Cursor: "c3", Filter: &lifecyclev1.EventFilter{ObjectId: "site_01"}}},
		} {
			r := watching(t)
			r.sites.pages, r.domains.pages = twoPages(), twoDomainPages()
			r.run(test.args...)
			if diff := cmp.Diff(any(test.want), r.sites.requests[len(r.sites.requests)-1], protocmp.Transform()); diff != "" {
				t.Errorf("%v: %s", test.args, diff)
			}
		}
	})
}

func TestWatch_goes_on_where_a_stream_broke(t *testing.T) {
	events := someEvents(t)
	slow := rpcerr.New(codes.Aborted, "SLOW_READER", "the stream was not read for 30s")
	r := watching(t,
		stream{answers: sent(events[0]), err: status.Error(codes.Unavailable, "the server stops")},
		stream{err: status.Error(codes.Unavailable, "connection refused")},
		stream{err: reached("streams", "50")},
		stream{answers: []*lifecyclev1.WatchEventsResponse{{Cursor: "c7"}}, err: slow},
		stream{answers: sent(events[1])}, // closed without an error
	)
	r.golden("watch_broken", cli.ExitInterrupted, "watch")
	var cursors []string
	for _, request := range r.sites.requests {
		cursors = append(cursors, request.(*lifecyclev1.WatchEventsRequest).GetCursor())
	}
	if got := strings.Join(cursors, " "); got != " c1 c1 c1 c7 c2" {
		t.Errorf("asked from %q", got)
	}
}

func TestWatch_ends_when_nothing_helps(t *testing.T) {
	for name, test := range map[string]struct {
		streams []stream
		code    int
	}{
		"watch_silent":   {[]stream{{err: status.Error(codes.Unavailable, "connection refused")}}, cli.ExitUnavailable},
		"watch_expired":  {[]stream{{err: rpcerr.New(codes.OutOfRange, "CURSOR_EXPIRED", "the cursor is too old")}}, cli.ExitUsage},
		"watch_revoked":  {[]stream{{answers: sent(someEvents(t)[0]), err: rpcerr.New(codes.Unauthenticated, "BAD_CREDENTIAL", "the key was revoked")}}, cli.ExitDenied},
		"watch_too_many": {[]stream{{err: rpcerr.New(codes.ResourceExhausted, "LIMIT_REACHED", "too many streams", rpcerr.Metadata("limit", "streams"), rpcerr.Metadata("allowed", "10"), rpcerr.Metadata("used", "10"))}}, cli.ExitLimit},
	} {
		t.Run(name, func(t *testing.T) { watching(t, test.streams...).golden(name, test.code, "watch") })
	}
}

func TestEventList(t *testing.T) {
	events := someEvents(t)
	pages := map[string]*lifecyclev1.ListEventsResponse{
		"":   {Events: events[:2], NextCursor: "c2", More: true},
		"c2": {Events: events[2:], NextCursor: "c4"},
	}
	for _, format := range []string{"table", "json", "yaml"} {
		r := setup(t)
		r.events.pages = pages
		r.golden("event_list."+format, cli.ExitOK, "event", "list", "-o", format)
	}
	t.Run("that is cut says how to go on", func(t *testing.T) {
		r := setup(t)
		r.events.pages = pages
		r.golden("event_list_cut", cli.ExitOK, "event", "list", "--limit", "2", "--all-tenants")
		want := &lifecyclev1.ListEventsRequest{PageSize: 2, Filter: &lifecyclev1.EventFilter{Installation: true}}
		if diff := cmp.Diff(any(want), r.sites.requests[0], protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("that turns in a circle ends", func(t *testing.T) {
		r := setup(t)
		r.events.pages = map[string]*lifecyclev1.ListEventsResponse{"c1": {NextCursor: "c1", More: true}}
		if got := r.run("event", "list", "--since", "c1"); got.code != cli.ExitError {
			t.Errorf("exit code %d", got.code)
		}
	})
}

func TestAuditList_of_a_zone(t *testing.T) {
	r := setup(t)
	if got := r.run("audit", "list", "--object", "Shop.example."); got.code != cli.ExitOK {
		t.Fatal(got.stderr)
	}
	if got := r.sites.requests[1].(*lifecyclev1.ListAuditRequest).GetObjectId(); got != "shop.example" {
		t.Errorf("asked for %q", got)
	}
}

func TestAuditList(t *testing.T) {
	before, err := structpb.NewStruct(map[string]any{"status": "ACTIVE"})
	must(t, err)
	entries := []*lifecyclev1.AuditEntry{
		{
			Sequence: 9, Time: ago(time.Minute), TenantId: "ten_02", Actor: "key:key_01", Address: "192.0.2.7:4711", Action: "DeleteSite", ObjectId: "site_01",
			Before: before, TraceId: "4bf92f3577b34da6a3ce929d0e0e4736", RequestId: hostile,
		},
		{Sequence: 8, Time: ago(time.Hour), Actor: "system", Action: "CreateTenant", ObjectId: "ten_02", After: before},
	}
	for _, format := range []string{"table", "json", "yaml"} {
		r := setup(t)
		r.events.entries = entries
		r.golden("audit_list."+format, cli.ExitOK, "audit", "list", "-o", format)
	}
	t.Run("asks for what is meant", func(t *testing.T) {
		r := setup(t)
		r.events.entries = entries
		r.golden("audit_list_all_tenants", cli.ExitOK, "audit", "list", "--object", "site_01", "--actor", "key:key_01", "--all-tenants", "--limit", "2")
		want := &lifecyclev1.ListAuditRequest{ObjectId: "site_01", Actor: "key:key_01", Installation: true, PageSize: 2}
		if diff := cmp.Diff(any(want), r.sites.requests[0], protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
	})
}
