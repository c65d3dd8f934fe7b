package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"errors"
	"github.com/siteplane/siteplane/services/lifecycle"
)

// The disk of the database is full (F27): nothing is written, everything can be read, and
// it goes on when there is room again.
func TestDisk_full(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	t.Parallel()
	dir := directory(t)
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=160m"))
	t.Cleanup(func() { must(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	server := startIn(t, dir)
	must(t, server.Exec(t.Context(), "postgres", "CREATE DATABASE siteplane"))
	l := newLedger(t, server.DSN("siteplane"))
	s := l.open(Config{})
	must(t, l.add(t.Context(), s, "before"))

	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast)
	var answers told
	var full error
	for n := 0; full == nil && n < 20000; n++ {
		full = answers.add(t.Context(), l, s, fmt.Sprintf("%d-%s", n, strings.Repeat("x", 2000)))
	}
	var down *lifecycle.UnavailableError
	if !errors.As(full, &down) {
		t.Fatalf("the disk is full, and the answer is %v", full)
	}
	eventually(t, 20*time.Second, func() error { // the server may have to come back first
		_, err := l.look(t.Context(), s)
		return err
	})
	unavailableIn(t, answeredWithin, time.Now(), l.add(t.Context(), s, strings.Repeat("y", 2000)))

	must(t, os.Remove(ballast))
	eventually(t, 20*time.Second, func() error { return l.add(t.Context(), s, "after") })
	l.has("before", 1)
	l.has("after", 1)
	answers.check(l)
}

// fill writes a file until nothing more fits.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	must(t, err)
	for block := make([]byte, 64<<10); err == nil; {
		_, err = file.Write(block)
	}
	must(t, file.Close())
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
