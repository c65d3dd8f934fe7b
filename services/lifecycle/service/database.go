package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/siteplane/siteplane/internal/platform/filelock"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
)

// Database is an SQLite file that this process holds alone.
type Database struct {
	*sqlite.Store

	lock *os.File
}

// OpenDatabase takes the file for this process alone and opens it; file and
// directory are made where they are missing. Errors name the file and the remedy.
func OpenDatabase(ctx context.Context, path string) (*Database, error) {
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
	db, err := sqlite.Open(ctx, sqlite.Config{Path: path})
	if err != nil {
		return nil, errors.Join(remedy(path, err), lock.Close())
	}
	return &Database{Store: db, lock: lock}, nil
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

// Close closes the file, and then lets others have it.
func (d *Database) Close() error { return errors.Join(d.Store.Close(), d.lock.Close()) }
