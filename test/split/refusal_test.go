package split

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/siteplane/siteplane/internal/platform/identity"
)

// refused runs a program that must end by itself, and returns the one line that it
// says.
func (i *Installation) refused(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, i.program(name), args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() < 1 {
		t.Fatalf("%s ended with %v: %s", name, err, said.String())
	}
	text := said.String()
	if !strings.HasPrefix(text, name+": ") || strings.Count(text, "\n") != 1 {
		t.Errorf("it does not say one line: %s", text)
	}
	return text
}

// copied is the folder of a program in a place of its own, to be spoiled.
func (i *Installation) copied(t *testing.T, folder string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.CopyFS(dir, os.DirFS(i.path("pki", folder))))
	for _, file := range []string{"tls.crt", "tls.key", "ca.crt"} {
		must(t, os.Chmod(filepath.Join(dir, file), 0o600))
	}
	return dir
}

func TestPrograms_name_what_is_wrong_and_the_remedy(t *testing.T) {
	i := setup(t)
	stranger, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.local")
	must(t, err)
	own, err := identity.LoadOrCreateCA(i.path("pki"), "siteplane.local")
	must(t, err)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	spoilt := func(spoil func(dir string)) func(t *testing.T) []string {
		return func(t *testing.T) []string {
			dir := i.copied(t, "tunnel")
			spoil(dir)
			return []string{"--pki", dir, "--listen", "127.0.0.1:0"}
		}
	}
	for name, c := range map[string]struct {
		program string
		args    func(t *testing.T) []string
		says    []string
	}{
		"no certificate": {Tunnel, func(*testing.T) []string { return nil }, []string{"--pki: is missing", "siteplane pki init"}},
		"missing files": {Tunnel, spoilt(func(dir string) { must(t, os.Remove(filepath.Join(dir, "tls.key"))) }),
			[]string{"missing are", "tls.key", "siteplane pki init"}},
		"a key that others may read": {Tunnel, spoilt(func(dir string) { must(t, os.Chmod(filepath.Join(dir, "tls.key"), 0o644)) }),
			[]string{"may be read by others", "chmod 600"}},
		"an expired certificate": {Tunnel, spoilt(func(dir string) {
			_, err := own.WriteIdentity(dir, "/service/tunnel", time.Nanosecond)
			must(t, err)
		}), []string{"expired on", "pki init --renew"}},
		"another CA": {Tunnel, spoilt(func(dir string) {
			must(t, os.WriteFile(filepath.Join(dir, "ca.crt"), stranger.CertificatePEM(), 0o600))
		}), []string{"does not come from the CA", "the same `siteplane pki init DIR`"}},
		"another program's folder": {EdgeAgent, func(t *testing.T) []string {
			return []string{"--pki", i.copied(t, "tunnel"), "--listen", "127.0.0.1:0", "--dir", i.EdgeDir(), "--runtime-dir", i.runtimeDir, "--public-listen", i.Edge()}
		}, []string{"/service/tunnel, not for an edge", "pki init --edge NAME"}},
		"an address in use": {DNSValidator, func(*testing.T) []string {
			return []string{"--pki", i.path("pki", "dnsvalidator"), "--listen", taken.Addr().String()}
		}, []string{"--listen " + taken.Addr().String(), "in use by another process", "give another address"}},
		"settings, all at once": {DNSValidator, func(*testing.T) []string {
			return []string{"--pki", i.path("pki", "dnsvalidator"), "--probe-port", "many", "--dns-resolver", "here", "--listen", "nowhere"}
		}, []string{`--probe-port "many"`, `dns.resolvers: "here"`, `--listen "nowhere"`, "--help"}},
		"no token file": {Tunnel, func(*testing.T) []string {
			return []string{"--pki", i.path("pki", "tunnel"), "--backend", "cloudflare", "--cloudflare-token-file", "/none"}
		}, []string{"--cloudflare-token-file", "/none", "tunnel.state-dir: is missing", "account-id"}},
		"an edge that is none": {Lifecycle, func(*testing.T) []string {
			return []string{"--pki", i.path("pki", "lifecycle"), "--edge", "fra1=edge_1@127.0.0.1:1", "--edge", "x"}
		}, []string{`--edge "fra1=edge_1@127.0.0.1:1"`, "pki init --edge fra1", `--edge "x": must be NAME=ID@HOST:PORT`}},
	} {
		t.Run(name, func(t *testing.T) {
			text := i.refused(t, c.program, c.args(t)...)
			for _, word := range c.says {
				if !strings.Contains(text, word) {
					t.Errorf("it does not say %q: %s", word, text)
				}
			}
		})
	}
}

func TestLifecycle_names_what_is_wrong_with_its_database(t *testing.T) {
	i := setup(t)
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		says  []string
	}{
		"damaged": {func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o600))
		}, []string{"damaged or no database", "restore a backup"}},
		"a directory": {func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o700)) }, []string{"is a directory"}},
		"locked by another program": {func(t *testing.T, path string) {
			db, err := sql.Open("sqlite", path)
			must(t, err)
			t.Cleanup(func() { must(t, db.Close()) })
			conn, err := db.Conn(t.Context())
			must(t, err)
			_, err = conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE")
			must(t, err)
		}, []string{"locked by another process", "fuser"}},
		"held by another lifecycle": {func(t *testing.T, path string) {
			must(t, i.Restart(t.Context(), Lifecycle))
			t.Cleanup(func() { must(t, i.Terminate(Lifecycle)) })
			must(t, os.Symlink(i.Database()+".lock", path+".lock"))
		}, []string{"in use by process", "stop that process"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "siteplane.db")
			c.spoil(t, path)
			text := i.refused(t, Lifecycle, "--pki", i.path("pki", "lifecycle"), "--database", path,
				"--listen-grpc", "127.0.0.1:0", "--listen-rest", "127.0.0.1:0", "--listen-admin", "127.0.0.1:0")
			for _, word := range append(c.says, path) {
				if !strings.Contains(text, word) {
					t.Errorf("it does not say %q: %s", word, text)
				}
			}
		})
	}
}

// A callee from another CA is there and is not believed: lifecycle goes on, and
// says that it is not for want of a listener.
func TestLifecycle_tells_a_stranger_from_a_service_that_is_missing(t *testing.T) {
	i := setup(t)
	stranger, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.local")
	must(t, err)
	_, err = stranger.WriteIdentity(i.path("pki", "tunnel"), "/service/tunnel", time.Hour)
	must(t, err)
	must(t, i.processes[Tunnel].Start())
	must(t, i.Restart(t.Context(), Lifecycle))
	i.logged(t, Lifecycle, "service cannot be reached", `"peer":"tunnel"`, "folders from the same `siteplane pki init`")
}
