package migrate

import (
	"bytes"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle/service"
)

var update = flag.Bool("update", false, "write the golden files anew")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// golden runs a command and compares all that it does with a file, with names in
// place of what differs between runs.
func golden(t *testing.T, name string, replace *strings.Replacer, args ...string) {
	t.Helper()
	root := cli.New(cli.System())
	root.AddCommand(Command())
	var out, errs bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetArgs(append([]string{"migrate"}, args...))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	code := cli.Execute(ctx, root)
	got := replace.Replace(fmt.Sprintf("exit code %d\n--- stdout\n%s--- stderr\n%s", code, out.String(), errs.String()))
	file := filepath.Join("testdata", name+".golden")
	if *update {
		must(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// at returns a file, and the replacer that names it.
func at(t *testing.T) (string, *strings.Replacer) {
	t.Helper()
	dir := t.TempDir()
	return filepath.Join(dir, "siteplane.db"), strings.NewReplacer(dir, "DIR", fmt.Sprintf("process %d", os.Getpid()), "process PID")
}

func TestMigrate_sqlite(t *testing.T) {
	file, names := at(t)
	golden(t, "sqlite_status_missing", names, "status", "--database", file)
	golden(t, "sqlite_up", names, "up", "--database", file)
	golden(t, "sqlite_status_current", names, "status", "--database", file)
	golden(t, "sqlite_up_again", names, "up", "--database", file)
	t.Run("may be given in the environment", func(t *testing.T) {
		t.Setenv(variable, file)
		golden(t, "sqlite_status_current", names, "status")
	})
	t.Run("while it is used", func(t *testing.T) {
		db, err := service.OpenDatabase(t.Context(), service.Location(file), slog.New(slog.DiscardHandler))
		must(t, err)
		defer func() { must(t, db.Close()) }()
		golden(t, "sqlite_status_current", names, "status", "--database", file)
		golden(t, "sqlite_up_used", names, "up", "--database", file)
	})
	t.Run("behind and newer", func(t *testing.T) {
		db, err := sql.Open("sqlite", file)
		must(t, err)
		defer db.Close()
		last := func(change string) {
			_, err := db.ExecContext(t.Context(), "UPDATE goose_db_version SET version_id = version_id "+change+" WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
			must(t, err)
		}
		last("+ 7")
		golden(t, "sqlite_status_newer", names, "status", "--database", file)
		golden(t, "sqlite_up_newer", names, "up", "--database", file)
		last("- 7")
		_, err = db.ExecContext(t.Context(), "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
		must(t, err)
		golden(t, "sqlite_status_behind", names, "status", "--database", file)
		golden(t, "sqlite_status_behind_json", names, "status", "--database", file, "-o", "json")
	})
	t.Run("damaged", func(t *testing.T) {
		file, names := at(t)
		must(t, os.WriteFile(file, []byte(strings.Repeat("no database ", 100)), 0o600))
		golden(t, "sqlite_status_damaged", names, "status", "--database", file)
	})
}

func TestMigrate_postgres(t *testing.T) {
	s, err := pgtest.Start(t.Context(), pgtest.Config{Addr: "127.0.0.1:0", Password: "geheim"})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	names, where := strings.NewReplacer(s.Addr(), "HOST:PORT"), s.TCPDSN("postgres")
	golden(t, "postgres_status_empty", names, "status", "--database", where)
	golden(t, "postgres_up", names, "up", "--database", where)
	golden(t, "postgres_status_current", names, "status", "--database", where)
	golden(t, "postgres_up_again", names, "up", "--database", where)
	golden(t, "postgres_refused", names, "status", "--database", strings.Replace(where, "geheim", "falsch", 1))
	must(t, s.Exec(t.Context(), "postgres", "UPDATE goose_db_version SET version_id = 999 WHERE version_id = 1"))
	golden(t, "postgres_up_newer", names, "up", "--database", where)
	must(t, s.Stop())
	golden(t, "postgres_away", names, "status", "--database", where)
}

func TestMigrate_usage(t *testing.T) {
	names := strings.NewReplacer()
	t.Setenv(variable, "")
	golden(t, "usage_missing", names, "status")
	golden(t, "usage_scheme", names, "up", "--database", "mysql://me:geheim@db/siteplane")
	golden(t, "usage_url", names, "up", "--database", "postgres://me:geheim@db:port/siteplane")
}
