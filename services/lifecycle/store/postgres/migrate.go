package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema up to date, forward only, one process at a time. A statement
// that waits for a lock gives up after a while, so that those behind it need not wait,
// and the whole is tried again. A schema of a newer siteplane is a
// *relational.NewerError.
func Migrate(ctx context.Context, dsn string) error {
	db, err := migrating(dsn)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for try := 1; ; try++ {
		err := migrate(ctx, db)
		if !lockTimeout(err) || try == migrateTries {
			return err
		}
	}
}

// migrateTries and migrateLock bound the waits of a migration for locks.
const (
	migrateTries = 10
	migrateLock  = "3s"
)

// migrating opens the database for migrations.
func migrating(dsn string) (*sql.DB, error) {
	settings, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("read the database's address: %w", err)
	}
	settings.ConnectTimeout = 5 * time.Second
	settings.RuntimeParams["application_name"] = "siteplane migrate"
	settings.RuntimeParams["lock_timeout"] = migrateLock
	settings.RuntimeParams["timezone"] = "UTC"
	return stdlib.OpenDB(*settings), nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	provider, err := migrator(db)
	if err != nil {
		return err
	}
	has, knows, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the schema version: %w", mapped(ctx, err))
	}
	if has > knows {
		return &relational.NewerError{Has: has, Knows: knows}
	}
	if has == knows {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the schema: %w", mapped(ctx, err))
	}
	return nil
}

func migrator(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	one, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120)) // looks once a second, for two minutes
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true), goose.WithSessionLocker(one))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}

// lockTimeout reports whether a migration waited too long for a lock.
func lockTimeout(err error) bool { return errors.Is(err, errLocked) }
