package relational

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Versions say how the schema of a database stands to what this siteplane knows.
type Versions struct {
	// Has is the version of the schema, 0 for an empty database; Knows is the newest
	// that this siteplane knows.
	Has, Knows int64
	// Pending are the migrations in between, in their order.
	Pending []Migration
}

// Migration is one step of a schema.
type Migration struct {
	// Version is the one that it leads to.
	Version int64
	// Name is a verb and a noun, such as add_hold.
	Name string
}

// VersionsOf compares a version with migrations, which are files NNNN_name.sql.
func VersionsOf(has int64, migrations fs.FS) (Versions, error) {
	files, err := fs.Glob(migrations, "*.sql") // in the order of their names
	if err != nil {
		return Versions{}, fmt.Errorf("list the migrations: %w", err)
	}
	v := Versions{Has: has}
	for _, file := range files {
		number, name, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return Versions{}, fmt.Errorf("read the version of the migration %s: %w", file, err)
		}
		v.Knows = max(v.Knows, version)
		if version > has {
			v.Pending = append(v.Pending, Migration{Version: version, Name: name})
		}
	}
	return v, nil
}
