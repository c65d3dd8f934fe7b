package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// Versions says how the schema of a file stands to what this siteplane knows. It
// changes nothing; a file that is not there has version 0, as an empty one has.
func Versions(ctx context.Context, path string) (relational.Versions, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return relational.Versions{}, fmt.Errorf("read the migrations: %w", err)
	}
	has, err := version(ctx, path)
	if err != nil {
		return relational.Versions{}, err
	}
	return relational.VersionsOf(has, files)
}

// version reads the version of a file's schema.
func version(ctx context.Context, path string) (has int64, err error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	db, err := pool(path, 1, url.Values{"mode": {"rw"}, "_pragma": {busy(), "query_only(1)"}})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s := &Store{path: path}
	var migrated bool
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'").Scan(&migrated); err != nil {
		return 0, s.failure(ctx, "read the schema version", err)
	}
	if !migrated {
		return 0, nil
	}
	if err := db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&has); err != nil {
		return 0, s.failure(ctx, "read the schema version", err)
	}
	return has, nil
}
