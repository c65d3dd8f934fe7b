package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to write a version that no siteplane has yet
)

// wantRefused runs an `up` that must end by itself, naming the thing and the
// remedy, and leave nothing half-done.
func (i *installation) wantRefused(words ...string) {
	i.t.Helper()
	said := i.refuse()
	for _, want := range words {
		if !strings.Contains(said, want) {
			i.t.Errorf("it does not say %q: %s", want, said)
		}
	}
	if strings.Contains(said, "goroutine ") || strings.Contains(said, "panic: ") {
		i.t.Errorf("it shows its insides: %s", said)
	}
	i.wantNothingLeft()
}

// wantNothingLeft fails if a run that was refused left a key or an nginx.
func (i *installation) wantNothingLeft() {
	i.t.Helper()
	if _, err := os.Stat(i.data("cli.json")); !errors.Is(err, fs.ErrNotExist) {
		i.t.Errorf("there is a cli.json (error %v)", err)
	}
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	check(i.t, err)
	for _, file := range found {
		if command, err := os.ReadFile(file); err == nil && strings.Contains(string(command), "nginx: master") && strings.Contains(string(command), i.root) {
			i.t.Errorf("an nginx was left: %s", command)
		}
	}
}

func TestUp_names_every_flag_that_is_wrong(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "--port-base", "80", "--edge-address", "localhost", "--probe-policy", "maybe", "--log-format", "xml")
	i.wantRefused(`--port-base 80: must be between`, `--edge-address "localhost": must be an IP address`,
		`--probe-policy "maybe": must be public, edge or off`, `--log-format "xml": must be json or text`)
	if _, err := os.Stat(i.data()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the data directory was made (error %v)", err)
	}
}

func TestUp_names_the_nginx_that_is_missing(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "--nginx-bin", "/nonexistent/nginx")
	i.wantRefused(`nginx binary "/nonexistent/nginx" not found`, "apt-get install nginx")
	i.flags = nil
	i.start() // nothing that was left is in the way
}

// occupy takes a port as another program would.
func occupy(t *testing.T, network string, port int) (release func()) {
	t.Helper()
	if network == "udp" {
		l, err := net.ListenPacket(network, loopback(port))
		check(t, err)
		return func() { check(t, l.Close()) }
	}
	l, err := net.Listen(network, loopback(port))
	check(t, err)
	return func() { check(t, l.Close()) }
}

func TestUp_names_the_port_that_is_taken(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	for _, c := range []struct {
		name, network string
		offset        int
		owner         string // who has it, where that is told
	}{
		{"REST", "tcp", offsets.rest, ""},
		{"gRPC", "tcp", offsets.grpc, ""},
		{"admin", "tcp", offsets.admin, ""},
		{"nginx", "tcp", offsets.edge, fmt.Sprintf("process %d (%s", os.Getpid(), os.Args[0])},
		{"DNS", "tcp", offsets.dns, ""},
		{"DNS", "udp", offsets.dns, ""},
	} {
		t.Run(c.name+" "+c.network, func(t *testing.T) {
			release := occupy(t, c.network, i.base+c.offset)
			defer release()
			i.in(t).wantRefused(c.name, loopback(i.base+c.offset), c.owner, "--port-base")
		})
	}
	i.start()
}

func TestUp_leaves_a_data_directory_that_is_in_use(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	second := *i
	second.base = portBase(t)
	if said := second.refuse(); !strings.Contains(said, fmt.Sprintf("in use by process %d", i.running.command.Process.Pid)) ||
		!strings.Contains(said, i.data("lock")) || !strings.Contains(said, "--data-dir") {
		t.Errorf("it says: %s", said)
	}
	if err := i.down(); err == nil || !strings.Contains(err.Error(), "in use by process") {
		t.Errorf("down under a running up: %v", err)
	}
	i.awaitActive(i.create("shop", "--origin", startOrigin(t, "shop")))
}

// F29: an older siteplane on the data of a newer one.
func TestUp_leaves_the_database_of_a_newer_version(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	id := i.create("shop", "--origin", startOrigin(t, "shop"))
	i.awaitActive(id)
	i.stop()
	const newer = 9001
	i.execute("INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, 1)", newer)
	said := i.refuse()
	for _, want := range []string{i.data("siteplane.db"), strconv.Itoa(newer), "newer siteplane", "restore a backup"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q: %s", want, said)
		}
	}
	i.wantServed("shop", "shop") // nginx goes on
	i.execute("DELETE FROM goose_db_version WHERE version_id = ?", newer)
	i.start()
	i.awaitActive(id)
}

// execute changes the database of an installation that is not up.
func (i *installation) execute(statement string, args ...any) {
	i.t.Helper()
	db, err := sql.Open("sqlite", i.data("siteplane.db"))
	check(i.t, err)
	defer db.Close()
	result, err := db.ExecContext(i.t.Context(), statement, args...)
	check(i.t, err)
	if changed, err := result.RowsAffected(); err != nil || changed != 1 {
		i.t.Fatalf("%d rows changed (error %v), want 1", changed, err)
	}
}
