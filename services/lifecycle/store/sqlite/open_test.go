package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

func TestOpen(t *testing.T) {
	t.Run("makes a file that its owner only can read", func(t *testing.T) {
		s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "odd name?#%.db")})
		must(t, err)
		defer func() { must(t, s.Close()) }()
		info, err := os.Stat(s.path)
		must(t, err)
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Fatalf("the file has the mode %v", mode)
		}
	})
	t.Run("waits for the disk at each commit", func(t *testing.T) {
		s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "siteplane.db")})
		must(t, err)
		defer func() { must(t, s.Close()) }()
		for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
			var got string
			must(t, s.writer.QueryRow("PRAGMA "+pragma).Scan(&got))
			if got != want {
				t.Errorf("%s is %s, want %s", pragma, got, want)
			}
		}
	})
	t.Run("finds what was written before", func(t *testing.T) {
		s := openTest(t, Config{})
		insertTenant(t, s)
		again, err := Open(t.Context(), Config{Path: s.path})
		must(t, err)
		defer func() { must(t, again.Close()) }()
		must(t, again.View(t.Context(), func(tx store.Tx) error {
			_, err := tx.TenantByName(t.Context(), "default")
			return err
		}))
	})
}

func TestOpen_refuses(t *testing.T) {
	t.Run("a schema of a newer siteplane and leaves it alone", func(t *testing.T) {
		s := openTest(t, Config{})
		known, err := fs.Glob(migrations, "migrations/*.sql")
		must(t, err)
		_, err = s.writer.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9001, 1)`)
		must(t, err)
		_, err = Open(t.Context(), Config{Path: s.path})
		var newer *relational.NewerError
		if !errors.As(err, &newer) || newer.Where != s.path || newer.Has != 9001 || newer.Knows != int64(len(known)) {
			t.Fatalf("got %v", err)
		}
		contains(t, err, s.path, "9001", fmt.Sprintf("versions up to %d", len(known)), "run the newer siteplane", "restore a backup")
	})
	t.Run("a file that is no database", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "siteplane.db")
		must(t, os.WriteFile(path, []byte(strings.Repeat("not a database ", 100)), 0o600))
		_, err := Open(t.Context(), Config{Path: path})
		contains(t, err, path, "damaged or no database", "restore a backup")
	})
	t.Run("a path in a directory that is not there", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "missing", "siteplane.db")
		_, err := Open(t.Context(), Config{Path: path})
		contains(t, err, path, "no such file or directory")
	})
	t.Run("a context that has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := Open(ctx, Config{Path: filepath.Join(t.TempDir(), "siteplane.db")})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	})
}

// contains checks that an error says some words.
func contains(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v: does not say %q", err, word)
		}
	}
}
