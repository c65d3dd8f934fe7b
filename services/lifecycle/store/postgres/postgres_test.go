package postgres

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// The suite runs as the role that an installation has: what passes behind the wall
// between tenants passes without it.
func TestStore(t *testing.T) {
	seen := recordStatements(t)
	databases := newDatabases(t)
	databases.ordinary = true
	storetest.Run(t, func(t testing.TB, clock func() time.Time) store.Store {
		return databases.open(t, Config{Clock: clock})
	})
	t.Run("no statement reads a growing table from end to end", func(t *testing.T) { checkPlans(t, seen) })
}

// openTest opens a store on a database of the test.
func openTest(t testing.TB, cfg Config) *Store {
	t.Helper()
	cfg.DSN = pgtest.New(t, Migrate)
	return openOn(t, cfg)
}

func openOn(t testing.TB, cfg Config) *Store {
	t.Helper()
	cfg.migrated = true
	cfg.Connections = orElse(cfg.Connections, 6)
	s, err := Open(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// databases are those that tests use one after the other: to empty one takes a tenth of
// the time that it takes to make one. Tests that change the schema use openTest.
type databases struct {
	parent testing.TB
	empty  chan string
	// ordinary says that they are opened by an ordinary role, and not by a superuser.
	ordinary bool
}

func newDatabases(t testing.TB) *databases {
	return &databases{parent: t, empty: make(chan string, 100)}
}

// open opens a store on an empty database.
func (d *databases) open(t testing.TB, cfg Config) *Store {
	t.Helper()
	var dsn string
	select {
	case dsn = <-d.empty:
	default:
		dsn = d.make()
	}
	t.Cleanup(func() { // after the store is closed
		must(t, emptied(context.Background(), dsn))
		d.empty <- dsn
	})
	cfg.DSN = dsn
	if d.ordinary {
		cfg.DSN = pgtest.Ordinary(dsn)
	}
	return openOn(t, cfg)
}

func (d *databases) make() (dsn string) {
	if d.ordinary {
		return pgtest.New(d.parent, migrateAsOrdinary)
	}
	return pgtest.New(d.parent, Migrate)
}

// emptied takes every row out of a database but those that its schema brings.
func emptied(ctx context.Context, dsn string) error {
	on, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = on.Close(ctx) }()
	found, err := on.Query(ctx, `SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%' AND tablename <> 'meta'`)
	if err != nil {
		return err
	}
	tables, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return err
	}
	var all strings.Builder
	all.WriteString("SET session_replication_role = replica; UPDATE meta SET last_place = 0, era = 1;") // no trigger, no reference
	for _, table := range tables {
		all.WriteString("DELETE FROM " + pgx.Identifier{table}.Sanitize() + ";")
	}
	_, err = on.Exec(ctx, all.String())
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
