package generation_test

import (
	"errors"
	"os"
	"testing"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
)

// Files are read back in pieces; the sums that Sync found are kept.
func TestStaged_Sync_pieces(t *testing.T) {
	data := make([]byte, 64<<10)
	stage := func(t *testing.T) *generation.Staged {
		t.Helper()
		store, err := generation.NewStore(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		staged, err := store.Stage([]generation.File{{Name: "a.conf", Data: data}, {Name: "b.conf"}})
		if err != nil {
			t.Fatal(err)
		}
		return staged
	}
	t.Run("sums", func(t *testing.T) {
		staged := stage(t)
		if err := staged.Sync(); err != nil {
			t.Fatal(err)
		}
		if sums := staged.Sums(); len(sums) != 2 || sums["a.conf"] != generation.Sum(data) || sums["b.conf"] != generation.Sum(nil) {
			t.Errorf("got %v", sums)
		}
	})
	t.Run("a piece too many", func(t *testing.T) {
		staged := stage(t)
		if err := os.WriteFile(staged.Path("a.conf"), append(data, 'x'), 0o600); err != nil {
			t.Fatal(err)
		}
		damaged := new(generation.DamagedError)
		if err := staged.Sync(); !errors.As(err, &damaged) || damaged.Path != staged.Path("a.conf") {
			t.Errorf("got %v", err)
		}
	})
}
