package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDocument_isFresh(t *testing.T) {
	committed, err := os.ReadFile("../../../../docs/state-machines.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(committed), document()); diff != "" {
		t.Fatalf("run go run ./services/lifecycle/cmd/diagrams docs/state-machines.md (-committed +fresh):\n%s", diff)
	}
}

func TestRun(t *testing.T) {
	t.Run("writes the document to a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "out.md")
		if err := run([]string{path}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != document() {
			t.Fatalf("got %q, %v", got, err)
		}
	})
	t.Run("refuses two files", func(t *testing.T) {
		if err := run([]string{"one", "two"}); err == nil {
			t.Fatal("taken")
		}
	})
}
