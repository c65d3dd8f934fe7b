package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// recordTables may know a deleted site for good: the tombstones, which keep the
// name reserved, the record of what happened and who asked for it, and the answers
// that are kept for a day.
var recordTables = []string{"site", "domain", "history", "operation", "journal", "outbox", "audit", "request"}

// bearers returns the tables, but recordTables, in which any column of any row
// holds one of the texts. It opens the file for reading only, while the
// installation goes on.
func bearers(ctx context.Context, file string, texts ...string) (tables []string, err error) {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: file, RawQuery: "mode=ro"}).String())
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	defer db.Close()
	columns, err := columnsOf(ctx, db)
	if err != nil {
		return nil, err
	}
	for table, names := range columns {
		if slices.Contains(recordTables, table) {
			continue
		}
		found, err := bears(ctx, db, table, names, texts)
		if err != nil {
			return nil, err
		}
		if found {
			tables = append(tables, table)
		}
	}
	slices.Sort(tables)
	return tables, nil
}

// columnsOf returns the columns of every table.
func columnsOf(ctx context.Context, db *sql.DB) (map[string][]string, error) {
	rows, err := db.QueryContext(ctx, `SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'`)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	defer rows.Close()
	columns := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, fmt.Errorf("list the tables: %w", err)
		}
		columns[table] = append(columns[table], column)
	}
	return columns, rows.Err()
}

func bears(ctx context.Context, db *sql.DB, table string, columns, texts []string) (found bool, err error) {
	var where []string
	var args []any
	for _, column := range columns {
		for _, text := range texts {
			where = append(where, fmt.Sprintf(`instr(CAST(%q AS TEXT), ?) > 0`, column))
			args = append(args, text)
		}
	}
	query := fmt.Sprintf(`SELECT EXISTS (SELECT 1 FROM %q WHERE %s)`, table, strings.Join(where, " OR "))
	if err := db.QueryRowContext(ctx, query, args...).Scan(&found); err != nil {
		return false, fmt.Errorf("search table %s: %w", table, err)
	}
	return found, nil
}
