package sqlite

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// NewerError says that a database was written by a newer siteplane, whose
// schema this one does not know. The file was left as it is.
type NewerError struct {
	// Path is the file.
	Path string
	// Has is the version of its schema, Knows the newest that this siteplane
	// knows.
	Has, Knows int64
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("the database %s has schema version %d, this siteplane knows versions up to %d: "+
		"run the newer siteplane that wrote it, or restore a backup from before the upgrade", e.Path, e.Has, e.Knows)
}

// migrate brings the schema up to date, forward only.
func (s *Store) migrate(ctx context.Context) error {
	provider, err := s.migrator()
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	has, knows, err := provider.GetVersions(ctx)
	if err != nil {
		return s.failure(ctx, "read the schema version", err)
	}
	if has > knows {
		return &NewerError{Path: s.path, Has: has, Knows: knows}
	}
	if _, err := provider.Up(ctx); err != nil {
		return s.failure(ctx, "migrate the schema", err)
	}
	return nil
}

func (s *Store) migrator() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, s.writer, files, goose.WithDisableGlobalRegistry(true))
}
