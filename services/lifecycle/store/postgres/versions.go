package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// Versions says how the schema of a database stands to what this siteplane knows. It
// changes nothing.
func Versions(ctx context.Context, dsn string) (_ relational.Versions, err error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return relational.Versions{}, fmt.Errorf("read the migrations: %w", err)
	}
	db, err := migrating(dsn)
	if err != nil {
		return relational.Versions{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	has, err := version(ctx, db)
	if err != nil {
		return relational.Versions{}, fmt.Errorf("read the schema version: %w", mapped(ctx, innermost(err)))
	}
	return relational.VersionsOf(has, files)
}

// version reads the version of a database's schema.
func version(ctx context.Context, db *sql.DB) (has int64, err error) {
	var migrated bool
	if err := db.QueryRowContext(ctx, "SELECT to_regclass('goose_db_version') IS NOT NULL").Scan(&migrated); err != nil || !migrated {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&has)
	return has, err
}
