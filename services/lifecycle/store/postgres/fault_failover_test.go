package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
)

// A primary dies, its synchronous standby is promoted, and the old one comes back as a
// standby (F25): the stores find the new one by themselves, and what was said to be
// committed is there. An asynchronous standby would promise nothing.
func TestFailover(t *testing.T) {
	t.Parallel()
	starting := directory(t)
	first := startIn(t, starting)
	must(t, first.Exec(t.Context(), "postgres", "CREATE DATABASE siteplane"))
	l := newLedger(t, first.DSN("siteplane"))
	standing := directory(t)
	backup(t, first, filepath.Join(standing, "data"))
	second := startIn(t, standing)
	must(t, first.Exec(t.Context(), "postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'"))
	must(t, first.Exec(t.Context(), "postgres", "SELECT pg_reload_conf()"))
	awaitSync(t, l)

	both := fmt.Sprintf("postgres://postgres@%s,%s/siteplane?sslmode=disable&target_session_attrs=read-write", first.Addr(), second.Addr())
	s := l.open(Config{DSN: both})
	busy := l.begin(3, 1, s)
	busy.goesOn()
	must(t, first.Kill())
	must(t, second.Exec(t.Context(), "postgres", "SELECT pg_promote()"))
	busy.goesOn()

	must(t, os.WriteFile(filepath.Join(starting, "data", "standby.signal"), nil, 0o644))
	must(t, first.Restart(t.Context()))
	s.pool.Reset()
	busy.goesOn()
	l.dsn = second.DSN("siteplane")
	busy.end()

	alone := "postgres://postgres@" + first.Addr() + "/siteplane?sslmode=disable"
	began := time.Now()
	_, err := Open(t.Context(), Config{DSN: alone + "&target_session_attrs=read-write"})
	unavailableIn(t, answeredWithin, began, err)
	old := l.open(Config{DSN: alone})
	unavailableIn(t, answeredWithin, time.Now(), l.add(t.Context(), old, "astray"))
	if _, err := l.look(t.Context(), old); err != nil {
		t.Errorf("a standby cannot be read: %v", err)
	}
}

// directory makes one that a server may enter.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "siteplane-pg-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

func startIn(t *testing.T, dir string) *pgtest.Server {
	t.Helper()
	server, err := pgtest.Start(t.Context(), pgtest.Config{Dir: dir, Addr: "127.0.0.1:0", Settings: map[string]string{"hot_standby": "on"}})
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	return server
}

// backup copies a server's data, as those of a standby.
func backup(t *testing.T, of *pgtest.Server, to string) {
	t.Helper()
	postgres, err := exec.LookPath("postgres")
	must(t, err)
	postgres, err = filepath.EvalSymlinks(postgres)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), filepath.Join(filepath.Dir(postgres), "pg_basebackup"),
		"-D", to, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", of.DSN("postgres"))
	if os.Geteuid() == 0 {
		who, err := user.Lookup("postgres")
		must(t, err)
		uid, _ := strconv.Atoi(who.Uid) // a number on every Unix
		gid, _ := strconv.Atoi(who.Gid)
		must(t, os.Chown(filepath.Dir(to), uid, gid))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, said)
	}
}

// awaitSync returns once commits wait for the standby.
func awaitSync(t *testing.T, l *ledger) {
	t.Helper()
	eventually(t, 20*time.Second, func() error {
		if states := l.column("SELECT sync_state FROM pg_stat_replication"); len(states) != 1 || states[0] != "sync" {
			return fmt.Errorf("the standbys are %v", states)
		}
		return nil
	})
}
