package pgtest

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

var migrations atomic.Int32

func migrate(ctx context.Context, dsn string) error {
	migrations.Add(1)
	conn, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE TABLE site (name text PRIMARY KEY)").ReadAll()
	return err
}

func migrateAsOrdinary(ctx context.Context, dsn string) error { return Own(ctx, dsn, migrate) }

func TestOwn(t *testing.T) {
	for range 2 { // databases, one role
		dsn := Ordinary(New(t, migrateAsOrdinary))
		if got := value(t, dsn, "SELECT rolsuper::text || rolbypassrls FROM pg_roles WHERE rolname = current_user"); got != "falsefalse" {
			t.Errorf("the role is above the rules: %s", got)
		}
		if got := value(t, dsn, "SELECT tableowner = current_user FROM pg_tables WHERE tablename = 'site'"); got != "t" {
			t.Error("the table is another's")
		}
	}
}

func TestNew(t *testing.T) {
	t.Run("each test has a migrated database of its own", func(t *testing.T) {
		for range 4 {
			t.Run("alone", func(t *testing.T) {
				t.Parallel()
				dsn := New(t, migrate)
				if got := value(t, dsn, "INSERT INTO site VALUES ('shop'); SELECT count(*) FROM site"); got != "1" {
					t.Errorf("%s sites are there", got)
				}
			})
		}
	})
	t.Run("the migration ran once", func(t *testing.T) {
		if got := migrations.Load(); got != 2 { // with that of TestOwn
			t.Errorf("it ran %d times", got)
		}
	})
	t.Run("databases are dropped with their tests, also where a connection is open", func(t *testing.T) {
		var other string
		t.Run("one", func(t *testing.T) {
			dsn := New(t, nil)
			_, err := pgconn.Connect(t.Context(), dsn)
			must(t, err)
			other = dsn
		})
		if _, err := pgconn.Connect(t.Context(), other); err == nil || !strings.Contains(err.Error(), "does not exist") {
			t.Errorf("the database is still there: %v", err)
		}
	})
	t.Run("without migrations it is empty", func(t *testing.T) {
		if got := value(t, New(t, nil), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); got != "0" {
			t.Errorf("%s tables are there", got)
		}
	})
}
