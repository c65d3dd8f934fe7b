package sqlite

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

//go:embed migrations/*.sql
var migrations embed.FS

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
		return &relational.NewerError{Where: s.path, Has: has, Knows: knows}
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
