package service

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

const password = "s3same/öffne?"

// server starts a PostgreSQL server that wants a password.
func server(t *testing.T) *pgtest.Server {
	t.Helper()
	s, err := pgtest.Start(t.Context(), pgtest.Config{Addr: "127.0.0.1:0", Password: password})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lines hands on each write to a log.
type lines chan string

func (l lines) Write(text []byte) (int, error) {
	select {
	case l <- string(text):
	default: // nobody waits for that many
	}
	return len(text), nil
}

func (l lines) next(t *testing.T) string {
	t.Helper()
	select {
	case line := <-l:
		return line
	case <-time.After(20 * time.Second):
		t.Fatal("nothing is logged")
		return ""
	}
}

func TestLocation_shows_no_password(t *testing.T) {
	for at, want := range map[Location]string{
		"/var/lib/siteplane.db": "/var/lib/siteplane.db",
		"postgres://me:geheim@db.example.com/siteplane?sslmode=require": "postgres://me@db.example.com:5432/siteplane",
		"postgresql://me@db/siteplane?password=geheim&port=6000":        "postgres://me@db:6000/siteplane",
		"postgres://me:geheim@a:1,b:2/siteplane":                        "postgres://me@a:1,b:2/siteplane",
		"postgres://me:geheim@[2001:db8::1]:7/siteplane":                "postgres://me@[2001:db8::1]:7/siteplane",
		"postgres://me:geh%ZZeim@db/siteplane":                          "postgres://...",
		"postgres://me:geheim@db:port/siteplane":                        "postgres://...",
	} {
		if got := at.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		var logged bytes.Buffer
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "at", at)
		shown := fmt.Sprint(at) + fmt.Sprintf("%s %q %v %+v %#v", at, at, at, struct{ At Location }{at}, at) + logged.String() + fmt.Sprint(at.Check())
		if strings.Contains(shown, "eheim") || strings.Contains(shown, "ZZeim") {
			t.Errorf("it is shown: %s", shown)
		}
	}
}

func TestLocation_Check(t *testing.T) {
	for at, says := range map[Location]string{
		"":                                     "must not be empty",
		"mysql://me:geheim@db/siteplane":       "mysql:// is the URL of no database",
		"postgres://me:geheim@db:port/x":       "is no URL",
		"postgres://me@db/x?sslmode=sometimes": "sslmode",
		"siteplane.db":                         "",
		"postgres://me@db/siteplane":           "",
	} {
		err := at.Check()
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%q: error is %v", string(at), err)
		}
	}
}

