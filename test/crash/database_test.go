package crash_test

import (
	"context"
	"encoding/json"
	"slices"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/siteplane/siteplane/test/dump"
)

type row = dump.Row

// tables are the rows of the database, by table.
type tables map[string][]row

// readTables reads every table, in one snapshot.
func (w *world) readTables(ctx context.Context) (tables, error) { return dump.Read(ctx, w.db) }

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
			old[whole(r)] = true
		}
		news[table] = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return old[whole(r)] })
	}
	return news
}

func whole(r row) string {
	raw, err := json.Marshal(r) // sorted by column
	if err != nil {
		return err.Error() // strings always can be
	}
	return string(raw)
}
