package main

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBearers_names_tables_that_are_no_record(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a b?.db")
	db, err := sql.Open("sqlite", "file:"+filepath.Dir(file)+"/a%20b%3f.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		`CREATE TABLE history (object_id TEXT)`, `INSERT INTO history VALUES ('site_1')`,
		`CREATE TABLE condition (object_id TEXT, evidence TEXT)`, `INSERT INTO condition VALUES ('dom_1', 'of site_1')`,
		`CREATE TABLE request (hash BLOB)`, `INSERT INTO request VALUES (x'00736974655f31')`,
		`CREATE TABLE edge (id TEXT)`, `INSERT INTO edge VALUES ('edge_1'), (NULL)`,
		`CREATE TABLE work (key TEXT PRIMARY KEY) WITHOUT ROWID`, `INSERT INTO work VALUES ('dom_1')`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for _, c := range []struct{ texts, want []string }{
		{[]string{"site_1"}, []string{"condition"}},
		{[]string{"site_1", "dom_1"}, []string{"condition", "work"}},
		{[]string{"site_2"}, nil},
	} {
		found, err := bearers(t.Context(), file, c.texts...)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, found); diff != "" {
			t.Errorf("bearers of %v (-want +got):\n%s", c.texts, diff)
		}
	}
}
