package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/siteplane/siteplane/internal/platform/filelock"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/postgres"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
)

// Database is an SQLite file that this process holds alone, or a PostgreSQL database
// that it shares.
type Database struct {
	store.Store

	// lock is nil for a shared one.
	lock *os.File
}

// OpenDatabase opens a database and brings its schema up to date. An SQLite file is
// taken for this process alone, or a *filelock.HeldError is returned; file and directory
// are made where they are missing. A
// PostgreSQL database that does not answer is waited for until the context is done,
// and the logger is told so. Errors name the database and the remedy.
func OpenDatabase(ctx context.Context, at Location, logger *slog.Logger) (*Database, error) {
	if err := at.Check(); err != nil {
		return nil, err
	}
	if at.Shared() {
		db, err := awaitPostgres(ctx, at, logger)
		if err != nil {
			return nil, err
		}
		return &Database{Store: db}, nil
	}
	path := string(at)
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, sqlite.Config{Path: path})
	if err != nil {
		return nil, errors.Join(remedy(path, err), lock.Close())
	}
	return &Database{Store: db, lock: lock}, nil
}

// lockFile takes an SQLite file for this process alone.
func lockFile(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the database: %w: make it, or give another path", err)
	}
	lock, err := filelock.Take(path + ".lock")
	var held *filelock.HeldError
	switch {
	case errors.As(err, &held):
		return nil, fmt.Errorf("the database %s is %w: stop that process, or give another path", path, held)
	case err != nil:
		return nil, remedy(path, err)
	}
	return lock, nil
}

// remedy says what to do about an error that does not say it itself: that of a
// damaged or newer database does.
func remedy(path string, err error) error {
	var busy *lifecycle.UnavailableError
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the database %s may not be read and written by this user (%w): give file and directory to the user that runs the service (chown)", path, err)
	case errors.As(err, &busy):
		return fmt.Errorf("the database %s cannot be used now (%w): end the program that holds it (`fuser %s` names it), and see that the disk is not full", path, err, path)
	}
	return fmt.Errorf("the database %s cannot be used: %w", path, err)
}

// Close closes the database, and then lets others have the file.
func (d *Database) Close() error {
	err := d.Store.Close()
	if d.lock == nil {
		return err
	}
	return errors.Join(err, d.lock.Close())
}

// Versions says how the schema of a database stands to what this siteplane knows, and
// changes nothing. It waits for nobody.
func Versions(ctx context.Context, at Location) (relational.Versions, error) {
	if err := at.Check(); err != nil {
		return relational.Versions{}, err
	}
	if at.Shared() {
		versions, err := postgres.Versions(ctx, string(at))
		return versions, refused(at, err)
	}
	versions, err := sqlite.Versions(ctx, string(at))
	if err != nil {
		return versions, remedy(string(at), err)
	}
	return versions, nil
}

// Migrate brings the schema of a database up to date and leaves it. It waits for other
// processes that migrate, and for nobody else.
func Migrate(ctx context.Context, at Location) error {
	if err := at.Check(); err != nil {
		return err
	}
	if at.Shared() {
		return refused(at, postgres.Migrate(ctx, string(at)))
	}
	db, err := OpenDatabase(ctx, at, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return db.Close()
}
