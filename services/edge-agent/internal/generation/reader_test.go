package generation_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
)

func TestReader_Files(t *testing.T) {
	names := func(t *testing.T, store *generation.Store) string {
		t.Helper()
		files, err := store.Reader().Files()
		check(t, err)
		var names []string
		for _, file := range files {
			names = append(names, file.Name+"="+string(file.Data))
		}
		return strings.Join(names, " ")
	}
	t.Run("are those of the current generation", func(t *testing.T) {
		store, _ := newStore(t)
		swap(t, store, 6, "six")
		swap(t, store, 7, "seven")
		if got := names(t, store); got != "a.conf=seven" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("are none without a generation, or where the link leads elsewhere", func(t *testing.T) {
		store, dir := newStore(t)
		if got := names(t, store); got != "" {
			t.Errorf("got %q", got)
		}
		check(t, os.Symlink("/etc", filepath.Join(dir, "current")))
		if got := names(t, store); got != "" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("are none from outside", func(t *testing.T) {
		store, dir := newStore(t)
		swap(t, store, 6, "six")
		outside := t.TempDir()
		check(t, os.WriteFile(filepath.Join(outside, "b.conf"), []byte("secret"), 0o600))
		check(t, os.Symlink(filepath.Join(outside, "b.conf"), store.CurrentPath("b.conf")))
		if got := names(t, store); got != "a.conf=six" {
			t.Errorf("got %q", got)
		}
		if data, err := store.Reader().Read("generations/6/b.conf", 100); err == nil {
			t.Errorf("read %q", data)
		}
		check(t, os.Rename(filepath.Join(dir, "generations", "6"), filepath.Join(outside, "6")))
		check(t, os.Symlink(filepath.Join(outside, "6"), filepath.Join(dir, "generations", "6")))
		if files, err := store.Reader().Files(); err == nil && len(files) > 0 {
			t.Errorf("got %v", files)
		}
	})
}

func TestReader_Files_are_of_one_generation(t *testing.T) {
	store, _ := newStore(t)
	both := func(number, version uint64) {
		text := []byte(strconv.FormatUint(version, 10))
		staged, err := store.Stage([]generation.File{{Name: "a.conf", Data: text}, {Name: "b.conf", Data: text}})
		check(t, err)
		_, err = staged.Swap(number)
		check(t, err)
		check(t, store.Prune(number))
	}
	both(1, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for number := uint64(2); number < 60; number++ {
			both(number/3, number) // others of one generation, too
		}
	}()
	reader := store.Reader()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		// One that finds no rest says so instead of mixing.
		if files, err := reader.Files(); err == nil && (len(files) != 2 || string(files[0].Data) != string(files[1].Data)) {
			t.Fatalf("got %v", files)
		}
	}
}
