package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestRun_keeps_its_key_and_its_kept_zones(t *testing.T) {
	dir := t.TempDir()
	key, kept := filepath.Join(dir, "key"), filepath.Join(dir, "tenants.zone")
	if err := os.WriteFile(kept, []byte("www.example.test. 60 IN A 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	args := []string{"-addr", "127.0.0.1:0", "-key-file", key, "-zone", "empty.example", "-kept-zone", "example.test=" + kept}
	if err := run(ctx, args); err != nil {
		t.Fatal(err)
	}
	first := read(t, key)
	if err := run(ctx, args); err != nil {
		t.Fatal(err)
	}
	if read(t, key) != first {
		t.Error("the second start made another key")
	}
}

func TestRun_refuses(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(empty, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"a kept zone without file":     {"-kept-zone", "example.test"},
		"a zone whose file is missing": {"-zone", "example.test=/none"},
		"a key file without key":       {"-key-file", empty},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(t.Context(), append(args, "-addr", "127.0.0.1:0")); err == nil {
				t.Error("there is no error")
			}
		})
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
