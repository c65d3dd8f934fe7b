package generation_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
)

func newStore(t *testing.T) (*generation.Store, string) {
	t.Helper()
	dir := t.TempDir()
	store, err := generation.NewStore(dir)
	check(t, err)
	return store, dir
}

// swap makes text the content of a generation.
func swap(t *testing.T, store *generation.Store, number uint64, text string) (undo func() error) {
	t.Helper()
	staged, err := store.Stage([]generation.File{{Name: "a.conf", Data: []byte(text)}})
	check(t, err)
	check(t, staged.Sync())
	undo, err = staged.Swap(number)
	check(t, err)
	return undo
}

func wantCurrent(t *testing.T, store *generation.Store, number uint64, text string) {
	t.Helper()
	current, ok := store.Current()
	files, err := store.Read()
	check(t, err)
	if !ok || current != number || len(files) != 1 || string(files[0].Data) != text {
		t.Errorf("current is %d with %v, want %d with %s", current, files, number, text)
	}
}

func TestSwap(t *testing.T) {
	t.Run("and back to another generation", func(t *testing.T) {
		store, _ := newStore(t)
		swap(t, store, 6, "six")
		undo := swap(t, store, 7, "seven")
		wantCurrent(t, store, 7, "seven")
		check(t, undo())
		wantCurrent(t, store, 6, "six")
	})
	t.Run("and back within one generation", func(t *testing.T) {
		store, _ := newStore(t)
		swap(t, store, 6, "six")
		undo := swap(t, store, 6, "repaired")
		wantCurrent(t, store, 6, "repaired")
		check(t, undo())
		wantCurrent(t, store, 6, "six")
	})
	t.Run("and back to nothing", func(t *testing.T) {
		store, dir := newStore(t)
		check(t, swap(t, store, 6, "six")())
		if _, ok := store.Current(); ok {
			t.Error("there is a current generation")
		}
		if _, err := os.Lstat(filepath.Join(dir, "current")); !os.IsNotExist(err) {
			t.Errorf("current is there: %v", err)
		}
	})
}

func TestPrune_keeps_what_it_is_told(t *testing.T) {
	store, dir := newStore(t)
	for number := range uint64(5) {
		swap(t, store, number, "text")
	}
	_, err := store.Stage(nil)
	check(t, err)
	check(t, store.Prune(4, 3))
	entries, err := os.ReadDir(filepath.Join(dir, "generations"))
	check(t, err)
	if len(entries) != 2 || entries[0].Name() != "3" || entries[1].Name() != "4" {
		t.Errorf("left are %v", entries)
	}
	wantCurrent(t, store, 4, "text")
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
