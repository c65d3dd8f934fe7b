package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// asProgram is in the environment of this test binary when a test runs it as a
// program that starts a server, says its process id and waits: asLiving, or with
// the server paused: asPausing, or that then panics: asPanicking.
const (
	asProgram   = "PGTEST_AS_PROGRAM"
	asLiving    = "living"
	asPausing   = "pausing"
	asPanicking = "panicking"
)

const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if as := os.Getenv(asProgram); as != "" {
		program(as)
	}
	os.Exit(Main(m))
}

func program(as string) {
	s, err := Start(context.Background(), Config{})
	if err == nil && as == asPausing {
		err = s.Pause()
	}
	if err != nil {
		panic(err)
	}
	fmt.Println(s.run.process.Pid)
	if as == asPanicking {
		panic("a bug")
	}
	select {}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// value returns the one value that a query has.
func value(t *testing.T, dsn, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := pgconn.Connect(ctx, dsn)
	must(t, err)
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, sql).ReadAll()
	must(t, err)
	return string(results[len(results)-1].Rows[0][0])
}

func TestServer_takes_settings_and_is_quick_unless_it_is_to_be_durable(t *testing.T) {
	quick := start(t, Config{Settings: map[string]string{"work_mem": "5MB"}})
	for name, want := range map[string]string{"work_mem": "5MB", "fsync": "off", "synchronous_commit": "on"} {
		if got := value(t, quick.DSN("postgres"), "SHOW "+name); got != want {
			t.Errorf("%s of a quick server is %s, not %s", name, got, want)
		}
	}
	durable := start(t, Config{Durable: true})
	for _, name := range []string{"fsync", "full_page_writes", "autovacuum"} {
		if got := value(t, durable.DSN("postgres"), "SHOW "+name); got != "on" {
			t.Errorf("%s of a durable server is %s", name, got)
		}
	}
}

func TestServer_keeps_what_is_committed(t *testing.T) {
	s := start(t, Config{})
	must(t, s.Exec(t.Context(), "postgres", "CREATE TABLE kept (n int)"))
	count := 0
	for name, end := range map[string]func() error{
		"over an orderly stop":    s.Stop,
		"over an immediate stop":  s.StopImmediately,
		"over its death":          s.Kill,
		"over a death in a pause": func() error { return errors.Join(s.Pause(), s.Kill()) },
		"over a stop in a pause":  func() error { return errors.Join(s.Pause(), s.Stop()) },
		"while it runs":           func() error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			must(t, s.Exec(t.Context(), "postgres", "INSERT INTO kept VALUES (1)"))
			count++
			must(t, end())
			must(t, s.Restart(t.Context()))
			if got := value(t, s.DSN("postgres"), "SELECT count(*) FROM kept"); got != strconv.Itoa(count) {
				t.Errorf("%s rows are left of %d", got, count)
			}
		})
	}
}

func TestServer_is_away_when_it_is_ended(t *testing.T) {
	s := start(t, Config{})
	for name, end := range map[string]func() error{"stopped": s.Stop, "stopped immediately": s.StopImmediately, "killed": s.Kill} {
		t.Run(name, func(t *testing.T) {
			all := append(children(s.run.process.Pid), s.run.process.Pid)
			if len(all) < 3 {
				t.Fatalf("the server is %d processes", len(all))
			}
			must(t, end())
			for _, pid := range all {
				if state, _ := look(pid); !gone(state) {
					t.Errorf("process %d is in state %s", pid, state)
				}
			}
			if err := s.Exec(t.Context(), "postgres", "SELECT 1"); err == nil {
				t.Error("it answers")
			}
			must(t, s.Restart(t.Context()))
		})
	}
}

func TestServer_Pause_hangs_open_connections_and_new_ones(t *testing.T) {
	s := start(t, Config{Addr: "127.0.0.1:0"})
	conn, err := pgconn.Connect(t.Context(), s.DSN("postgres"))
	must(t, err)
	defer conn.Close(context.Background())
	must(t, s.Pause())
	for name, ask := range map[string]func(ctx context.Context) error{
		"the socket": func(ctx context.Context) error { return s.Exec(ctx, "postgres", "SELECT 1") },
		"TCP": func(ctx context.Context) error {
			_, err := pgconn.Connect(ctx, s.TCPDSN("postgres"))
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := ask(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s of a paused server answers: %v", name, err)
		}
		cancel()
	}
	answered := make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), "SELECT 1").ReadAll()
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("an open connection of a paused server answers: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	must(t, s.Resume())
	select {
	case err := <-answered:
		must(t, err)
	case <-time.After(patience):
		t.Fatal("a resumed server does not answer")
	}
}

