package soak_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/siteplane/siteplane/services/lifecycle/machine"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/test/dump"
)

type row = dump.Row

// tables are the rows of the database, by table.
type tables map[string][]row

// readTables reads every table of lifecycle's file, in one snapshot, while it goes
// on.
func (w *world) readTables(ctx context.Context) (tables, error) {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: w.Database(), RawQuery: "mode=ro"}).String())
	if err != nil {
		return nil, err
	}
	all, err := dump.Read(ctx, db)
	return all, errors.Join(err, db.Close())
}

// recordTables may know a deleted site for good: the tombstones, claims, which
// keep their token for the next time, the record of what happened and who asked for
// it, and the answers that are kept for a day.
var recordTables = []string{"site", "domain", "claim", "history", "operation", "journal", "outbox", "audit", "request"}

// over are rows that are a record of what happened although their table is none.
var over = map[string]func(row) bool{
	"drift": func(r row) bool { return r["closed_at"] != dump.Null },
	"hold":  func(r row) bool { return r["ended_at"] != dump.Null },
}

// settledTables have no row once everything is done.
var settledTables = []string{"edge_change", "tunnel_change", "pin", "contest", "drift", "hold"}

// leftInDatabase demands that the database knows the witness and, for the others,
// nothing but that they were.
func (w *world) leftInDatabase(ctx context.Context, number int, live names) error {
	all, err := w.readTables(ctx)
	if err != nil {
		return err
	}
	for table, isOver := range over {
		all[table] = slices.DeleteFunc(all[table], isOver)
	}
	return errors.Join(all.unended(), all.graves(number, live), all.audited(number), all.unsettled(), all.mentions(live))
}

// graves demands one tombstone for each site, and that it is one.
func (all tables) graves(number int, live names) (err error) {
	if got := len(all["site"]); got != number+1 {
		err = fmt.Errorf("%d sites were made, and the database has %d", number+1, got)
	}
	for _, r := range all["site"] {
		if !live.has(r["id"]) && (r["status"] != string(site.Deleted) || r["wanted"] != string(site.Absent)) {
			err = errors.Join(err, fmt.Errorf("site %s (%s) is %s and wanted %s", r["id"], r["name"], r["status"], r["wanted"]))
		}
	}
	for _, r := range all["domain"] {
		if !live.has(r["id"]) && (r["status"] != string(network.Released) || r["wanted"] != string(network.Hidden)) {
			err = errors.Join(err, fmt.Errorf("domain %s (%s) is %s and wanted %s", r["id"], r["hostname"], r["status"], r["wanted"]))
		}
	}
	return err
}

// audited demands that the audit knows each creation once, however often a caller had
// to repeat it.
func (all tables) audited(number int) error {
	made := slices.Collect(func(yield func(string) bool) {
		for _, r := range all["audit"] {
			if r["action"] == "CreateSite" && !yield(r["object_id"]) {
				return
			}
		}
	})
	if distinct := len(slices.Compact(slices.Sorted(slices.Values(made)))); len(made) != number+1 || distinct != number+1 {
		return fmt.Errorf("%d sites were made, and the audit has %d creations of %d sites", number+1, len(made), distinct)
	}
	return nil
}

// unended demands that every operation ended well, or because a delete took its
// place.
func (all tables) unended() (err error) {
	for _, r := range all["operation"] {
		if r["state"] != "SUCCEEDED" && r["state"] != "CANCELLED" {
			err = errors.Join(err, fmt.Errorf("operation %s (%s of %s) is %s: %s", r["id"], r["kind"], r["object_id"], r["state"], r["message"]))
		}
	}
	return err
}

// unsettled demands that nothing waits to be done and nothing fails.
func (all tables) unsettled() (err error) {
	for _, table := range settledTables {
		for _, r := range all[table] {
			err = errors.Join(err, fmt.Errorf("left in %s: %v", table, r))
		}
	}
	for _, r := range all["work"] {
		if r["failures"] != "0" || r["unended"] != "0" {
			err = errors.Join(err, fmt.Errorf("work on %s failed %s times and did not end %s times", r["key"], r["failures"], r["unended"]))
		}
	}
	return err
}

// mentions demands that no row but those of records names what is gone.
func (all tables) mentions(live names) (err error) {
	for table, rows := range all {
		if slices.Contains(recordTables, table) {
			continue
		}
		for _, r := range rows {
			for column, text := range r {
				if dead := live.deadIn(text); len(dead) > 0 {
					err = errors.Join(err, fmt.Errorf("column %s of a row of %s still knows %v", column, table, dead))
				}
			}
		}
	}
	return err
}

// wantChains demands that the history of every site and domain is one chain of
// allowed rows, each with its cause, that ends at its status.
func (w *world) wantChains(ctx context.Context, t *testing.T) {
	t.Helper()
	all, err := w.readTables(ctx)
	must(t, err)
	history := map[string][]row{}
	for _, r := range all["history"] { // in the order of seq, its key
		history[r["object_id"]] = append(history[r["object_id"]], r)
	}
	for _, r := range all["site"] {
		if err := chain(site.Machine, history[r["id"]], site.Status(r["status"])); err != nil {
			t.Errorf("history of %s: %v", r["id"], err)
		}
	}
	for _, r := range all["domain"] {
		if err := chain(network.Machine, history[r["id"]], network.Status(r["status"])); err != nil {
			t.Errorf("history of %s: %v", r["id"], err)
		}
	}
}

func chain[S, E ~string](m machine.Machine[S, E], rows []row, end S) error {
	at, before := S(""), dump.Null
	for i, r := range rows {
		to := m.Initial
		if i > 0 {
			var err error
			if to, err = m.Next(at, E(r["event"])); err != nil {
				return fmt.Errorf("row %d: %w", i, err)
			}
		}
		if S(r["from_status"]) != at || S(r["to_status"]) != to || r["prev"] != before {
			return fmt.Errorf("row %d is %v, expected one from %q to %q after row %q", i, r, at, to, before)
		}
		if r["actor"] == "" || r["reason"] == "" || r["trace_id"] == "" {
			return fmt.Errorf("row %d has no cause: %v", i, r)
		}
		at, before = to, r["seq"]
	}
	if at != end {
		return fmt.Errorf("it ends at %q, the status is %q", at, end)
	}
	return nil
}
