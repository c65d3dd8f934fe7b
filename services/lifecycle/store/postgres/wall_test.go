package postgres

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// migrateAsOrdinary makes the schema that of a role that is no superuser.
func migrateAsOrdinary(ctx context.Context, dsn string) error { return pgtest.Own(ctx, dsn, Migrate) }

// walls is a database with a tenant that has rows in every table, and one that has none.
type walls struct {
	*testing.T
	store *Store
	// owner has them; stranger is known in table tenant alone.
	owner, stranger id.Tenant
}

func newWalls(t *testing.T) *walls {
	t.Helper()
	w := &walls{T: t, store: openOn(t, Config{DSN: pgtest.Ordinary(pgtest.New(t, migrateAsOrdinary)), Connections: 2}), stranger: id.NewTenant()}
	s, _ := storetest.Everything(t, w.store)
	w.owner = s.TenantID
	_, _, err := w.store.ClaimWork(t.Context(), worker.Claim{Owner: "me", Lease: time.Minute, Limit: 10}) // folds the marks
	must(t, err)
	must(t, w.store.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(
			tx.InsertTenant(t.Context(), admin.Tenant{ID: w.stranger, Name: "stranger", CreatedAt: s.CreatedAt}),
			tx.PutZoneGrant(t.Context(), network.ZoneGrant{ZoneName: "ours.test", TenantID: w.owner, CreatedAt: s.CreatedAt}),
			tx.MarkWork(t.Context(), worker.Mark{Kind: worker.Site, Key: string(s.ID), TenantID: string(w.owner), DueAt: s.CreatedAt}),
		)
	}))
	return w
}

// in is the same in the hands of a part of its test.
func (w *walls) in(t *testing.T) *walls {
	part := *w
	part.T = t
	return &part
}

// tables returns every table that has rows of tenants, and the columns that say whose.
func (w *walls) tables() map[string][]string {
	tables := map[string][]string{"tenant": {"id"}}
	for _, found := range column(w.T, w.store, `SELECT table_name || ' ' || column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND column_name LIKE '%tenant_id'`) {
		table, name, _ := strings.Cut(found, " ")
		tables[table] = append(tables[table], name)
	}
	return tables
}

// count returns how many rows a statement gives to a tenant, "" being nobody.
func (w *walls) count(tenant id.Tenant, text string, args ...any) (n int) {
	w.Helper()
	ctx := w.Context()
	if tenant != "" {
		ctx = store.ForTenant(ctx, tenant)
	}
	must(w.T, w.store.View(ctx, func(t store.Tx) (err error) {
		n, err = counted(ctx, t, text, args...)
		return err
	}))
	return n
}

func counted(ctx context.Context, t store.Tx, text string, args ...any) (int, error) {
	rows, err := relational.All(ctx, t.(*tx).conn, "count", func(relational.Row) (struct{}, error) { return struct{}{}, nil }, text, args...)
	return len(rows), err
}

func TestWall(t *testing.T) {
	w := newWalls(t)
	tables := w.tables()
	t.Run("stands around every table with rows of tenants", func(t *testing.T) {
		walled := column(t, w.store, `SELECT relname::text FROM pg_class
			WHERE relrowsecurity AND relforcerowsecurity AND EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = pg_class.oid)`)
		for table := range tables {
			if !slices.Contains(walled, table) {
				t.Errorf("%s has rows of tenants and no policy", table)
			}
		}
		if len(walled) != len(tables) {
			t.Errorf("%d tables have a policy, %d have rows of tenants", len(walled), len(tables))
		}
	})
	for table, columns := range tables {
		t.Run("lets a tenant alone see its rows in "+table, func(t *testing.T) { w.in(t).sees(table, columns) })
		t.Run("lets a tenant alone write its rows in "+table, func(t *testing.T) { w.in(t).writes(table, columns) })
	}
}

// of counts the rows of a tenant, behind the wall's back.
func (w *walls) of(tenant id.Tenant, table string, columns []string) int {
	w.Helper()
	return w.count("", "SELECT 1 FROM "+table+" WHERE ? IN ("+strings.Join(columns, ", ")+")", tenant)
}

