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
)

// Null stands for a column without a value.
const Null = "NULL"

// Row is one row: its columns by name, as text.
type Row map[string]string

// Read returns the rows of every table, by table, while others go on writing.
func Read(ctx context.Context, db *sql.DB) (map[string][]Row, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	names, err := read(ctx, tx, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	all := map[string][]Row{}
	for _, table := range names {
		rows, readErr := read(ctx, tx, `SELECT * FROM `+table["name"])
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
	}
	return fmt.Sprint(value)
}
