package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"google.golang.org/grpc"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/test/dump"
)

// watchSawAllEvents: a reader that goes away in the middle and comes back with its
// cursor has in the end seen every event of its tenant that the database holds, each
// object's in order.
func watchSawAllEvents(ctx context.Context, d *demo) error {
	var seen []*lifecyclev1.Event
	cursor := "start"
	read := func(until enough) error {
		return with(d.cli.config, func(conn *grpc.ClientConn) (err error) {
			seen, cursor, err = watch(ctx, conn, cursor, seen, until)
			return err
		})
	}
	if err := read(func(seen []*lifecyclev1.Event) bool { return len(seen) >= 5 }); err != nil { // and then it is gone
		return err
	}
	created, err := d.cli.site(ctx, nil, "create", "watched", "--origin", d.origin.address, "--wait", "--timeout", "30s")
	if err != nil {
		return err
	}
	id := created.GetSite().GetSiteId()
	if _, err := d.cli.show(ctx, nil, "site", "delete", id, "--wait", "--timeout", "30s"); err != nil {
		return err
	}
	gone := func(seen []*lifecyclev1.Event) bool {
		last := seen[len(seen)-1]
		return last.GetSubject() == id && last.GetData().GetFields()["to"].GetStringValue() == "DELETED"
	}
	if err := read(gone); err != nil {
		return err
	}
	return d.sawAll(ctx, seen)
}

// enough says when a reader may stop.
type enough func(seen []*lifecyclev1.Event) bool

// watch reads events after a cursor until enough were seen.
func watch(ctx context.Context, conn *grpc.ClientConn, cursor string, seen []*lifecyclev1.Event, until enough) ([]*lifecyclev1.Event, string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, activeLimit, errors.New("the events did not come"))
	defer cancel()
	stream, err := lifecyclev1.NewEventServiceClient(conn).WatchEvents(ctx, &lifecyclev1.WatchEventsRequest{Cursor: cursor})
	if err != nil {
		return seen, cursor, err
	}
	for {
		answer, err := stream.Recv()
		if err != nil {
			return seen, cursor, fmt.Errorf("after %d events: %w", len(seen), err)
		}
		cursor = answer.GetCursor()
		if answer.GetEvent() == nil {
			continue
		}
		if seen = append(seen, answer.GetEvent()); until(seen) {
			return seen, cursor, nil
		}
	}
}

// sawAll compares what was seen with the rows of the outbox up to the last one seen.
func (d *demo) sawAll(ctx context.Context, seen []*lifecyclev1.Event) error {
	last, err := strconv.ParseInt(seen[len(seen)-1].GetSequence(), 10, 64)
	if err != nil {
		return fmt.Errorf("read the sequence: %w", err)
	}
	stored, err := storedEvents(ctx, d.installation.Where().Database, seen[0].GetTenantid(), last)
	if err != nil {
		return err
	}
	var got []string
	known := map[string]bool{}
	for _, e := range seen {
		if known[e.GetId()] {
			continue // at least once
		}
		known[e.GetId()] = true
		got = append(got, e.GetType()+" "+e.GetSubject()+" "+e.GetTime().AsTime().Format(time.RFC3339Nano))
	}
	for i, want := range stored {
		if i >= len(got) || got[i] != want {
			return fmt.Errorf("event %d of %d stored is %q, seen were %d", i+1, len(stored), want, len(got))
		}
	}
	if len(got) != len(stored) || len(stored) < 10 {
		return fmt.Errorf("%d events were seen, %d are stored", len(got), len(stored))
	}
	return nil
}

// storedEvents returns the events of a tenant up to a sequence, in their order.
func storedEvents(ctx context.Context, database, tenant string, last int64) (events []string, err error) {
	tables, err := tablesOf(ctx, database)
	if err != nil {
		return nil, err
	}
	at := map[int64]string{}
	for _, row := range tables["outbox"] {
		seq, seqErr := strconv.ParseInt(row["seq"], 10, 64)
		when, timeErr := strconv.ParseInt(row["at"], 10, 64)
		if row["tenant_id"] != tenant || seq > last || row["seq"] == dump.Null { // one without a place comes later
			continue
		}
		if err := errors.Join(seqErr, timeErr); err != nil {
			return nil, fmt.Errorf("read the outbox: %w", err)
		}
		at[seq] = row["type"] + " " + row["object_id"] + " " + time.UnixMicro(when).UTC().Format(time.RFC3339Nano)
	}
	for _, seq := range slices.Sorted(maps.Keys(at)) {
		events = append(events, at[seq])
	}
	return events, nil
}
