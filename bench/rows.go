package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

// rows counts the rows of each table.
type rows map[string]int

func (r rows) total() (sum int) {
	for _, n := range r {
		sum += n
	}
	return sum
}

// countRows counts those of a database file that nobody writes to.
func countRows(ctx context.Context, path string) (counts rows, err error) {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	names, err := tables(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	counts = rows{}
	for _, name := range names {
		var n int
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM "`+name+`"`).Scan(&n); err != nil {
			return nil, fmt.Errorf("count the rows of %s: %w", name, err)
		}
		counts[name] = n
	}
	return counts, nil
}

func tables(ctx context.Context, db *sql.DB) (names []string, err error) {
	found, err := db.QueryContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table'`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var name string
		if err := found.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, found.Err()
}

// copyFile copies a closed database file, and sees to it that none of that is still to
// be written when the measurement begins.
func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	_, err = file.Write(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("copy the database: %w", err)
	}
	return nil
}