func (w *walls) sees(table string, columns []string) {
	w.Helper()
	if w.of(w.owner, table, columns) == 0 {
		w.Fatal("the owner has no row there: newWalls must be told how to make one")
	}
	for _, tenant := range []id.Tenant{w.owner, w.stranger} {
		if got, want := w.count(tenant, "SELECT 1 FROM "+table), w.of(tenant, table, columns); got != want {
			w.Errorf("who has %d rows sees %d", want, got)
		}
	}
}

func (w *walls) writes(table string, columns []string) {
	w.Helper()
	own := w.of(w.stranger, table, columns)
	for _, text := range []string{"UPDATE " + table + " SET " + columns[0] + " = " + columns[0], "DELETE FROM " + table} {
		if n, err := w.write(w.stranger, text); err == nil && n != int64(own) {
			w.Errorf("%s: touched %d rows of %d", text, n, own)
		}
	}
	theirs := "'" + string(w.stranger) + "'"
	w.refused("UPDATE "+table+" SET "+strings.Join(columns, " = "+theirs+", ")+" = "+theirs, "row-level security", "append-only")
	says := "row-level security"
	if table == "mark" { // anybody may make one, but this one is there already
		says = "mark_pkey"
	}
	gift := "jsonb_build_object('" + strings.Join(columns, "', "+theirs+", '") + "', " + theirs + ")"
	w.refused("INSERT INTO "+table+" OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(r, "+gift+")).* FROM "+table+" r", says)
}

// refused checks that the owner cannot do something, for one of some reasons.
func (w *walls) refused(text string, says ...string) {
	w.Helper()
	_, err := w.write(w.owner, text)
	if err == nil || !slices.ContainsFunc(says, func(part string) bool { return strings.Contains(err.Error(), part) }) {
		w.Errorf("%s: got %v, want something about %q", text, err, says)
	}
}

// errTaken takes back what a test wrote.
var errTaken = errors.New("taken back")

// write runs a statement for a tenant, and takes back what it did.
func (w *walls) write(tenant id.Tenant, text string) (n int64, err error) {
	ctx := store.ForTenant(w.Context(), tenant)
	err = w.store.Update(ctx, func(t store.Tx) (err error) {
		if n, err = t.(*tx).conn.Exec(ctx, text, nil); err == nil {
			err = errTaken
		}
		return err
	})
	if errors.Is(err, errTaken) {
		err = nil
	}
	return n, err
}

func TestWall_falls_for_one_statement(t *testing.T) {
	w := newWalls(t)
	ctx := store.ForTenant(t.Context(), w.stranger)
	all := w.count("", "SELECT 1 FROM site")
	// look counts before, in and after a statement that is about all tenants, one that
	// fails included.
	look := func(t *testing.T, tx store.Tx) {
		t.Helper()
		for i, step := range []struct {
			ctx  context.Context
			want int
		}{{ctx, 0}, {store.AcrossTenants(ctx), all}, {ctx, 0}, {context.Background(), 0}} {
			got, err := counted(step.ctx, tx, "SELECT 1 FROM site")
			must(t, err)
			if got != step.want {
				t.Errorf("look %d: sees %d sites, want %d", i+1, got, step.want)
			}
		}
	}
	t.Run("of one that reads", func(t *testing.T) {
		must(t, w.store.View(ctx, func(tx store.Tx) error { look(t, tx); return nil }))
	})
	t.Run("of one that writes", func(t *testing.T) {
		must(t, w.store.Update(ctx, func(tx store.Tx) error { look(t, tx); return nil }))
	})
	t.Run("of one that goes on after a broken rule", func(t *testing.T) {
		runs := 0
		must(t, w.store.Update(ctx, func(tx store.Tx) error {
			runs++
			for range 2 {
				err := tx.InsertTenant(store.AcrossTenants(ctx), admin.Tenant{ID: id.NewTenant(), Name: "stranger", CreatedAt: time.Now()})
				var taken *lifecycle.TakenError
				if runs > 1 && !errors.As(err, &taken) {
					t.Errorf("got %v", err)
				}
				if runs > 1 {
					look(t, tx)
				}
			}
			_, err := counted(ctx, tx, "SELECT 1 FROM site")
			return err
		}))
		if runs != 2 {
			t.Errorf("it ran %d times, and never carefully", runs)
		}
	})
	t.Run("of one whose whole call is about all tenants", func(t *testing.T) {
		must(t, w.store.View(store.AcrossTenants(ctx), func(tx store.Tx) error {
			got, err := counted(context.Background(), tx, "SELECT 1 FROM site")
			if got != all {
				t.Errorf("sees %d sites, want %d", got, all)
			}
			return err
		}))
	})
	t.Run("and is gone with the transaction", func(t *testing.T) {
		for range 4 { // connections are two
			w.in(t).count(w.stranger, "SELECT 1 FROM site")
			if got := w.in(t).count("", "SELECT 1 FROM site"); got != all {
				t.Errorf("sees %d sites, want %d", got, all)
			}
		}
	})
}

