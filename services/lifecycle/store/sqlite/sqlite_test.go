package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
)

func TestStore(t *testing.T) {
	seen := &statements{args: map[string][]any{}}
	storetest.Run(t, func(t testing.TB, clock func() time.Time) store.Store {
		return openTest(t, Config{Clock: clock, wrap: seen.record})
	})
	t.Run("no statement reads a growing table from end to end", func(t *testing.T) { checkPlans(t, seen) })
	t.Run("no statement that walks along an index sorts", func(t *testing.T) { checkWalks(t, seen) })
	t.Run("no statement that looks into several places misses an index", func(t *testing.T) { checkLooks(t, seen) })
}

// openTest opens a store in a directory of the test; it is quick, for it does
// not wait for the disk and its schema is a copy.
func openTest(t testing.TB, cfg Config) *Store {
	t.Helper()
	if cfg.Path == "" {
		cfg.Path = filepath.Join(t.TempDir(), "siteplane.db")
	}
	empty, err := emptyDatabase()
	must(t, err)
	must(t, os.WriteFile(cfg.Path, empty, 0o600))
	cfg.synchronous = "OFF"
	s, err := Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// emptyDatabase is the file of a store that was opened and closed.
var emptyDatabase = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "siteplane-sqlite-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "empty.db")
	s, err := Open(context.Background(), Config{Path: path, synchronous: "OFF"})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
