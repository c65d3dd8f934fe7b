package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/siteplane/siteplane/test/dump"
)

// recordTables may know a deleted site for good: the tombstones, which keep the
// name reserved, the record of what happened and who asked for it, and the answers
// that are kept for a day.
var recordTables = []string{"site", "domain", "history", "operation", "journal", "outbox", "audit", "request"}

// tablesOf reads a database while the installation goes on.
func tablesOf(ctx context.Context, database string) (map[string][]dump.Row, error) {
	db, err := dump.Open(database)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	tables, err := dump.Read(ctx, db)
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, fmt.Errorf("read the database: %w", err)
	}
	return tables, nil
}

// bearers returns the tables, but recordTables, in which any column of any row
// holds one of the texts.
func bearers(ctx context.Context, database string, texts ...string) (found []string, err error) {
	tables, err := tablesOf(ctx, database)
	if err != nil {
		return nil, err
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		bears := func(row dump.Row) bool { return holds(row, texts) }
		if !slices.Contains(recordTables, table) && slices.ContainsFunc(tables[table], bears) {
			found = append(found, table)
		}
	}
	return found, nil
}

func holds(row dump.Row, texts []string) bool {
	for _, value := range row {
		if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(value, text) }) {
			return true
		}
	}
	return false
}
