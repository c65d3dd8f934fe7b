package crash_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// row is one row of the database: its columns by name, as text.
type row map[string]string

// tables are the rows of the database, by table.
type tables map[string][]row

// readTables reads every table, in one snapshot.
func (w *world) readTables(ctx context.Context) (tables, error) {
	tx, err := w.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	names, err := read(ctx, tx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	all := tables{}
	for _, table := range names {
		rows, readErr := read(ctx, tx, `SELECT * FROM `+table["name"])
		all[table["name"]], err = rows, errors.Join(err, readErr)
	}
	return all, errors.Join(err, tx.Rollback())
}

func read(ctx context.Context, tx *sql.Tx, query string) (out []row, err error) {
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
		r := row{}
		for i, column := range columns {
			r[column] = text(values[i])
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func text(value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case []byte:
		return fmt.Sprintf("%x", v)
	}
	return fmt.Sprint(value)
}

// standing are the tables of what is there in every scene, changed or not.
var standing = []string{"edge", "tunnel", "work"}

// since returns the rows that are new or other than before, and those that are
// always there.
func (all tables) since(before tables) tables {
	news := tables{}
	for table, rows := range all {
		if slices.Contains(standing, table) {
			news[table] = rows
			continue
		}
		old := map[string]bool{}
		for _, r := range before[table] {
			old[r.whole()] = true
		}
		news[table] = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return old[r.whole()] })
	}
	return news
}

func (r row) whole() string {
	raw, err := json.Marshal(r) // sorted by column
	if err != nil {
		return err.Error() // strings always can be
	}
	return string(raw)
}
