package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/postgres/relay"
)

// role makes a role of the test's own, which is no superuser, and returns the URL of the
// ledger's database for it.
func (l *ledger) role(options string) (name, dsn string) {
	l.Helper()
	settings, err := pgx.ParseConfig(l.dsn)
	must(l, err)
	name = "role_" + strings.TrimPrefix(settings.Database, "test_")
	l.run("CREATE ROLE "+name+" LOGIN "+options,
		"GRANT ALL ON SCHEMA public TO "+name, "GRANT ALL ON ALL TABLES IN SCHEMA public TO "+name)
	owner := l.dsn
	l.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), owner)
		must(l, err)
		_, err = conn.Exec(context.Background(), "DROP OWNED BY "+name+"; DROP ROLE "+name)
		must(l, errors.Join(err, conn.Close(context.Background())))
	})
	return name, strings.Replace(l.dsn, "postgres://postgres@", "postgres://"+name+"@", 1)
}

// The server has no connection for us (53300).
func TestRefused_too_many_connections(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	name, dsn := l.role("CONNECTION LIMIT 4")
	s := l.open(Config{DSN: dsn})
	eventually(t, 10*time.Second, func() error {
		if l.column("SELECT count(*)::text FROM pg_stat_activity WHERE usename = '" + name + "' AND query LIKE 'LISTEN%'")[0] == "0" {
			return errors.New("the store does not listen")
		}
		return nil
	})
	var taken []*pgx.Conn
	eventually(t, 10*time.Second, func() error { // all but the one that listens
		s.pool.Reset()
		conn, err := pgx.Connect(t.Context(), dsn)
		if err != nil {
			return err
		}
		if taken = append(taken, conn); len(taken) < 3 {
			return errors.New("the store may still have a connection")
		}
		return nil
	})
	began := time.Now()
	err := l.add(t.Context(), s, "word")
	unavailableIn(t, answeredWithin, began, err)
	if err == nil || !strings.Contains(err.Error(), "too many connections for role \""+name+"\"") {
		t.Errorf("answered %v", err)
	}
	_, err = Open(t.Context(), Config{DSN: dsn})
	unavailableIn(t, answeredWithin, began, err)
	for _, conn := range taken {
		must(t, conn.Close(t.Context()))
	}
	eventually(t, 5*time.Second, func() error { return l.add(t.Context(), s, "word") })
	l.has("word", 1)
}

// Who may not do everything keeps its promises as well.
func TestCommit_lost_of_who_is_no_superuser(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	_, l.dsn = l.role("")
	s, r := l.through()
	for word, fate := range map[string]relay.Fate{"before": cutBefore, "after": cutAfter} {
		r.OnCommit(relay.Once(fate))
		must(t, l.add(t.Context(), s, word))
		l.has(word, 1)
	}
}

// Nothing that waiting heals is wrong.
func TestRefused_for_good(t *testing.T) {
	l := newLedger(t, pgtest.New(t, Migrate))
	server, err := pgtest.Start(t.Context(), pgtest.Config{Addr: "127.0.0.1:0", Password: "right"})
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	for name, test := range map[string]struct{ dsn, says string }{
		"a wrong password":    {strings.Replace(server.TCPDSN("postgres"), ":right@", ":sesame@", 1), "password authentication failed"},
		"an unknown database": {server.TCPDSN("nowhere"), `database "nowhere" does not exist`},
		"an unknown role":     {strings.Replace(l.dsn, "postgres://postgres@", "postgres://nobody@", 1), `role "nobody" does not exist`},
		"no URL":              {"postgres://siteplane:sesa%me@/x", "password"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), Config{DSN: test.dsn})
			var down *lifecycle.UnavailableError
			if err == nil || errors.As(err, &down) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("answered %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "sesa%me")) {
				t.Errorf("the answer shows the password: %v", err)
			}
		})
	}
}

// A database that takes no writes still answers those who read (F27).
func TestRefused_read_only(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	settings, err := pgx.ParseConfig(l.dsn)
	must(t, err)
	s := l.open(Config{})
	l.run("ALTER DATABASE " + settings.Database + " SET default_transaction_read_only = on")
	s.pool.Reset()
	readOnly := l.open(Config{})
	for name, s := range map[string]*Store{"opened before": s, "opened then": readOnly} {
		began := time.Now()
		err := l.add(t.Context(), s, "word")
		unavailableIn(t, time.Second, began, err)
		if err == nil || !strings.Contains(err.Error(), "takes no writes") {
			t.Errorf("%s: answered %v", name, err)
		}
		if _, err := l.look(t.Context(), s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.View(t.Context(), func(tx store.Tx) error { return l.emit(t.Context(), tx, "word") }); !errors.Is(err, errReadOnly) {
		t.Errorf("a view that writes is answered %v", err)
	}
	l.run("SET default_transaction_read_only = off", "ALTER DATABASE "+settings.Database+" RESET default_transaction_read_only")
	s.pool.Reset()
	must(t, l.add(t.Context(), s, "word"))
	l.has("word", 1)
}

// PostgreSQL has no NUL in texts (22021); whoever sends one is told so.
func TestRefused_NUL(t *testing.T) {
	t.Parallel()
	l := newLedger(t, pgtest.New(t, Migrate))
	s := l.open(Config{})
	for name, err := range map[string]error{
		"a read":  s.View(t.Context(), func(tx store.Tx) error { _, err := tx.GetSite(t.Context(), l.tenant, "site_\x00"); return err }),
		"a write": l.add(t.Context(), s, "wo\x00rd"),
	} {
		var invalid *lifecycle.InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%s is answered %v", name, err)
		}
	}
}
