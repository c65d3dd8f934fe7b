package service

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/siteplane/siteplane/services/lifecycle/store/postgres"
)

// Location says where a database is: the path of an SQLite file, or the URL of a
// PostgreSQL database, which may have a password in it. Formatting shows none.
type Location string

// Shared reports whether it is a PostgreSQL database, which other processes may use at
// the same time.
func (l Location) Shared() bool {
	return strings.HasPrefix(string(l), "postgres://") || strings.HasPrefix(string(l), "postgresql://")
}

// Check reports what is wrong with a location, without looking there.
func (l Location) Check() error {
	scheme, _, isURL := strings.Cut(string(l), "://")
	switch {
	case l == "":
		return errors.New("must not be empty")
	case l.Shared():
		if _, err := postgres.Describe(string(l)); err != nil {
			return fmt.Errorf("the URL of a PostgreSQL database must be postgres://USER@HOST:PORT/NAME; what is given %w", err)
		}
		return nil
	case isURL:
		return fmt.Errorf("%s:// is the URL of no database that siteplane knows: give the path of an SQLite file, or postgres://USER@HOST:PORT/NAME", scheme)
	}
	return nil
}

// String shows the location without the password.
func (l Location) String() string {
	if !l.Shared() {
		return string(l)
	}
	text, err := postgres.Describe(string(l))
	if err != nil {
		return "postgres://..." // Check says what is wrong
	}
	return text
}

// GoString is String, for those who print structs.
func (l Location) GoString() string { return l.String() }

// LogValue gives what String does to slog.
func (l Location) LogValue() slog.Value { return slog.StringValue(l.String()) }
