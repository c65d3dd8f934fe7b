// Package e2e proves what Siteplane promises against the real thing: the built
// program as a process, real nginx, real DNS queries, a database file. It talks
// to the product as a user does, through the CLI and the public listeners.
//
// It must not look into the product: what a user cannot see, a test here may
// not need. The exception is validator_test.go, which starts lifecycle as the
// library that it is, because `siteplane up` brings a validator that works.
//
// Every installation has its own data directory, its own temporary directory
// and its own block of ports, so tests run beside each other and beside other
// programs. docs/faults.md lists which fault each test stands for.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the siteplane that every test runs.
var program string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "siteplane-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "siteplane")
	build := exec.Command("go", "build", "-o", program, "github.com/siteplane/siteplane/cmd/siteplane")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build siteplane: %v\n%s", err, output)
		return 1
	}
	return m.Run()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
