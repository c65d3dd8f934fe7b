package postgres

import (
	"os"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestStore(t *testing.T) {
	seen := recordStatements(t)
	storetest.Run(t, func(t testing.TB, clock func() time.Time) store.Store { return openTest(t, Config{Clock: clock}) })
	t.Run("no statement reads a growing table from end to end", func(t *testing.T) { checkPlans(t, seen) })
}

// openTest opens a store on a database of the test.
func openTest(t testing.TB, cfg Config) *Store {
	t.Helper()
	cfg.DSN, cfg.migrated = pgtest.New(t, Migrate), true
	cfg.Connections = orElse(cfg.Connections, 6)
	s, err := Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
