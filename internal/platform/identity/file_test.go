package identity

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCreate(t *testing.T) {
	t.Run("leaves a file that is there", func(t *testing.T) {
		dir := t.TempDir()
		file := filepath.Join(dir, "ca.key")
		for _, data := range []string{"first", "second"} {
			if err := create(file, []byte(data)); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != "first" {
			t.Errorf("the file holds %q (%v)", got, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("left over: %v (%v)", entries, err)
		}
	})
	t.Run("reports a directory that is not there", func(t *testing.T) {
		if err := create(filepath.Join(t.TempDir(), "none", "ca.key"), nil); err == nil {
			t.Error("no error")
		}
	})
}
