package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMentions_finds_the_name_where_it_counts(t *testing.T) {
	root := t.TempDir()
	for path, content := range map[string]string{
		"logs/error.log": "a.example", "state/last_good.pb": "\x00a.example\x00", "state/fence.json": "{}",
		"generations/1/maps.conf": "a.example", "generations/2/maps.conf": "a.example", "generations/20/maps.conf": "a.example",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("generations/2", filepath.Join(root, "current")); err != nil {
		t.Fatal(err)
	}
	superseded, err := supersededIn(root)
	if err != nil {
		t.Fatal(err)
	}
	found, err := mentions(root, "a.example", func(path string) bool { return logs(path) || superseded(path) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"generations/2/maps.conf", "state/last_good.pb"}, found); diff != "" {
		t.Errorf("mentions (-want +got):\n%s", diff)
	}
}