func TestServer_demands_its_password_by_TCP(t *testing.T) {
	s := start(t, Config{Addr: "127.0.0.1:0", Password: "open/sesame?"})
	if got := value(t, s.TCPDSN("postgres"), "SELECT 1"); got != "1" {
		t.Errorf("SELECT 1 is %s", got)
	}
	wrong := strings.Replace(s.TCPDSN("postgres"), "sesame", "barley", 1)
	if _, err := pgconn.Connect(t.Context(), wrong); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("a wrong password is answered with %v", err)
	}
}

func TestServer_goes_on_in_a_directory_that_is_kept(t *testing.T) {
	dir := keptDir(t)
	first, err := Start(t.Context(), Config{Dir: dir})
	must(t, err)
	must(t, first.Exec(t.Context(), "postgres", "CREATE TABLE kept AS SELECT 7 AS n"))
	must(t, first.Close())
	second := start(t, Config{Dir: dir})
	if got := value(t, second.DSN("postgres"), "SELECT n FROM kept"); got != "7" {
		t.Errorf("n is %s", got)
	}
}

// keptDir is one that the server may enter: not below t.TempDir, which is root's.
// It is too long for a socket.
func keptDir(t *testing.T) string {
	t.Helper()
	top, err := os.MkdirTemp("/tmp", "pgtest-kept-")
	must(t, err)
	must(t, os.Chmod(top, 0o755))
	t.Cleanup(func() { must(t, os.RemoveAll(top)) })
	return filepath.Join(top, strings.Repeat("long", 25))
}

func TestServer_says_why_it_does_not_start(t *testing.T) {
	_, err := Start(t.Context(), Config{Settings: map[string]string{"no_such_setting": "1"}})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("a wrong setting is answered with %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	t.Setenv("PG_BIN", filepath.Join(t.TempDir(), "none"))
	if _, err := Start(t.Context(), Config{}); err == nil || !strings.Contains(err.Error(), "initdb") {
		t.Errorf("a wrong PG_BIN is answered with %v", err)
	}
}

func TestServer_leaves_nothing_behind(t *testing.T) {
	t.Setenv("TMPDIR", readable(t))
	s, err := Start(t.Context(), Config{})
	must(t, err)
	must(t, s.Close())
	left, err := os.ReadDir(os.TempDir())
	must(t, err)
	if len(left) != 0 {
		t.Errorf("it leaves %v", left)
	}
}

func TestServer_removes_what_those_left_who_were_killed(t *testing.T) {
	dir := readable(t)
	left, err := makeTemporary(dir)
	must(t, err)
	recent, err := makeTemporary(dir)
	must(t, err)
	held, err := makeTemporary(dir)
	must(t, err)
	defer held.remove()
	must(t, left.lock.Close()) // as the kernel does
	must(t, recent.lock.Close())
	for _, of := range []*temporary{left, held} {
		long := time.Now().Add(-time.Hour)
		must(t, os.Chtimes(filepath.Join(of.path, owner), long, long))
	}
	sweep(dir)
	for of, want := range map[*temporary]bool{left: false, recent: true, held: true} {
		if _, err := os.Stat(of.path); (err == nil) != want {
			t.Errorf("a directory is there is %t, not %t", err == nil, want)
		}
	}
}

func readable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pgtest-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// It must not outlive the process that started it, or machines fill up with
// servers of tests that ended badly.
func TestServer_ends_with_the_program_that_started_it(t *testing.T) {
	for _, as := range []string{asLiving, asPausing, asPanicking} {
		t.Run(as, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), asProgram+"="+as, "TMPDIR="+readable(t))
			said, err := cmd.StdoutPipe()
			must(t, err)
			must(t, cmd.Start())
			var server int
			_, err = fmt.Fscan(said, &server)
			must(t, err)
			all := append(children(server), server)
			if as != asPanicking {
				must(t, cmd.Process.Signal(syscall.SIGKILL))
			}
			if err := cmd.Wait(); err == nil {
				t.Error("the program ended well")
			}
			for _, pid := range all {
				must(t, await(pid, gone))
			}
		})
	}
}