// The migration is of several transactions; the next one finishes what one has left.
func TestWall_is_finished(t *testing.T) {
	w := &walls{T: t, store: openTest(t, Config{})}
	state := func() []string {
		return append(column(t, w.store, `SELECT tablename || ' ' || policyname || coalesce(qual, '') || coalesce(with_check, '') FROM pg_policies
			UNION ALL SELECT relname || ' ' || relrowsecurity || relforcerowsecurity FROM pg_class WHERE relkind = 'r' ORDER BY 1`),
			column(t, w.store, `SELECT indexdef FROM pg_indexes WHERE tablename = 'work' ORDER BY indexname`)...)
	}
	before := state()
	_, err := w.store.pool.Exec(t.Context(), `DELETE FROM goose_db_version WHERE version_id = 3;
		DROP POLICY wall ON site; ALTER TABLE site DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY`)
	must(t, err)
	db, err := migrating(w.store.pool.Config().ConnString())
	must(t, err)
	defer func() { must(t, db.Close()) }()
	m, err := migrator(db)
	must(t, err)
	_, err = m.ApplyVersion(t.Context(), 3, true)
	must(t, err)
	if diff := cmp.Diff(before, state()); diff != "" {
		t.Errorf("it is not what it was (-before +after):\n%s", diff)
	}
}

// The queue and the places of events are the installation's, whoever's call asks.
func TestWall_is_not_around_the_installation(t *testing.T) {
	w := newWalls(t)
	ctx := store.ForTenant(t.Context(), w.stranger)
	_, last, err := w.store.Sequence(ctx)
	must(t, err)
	if want := w.count("", "SELECT 1 FROM outbox"); want == 0 || last != int64(want) {
		t.Errorf("%d events were given places, want %d", last, want)
	}
}

// The server is told with the statement before which the wall changes.
func TestWall_costs_no_round_trip(t *testing.T) {
	c := &conn{tenant: "ten_1"} // without a connection nothing can be sent
	ctx := t.Context()
	must(t, c.Later(ctx, "one", nil))
	must(t, c.Later(ctx, "two", nil))
	must(t, c.Later(store.AcrossTenants(ctx), "three", nil))
	must(t, c.Later(ctx, "four", nil))
	var texts []string
	for _, s := range c.waiting {
		texts = append(texts, s.text)
	}
	if want := []string{wall, "one", "two", wall, "three", wall, "four"}; !slices.Equal(texts, want) {
		t.Errorf("what waits is %q, want %q", texts, want)
	}
	free := &conn{}
	must(t, free.Later(ctx, "one", nil))
	if len(free.waiting) != 1 {
		t.Errorf("%d statements wait where there is no wall", len(free.waiting))
	}
}

func TestOpen_says_when_there_is_no_wall(t *testing.T) {
	dsn := pgtest.New(t, migrateAsOrdinary)
	for name, test := range map[string]struct {
		dsn  string
		says bool
	}{"to a superuser": {dsn, true}, "to nobody else": {pgtest.Ordinary(dsn), false}} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s, err := Open(t.Context(), Config{DSN: test.dsn, Logger: slog.New(slog.NewTextHandler(&log, nil)), migrated: true})
			must(t, err)
			must(t, s.Close())
			if says := strings.Contains(log.String(), "level=WARN"); says != test.says {
				t.Errorf("it said %q", log.String())
			}
		})
	}
}