func TestOpenDatabase_postgres(t *testing.T) {
	s := server(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	quiet := slog.New(slog.DiscardHandler)
	without := Location("postgres://postgres@" + s.Addr() + "/postgres?sslmode=disable")

	t.Run("is shared, so that two may have it", func(t *testing.T) {
		for range 2 {
			db, err := OpenDatabase(ctx, Location(s.TCPDSN("postgres")), quiet)
			must(t, err)
			defer func() { must(t, db.Close()) }()
			must(t, db.View(ctx, func(tx store.Tx) error { _, err := tx.Era(ctx); return err }))
		}
	})
	t.Run("takes the password where libpq does", func(t *testing.T) {
		for name, set := range map[string]func(t *testing.T) Location{
			"PGPASSWORD": func(t *testing.T) Location { t.Setenv("PGPASSWORD", password); return without },
			"PGPASSFILE": func(t *testing.T) Location { t.Setenv("PGPASSFILE", passfile(t)); return without },
			"passfile": func(t *testing.T) Location {
				return without + Location("&passfile="+passfile(t))
			},
		} {
			t.Run(name, func(t *testing.T) {
				db, err := OpenDatabase(ctx, set(t), quiet)
				must(t, err)
				must(t, db.Close())
			})
		}
	})
	t.Run("refuses at once what waiting does not heal", func(t *testing.T) {
		for at, says := range map[Location]string{
			Location(strings.Replace(s.TCPDSN("postgres"), "s3same", "s4same", 1)): "password authentication failed",
			Location(s.TCPDSN("nobody")): `database "nobody" does not exist`,
		} {
			_, err := OpenDatabase(ctx, at, quiet)
			if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), at.String()) || strings.Contains(err.Error(), "same/") {
				t.Errorf("error is %v", err)
			}
		}
	})
	t.Run("waits for one that does not answer, and says so once", func(t *testing.T) {
		for name, c := range map[string]struct {
			away, back func() error
			says       string
		}{
			"away":    {s.StopImmediately, func() error { return s.Restart(ctx) }, "connection refused"},
			"hanging": {s.Pause, s.Resume, "no answer within"},
		} {
			t.Run(name, func(t *testing.T) {
				must(t, c.away())
				log := make(lines, 100)
				opened := make(chan error, 1)
				go func() {
					db, err := OpenDatabase(ctx, Location(s.TCPDSN("postgres")), slog.New(slog.NewTextHandler(log, nil)))
					if err == nil {
						err = db.Close()
					}
					opened <- err
				}()
				said := log.next(t)
				for _, word := range []string{"level=WARN", "waiting for the database", "postgres://postgres@" + s.Addr() + "/postgres", c.says} {
					if !strings.Contains(said, word) {
						t.Errorf("it does not say %q: %s", word, said)
					}
				}
				time.Sleep(2 * tryEvery) // several tries
				must(t, c.back())
				said = log.next(t)
				if strings.Contains(said, "passes the wall between tenants") { // the test's role is a superuser
					said = log.next(t)
				}
				if !strings.Contains(said, "database answers") {
					t.Errorf("then it says: %s", said)
				}
				must(t, <-opened)
			})
		}
	})
	t.Run("waits no longer than it is let", func(t *testing.T) {
		must(t, s.StopImmediately())
		ctx, cancel := context.WithTimeout(ctx, tryEvery/2)
		defer cancel()
		_, err := OpenDatabase(ctx, Location(s.TCPDSN("postgres")), quiet)
		if err == nil || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "s3same") {
			t.Errorf("error is %v", err)
		}
	})
}

func passfile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pgpass")
	must(t, os.WriteFile(path, []byte("*:*:*:*:"+password+"\n"), 0o600))
	return path
}

func TestMigrate(t *testing.T) {
	s := server(t)
	for name, at := range map[string]Location{
		"sqlite":   Location(filepath.Join(t.TempDir(), "siteplane.db")),
		"postgres": Location(s.TCPDSN("postgres")),
	} {
		t.Run(name, func(t *testing.T) {
			empty, err := Versions(t.Context(), at)
			must(t, err)
			if empty.Has != 0 || empty.Knows < 1 || int64(len(empty.Pending)) != empty.Knows || empty.Pending[0].Name != "create_tables" {
				t.Errorf("an empty database: %+v", empty)
			}
			must(t, Migrate(t.Context(), at))
			current, err := Versions(t.Context(), at)
			must(t, err)
			if current.Has != empty.Knows || current.Knows != empty.Knows || len(current.Pending) != 0 {
				t.Errorf("a migrated database: %+v", current)
			}
			db, err := OpenDatabase(t.Context(), at, slog.New(slog.NewTextHandler(io.Discard, nil)))
			must(t, err)
			defer func() { must(t, db.Close()) }()
			meanwhile, err := Versions(t.Context(), at)
			must(t, err)
			if diff := cmp.Diff(current, meanwhile); diff != "" {
				t.Errorf("while it is used (-before +now):\n%s", diff)
			}
		})
	}
	t.Run("leaves a file alone that is in use", func(t *testing.T) {
		db := open(t)
		if err := Migrate(t.Context(), Location(strings.TrimSuffix(db.lock.Name(), ".lock"))); err == nil || !strings.Contains(err.Error(), "in use by process") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("versions of a file that is not there make none", func(t *testing.T) {
		at := filepath.Join(t.TempDir(), "siteplane.db")
		_, err := Versions(t.Context(), Location(at))
		must(t, err)
		if _, err := os.Stat(at); err == nil {
			t.Error("the file is there now")
		}
	})
}
