package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle"
)

// migrating begins to migrate an empty database, and returns when that waits in the
// middle for somebody, who has made a table of the same name and not committed. Ended is
// how the migration ends; began is when its transaction began.
func (l *ledger) migrating() (somebody *pgx.Conn, ended chan error, began func() (time.Time, error)) {
	l.Helper()
	somebody, watch := l.session(), l.session()
	_, err := somebody.Exec(l.Context(), "BEGIN; CREATE TABLE history ()")
	must(l, err)
	ended = make(chan error, 1)
	go func() { ended <- Migrate(l.Context(), l.dsn) }()
	began = func() (at time.Time, err error) {
		err = watch.QueryRow(l.Context(), `
			SELECT xact_start FROM pg_stat_activity
			WHERE application_name = 'siteplane migrate' AND datname = current_database() AND wait_event_type = 'Lock'`).Scan(&at)
		return at, err
	}
	eventually(l.T, 20*time.Second, func() error {
		_, err := began()
		return err
	})
	return somebody, ended, began
}

// Processes start at the same time on an empty database (F29): while one migrates, the
// others wait for it and touch nothing.
func TestMigrate_at_once(t *testing.T) {
	t.Parallel()
	l := &ledger{T: t, dsn: pgtest.New(t, nil)}
	somebody, ended, _ := l.migrating()
	sessions := `SELECT count(*)::text FROM pg_stat_activity WHERE application_name = 'siteplane migrate' AND datname = current_database()`
	before := l.column(sessions)[0]
	opened := make(chan error, 2)
	for range cap(opened) {
		go func() {
			s, err := Open(t.Context(), Config{DSN: l.dsn})
			if err == nil {
				err = s.Close()
			}
			opened <- err
		}()
	}
	eventually(t, 5*time.Second, func() error {
		if l.column(sessions)[0] == before {
			return errors.New("nobody else migrates")
		}
		return nil
	})
	_, err := somebody.Exec(t.Context(), "ROLLBACK")
	must(t, err)
	must(t, <-ended)
	for range cap(opened) {
		must(t, <-opened)
	}
	if got := l.column("SELECT count(*)::text FROM goose_db_version WHERE version_id = 1"); got[0] != "1" {
		t.Errorf("the first migration ran %s times", got[0])
	}
}

// A migration that ends in the middle leaves nothing, and the next one does it all.
func TestMigrate_cut_off(t *testing.T) {
	t.Parallel()
	l := &ledger{T: t, dsn: pgtest.New(t, nil)}
	somebody, ended, _ := l.migrating()
	l.run(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE application_name = 'siteplane migrate' AND datname = current_database() AND wait_event_type = 'Lock'`)
	var down *lifecycle.UnavailableError
	if err := <-ended; !errors.As(err, &down) {
		t.Errorf("answered %v", err)
	}
	_, err := somebody.Exec(t.Context(), "ROLLBACK")
	must(t, err)
	if got := l.column("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%'"); len(got) != 0 {
		t.Errorf("there are %v", got)
	}
	must(t, Migrate(t.Context(), l.dsn))
	newLedger(t, l.dsn)
}

// A migration does not wait for a lock for ever, in front of all who come after it, but
// tries again.
func TestMigrate_behind_a_lock(t *testing.T) {
	t.Parallel()
	l := &ledger{T: t, dsn: pgtest.New(t, nil)}
	somebody, ended, began := l.migrating()
	first, err := began()
	must(t, err)
	eventually(t, 10*time.Second, func() error {
		again, err := began()
		if err == nil && again.Equal(first) {
			err = errors.New("it waits")
		}
		return err
	})
	_, err = somebody.Exec(t.Context(), "ROLLBACK")
	must(t, err)
	must(t, <-ended)
	newLedger(t, l.dsn)
}
