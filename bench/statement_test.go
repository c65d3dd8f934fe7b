package main

import (
	"context"
	"database/sql"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// record returns what SQLite runs while do works on a database of its own.
func record(t *testing.T, path string, do func(db *sql.DB)) recording {
	t.Helper()
	r, err := startRecorder()
	must(t, err)
	defer r.stop()
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=journal_mode(WAL)")
	must(t, err)
	do(db)
	must(t, db.Close())
	return recording{statements: r.statements, ended: len(r.statements)}
}

// play replays a recording into a database.
func play(t *testing.T, path string, r recording) replayed {
	t.Helper()
	loop, err := openBareLoop(path)
	must(t, err)
	out, err := loop.replay(t.Context(), r)
	must(t, err)
	must(t, loop.close())
	return out
}

// work writes with a trigger, reads, and takes one transaction back.
func work(t *testing.T, db *sql.DB) {
	t.Helper()
	exec := func(text string, args ...any) {
		t.Helper()
		_, err := db.Exec(text, args...)
		must(t, err)
	}
	exec(`CREATE TABLE thing (id INTEGER PRIMARY KEY AUTOINCREMENT, a, b)`)
	exec(`CREATE TABLE note (text TEXT)`)
	exec(`CREATE TRIGGER noted AFTER INSERT ON thing BEGIN INSERT INTO note VALUES ('a thing'); END`)
	tx, err := db.Begin()
	must(t, err)
	var id int64
	must(t, tx.QueryRow(`INSERT INTO thing (a, b) VALUES (?2, ?1) RETURNING id`, []byte{0, 'x', 0}, "it's -- a \x00 text").Scan(&id))
	_, err = tx.Exec(`INSERT INTO thing (a, b) VALUES (?, ?)`, 2.5, nil)
	must(t, err)
	must(t, tx.Commit())
	undone, err := db.Begin()
	must(t, err)
	_, err = undone.Exec(`INSERT INTO thing (a) VALUES (?)`, -7)
	must(t, err)
	must(t, undone.Rollback())
}

func TestRecorder(t *testing.T) {
	dir := t.TempDir()
	r := record(t, filepath.Join(dir, "recorded.db"), func(db *sql.DB) { work(t, db) })
	t.Run("notes statements with arguments and transactions in their order", func(t *testing.T) {
		var got []statement
		for _, s := range r.statements {
			if !strings.HasPrefix(s.text, "CREATE") {
				got = append(got, s)
			}
		}
		want := []statement{
			{text: "pragma journal_mode(WAL)", args: []any{}, answers: true},
			{text: "begin immediate", args: []any{}},
			{text: `INSERT INTO thing (a, b) VALUES (?2, ?1) RETURNING id`, args: []any{[]byte{0, 'x', 0}, "it's -- a \x00 text"}, answers: true},
			{text: `INSERT INTO thing (a, b) VALUES (?, ?)`, args: []any{2.5, nil}},
			{text: "commit", args: []any{}},
			{text: "begin immediate", args: []any{}},
			{text: `INSERT INTO thing (a) VALUES (?)`, args: []any{int64(-7)}},
			{text: "rollback", args: []any{}},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		if got := r.writes(); got != 2 {
			t.Errorf("%d transactions write, want 2", got)
		}
	})
	t.Run("notes nothing of connections that were opened before or after it", func(t *testing.T) {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "before.db"))
		must(t, err)
		must(t, db.Ping())
		r, err := startRecorder()
		must(t, err)
		work(t, db)
		r.stop()
		must(t, db.Close())
		if len(r.statements) != 0 {
			t.Errorf("got %v", r.statements)
		}
	})
}

func TestBareLoop(t *testing.T) {
	dir := t.TempDir()
	recorded, played := filepath.Join(dir, "recorded.db"), filepath.Join(dir, "played.db")
	r := record(t, recorded, func(db *sql.DB) { work(t, db) })
	t.Run("leaves the same rows", func(t *testing.T) {
		out := play(t, played, r)
		got, err := sameRows(t.Context(), recorded, played)
		must(t, err)
		if want := (rows{"thing": 2, "note": 2, "sqlite_sequence": 1}); !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		// Two things, two notes, and those of the transaction that was taken back.
		if out.written != 6 || out.took <= 0 {
			t.Errorf("got %+v", out)
		}
	})
	t.Run("runs everything and takes the time of what is between", func(t *testing.T) {
		part := r
		part.begun = slices.IndexFunc(r.statements, func(s statement) bool { return s.text == "begin immediate" })
		part.ended = part.begun + 2
		path := filepath.Join(dir, "part.db")
		if out := play(t, path, part); out.written != 2 {
			t.Errorf("the first row and its note are %d rows", out.written)
		}
		_, err := sameRows(t.Context(), recorded, path)
		must(t, err)
	})
	t.Run("is no replay without a statement", func(t *testing.T) {
		less := recording{ended: 0}
		for _, s := range r.statements {
			if !strings.Contains(s.text, "RETURNING") {
				less.statements = append(less.statements, s)
			}
		}
		path := filepath.Join(dir, "less.db")
		play(t, path, less)
		if _, err := sameRows(t.Context(), recorded, path); err == nil || !strings.Contains(err.Error(), "thing:2") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ends with its context, and with a statement that fails", func(t *testing.T) {
		loop, err := openBareLoop(filepath.Join(dir, "ends.db"))
		must(t, err)
		defer func() { must(t, loop.close()) }()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := loop.replay(ended, r); err != context.Canceled {
			t.Errorf("got %v", err)
		}
		wrong := recording{statements: []statement{{text: "SELECT nothing"}}}
		if _, err := loop.replay(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "SELECT nothing") {
			t.Errorf("got %v", err)
		}
	})
}
