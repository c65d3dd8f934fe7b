package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
)

// The reference is the same on every machine, so it is written here in a home and
// with a terminal that are not its writer's.
func TestReference_is_fresh(t *testing.T) {
	want, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"", "/var/lib"} {
		t.Setenv("HOME", t.TempDir())
		t.Setenv("XDG_STATE_HOME", state)
		file := filepath.Join(t.TempDir(), "cli.md")
		root := commands()
		root.SetArgs([]string{"cli-docs", file})
		if code := cli.Execute(t.Context(), root); code != cli.ExitOK {
			t.Fatalf("exit code %d", code)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/cli.md is stale; `make generate` writes it anew")
		}
	}
}
