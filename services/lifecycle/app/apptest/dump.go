package apptest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
)

// Dump is every row of the database, by table, as it is committed.
type Dump map[string][]string

// Path returns the database's file.
func (w *World) Path() string { return w.path }

// Dump reads the whole database, past the store.
func (w *World) Dump() Dump {
	w.tb.Helper()
	db, err := sql.Open("sqlite", "file:"+w.path+"?_pragma=query_only(1)")
	w.must(err)
	defer func() { w.must(db.Close()) }()
	dump := Dump{}
	for _, table := range texts(w, db, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name`) {
		dump[table] = rowsOf(w, db, table)
	}
	return dump
}

// Added counts, by table, the rows that came since an earlier dump.
func (d Dump) Added(since Dump) map[string]int {
	added := map[string]int{}
	for table, rows := range d {
		if n := len(rows) - len(since[table]); n != 0 {
			added[table] = n
		}
	}
	return added
}

// rowsOf returns the rows of a table as text.
func rowsOf(w *World, db *sql.DB, table string) (rows []string) {
	w.tb.Helper()
	found, err := db.QueryContext(context.Background(), `SELECT * FROM `+table)
	w.must(err)
	defer func() { w.must(found.Close()) }()
	columns, err := found.Columns()
	w.must(err)
	for found.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		w.must(found.Scan(into...))
		rows = append(rows, fmt.Sprintf("%q", values))
	}
	w.must(found.Err())
	return rows
}

func texts(w *World, db *sql.DB, query string) (all []string) {
	w.tb.Helper()
	found, err := db.QueryContext(context.Background(), query)
	w.must(err)
	defer func() { w.must(found.Close()) }()
	for found.Next() {
		var text string
		w.must(found.Scan(&text))
		all = append(all, text)
	}
	w.must(found.Err())
	return all
}

// Files returns what the database's files hold, byte for byte.
func (w *World) Files() (all []byte) {
	w.tb.Helper()
	for _, name := range []string{w.path, w.path + "-wal"} {
		part, err := os.ReadFile(name)
		w.must(err)
		all = append(all, part...)
	}
	return all
}
