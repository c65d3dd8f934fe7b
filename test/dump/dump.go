// Package dump reads a whole database as text, for tests that ask what a program has
// left behind.
//
// It must not know what the tables mean. Invariant: all rows are of one snapshot,
// and two values that differ differ as text.
package dump

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Null stands for a column without a value.
const Null = "NULL"

// Row is one row: its columns by name, as text. Times are microseconds since 1970, as
// SQLite has them.
type Row map[string]string

// Open opens a database for reading: the path of an SQLite file, or the URL of a
// PostgreSQL database.
func Open(where string) (*sql.DB, error) {
	if strings.HasPrefix(where, "postgres://") {
		return sql.Open("pgx", where)
	}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Path: where, RawQuery: "mode=ro"}).String())
}

// Read returns the rows of every table, by table, while others go on writing.
func Read(ctx context.Context, db *sql.DB) (map[string][]Row, error) {
	options, list := sql.TxOptions{ReadOnly: true}, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if _, isPostgres := db.Driver().(*stdlib.Driver); isPostgres {
		options.Isolation = sql.LevelRepeatableRead
		list = `SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()`
	}
	tx, err := db.BeginTx(ctx, &options)
	if err != nil {
		return nil, err
	}
	names, err := read(ctx, tx, list)
	all := map[string][]Row{}
	for _, table := range names {
		rows, readErr := read(ctx, tx, fmt.Sprintf(`SELECT * FROM %q`, table["name"]))
		all[table["name"]], err = rows, errors.Join(err, readErr)
	}
	return all, errors.Join(err, tx.Rollback())
}

func read(ctx context.Context, tx *sql.Tx, query string) (out []Row, err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		r := Row{}
		for i, column := range columns {
			r[column] = text(values[i])
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// text quotes bytes, so that an id among them is found.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return Null
	case []byte:
		return fmt.Sprintf("%q", v)
	case time.Time:
		return strconv.FormatInt(v.UnixMicro(), 10)
	}
	return fmt.Sprint(value)
}
