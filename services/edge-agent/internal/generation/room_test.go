package generation_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/siteplane/siteplane/services/edge-agent/internal/generation"
)

func TestCheckRoom(t *testing.T) {
	dir := t.TempDir()
	t.Run("passes what fits", func(t *testing.T) {
		check(t, generation.CheckRoom(generation.Need{Dir: dir, Bytes: 1, Files: 1}))
	})
	t.Run("refuses more bytes than there are, and says how many", func(t *testing.T) {
		err := generation.CheckRoom(generation.Need{Dir: dir, Bytes: math.MaxInt64 / 2})
		wantFull(t, err, "bytes")
		if !strings.Contains(err.Error(), dir) {
			t.Errorf("%v does not name %s", err, dir)
		}
	})
	t.Run("counts directories of one file system together", func(t *testing.T) {
		other := filepath.Join(dir, "other")
		check(t, os.Mkdir(other, 0o700))
		var free syscall.Statfs_t
		check(t, syscall.Statfs(dir, &free))
		most := int64(free.Bavail) * free.Bsize / 100 * 60
		check(t, generation.CheckRoom(generation.Need{Dir: dir, Bytes: most}))
		wantFull(t, generation.CheckRoom(generation.Need{Dir: dir, Bytes: most}, generation.Need{Dir: other, Bytes: most}), "bytes")
	})
	t.Run("counts the smallest file as a block", func(t *testing.T) {
		var need generation.Need
		need.Add(1)
		need.Add(5000)
		need.Add(0)
		if need.Bytes != 3*4096 || need.Files != 3 {
			t.Errorf("the need is %+v", need)
		}
	})
}

func wantFull(t *testing.T, err error, what string) {
	t.Helper()
	var full *generation.FullError
	if !errors.As(err, &full) || full.What != what {
		t.Errorf("got %v", err)
	}
}

// V10: a disk may take a file and keep less of it.
func TestSync_reads_back_what_was_written(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"cut short": func(path string) error { return os.Truncate(path, 3) },
		"changed":   func(path string) error { return os.WriteFile(path, []byte("other."), 0o600) },
		"empty":     func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			store, _ := newStore(t)
			staged, err := store.Stage([]generation.File{{Name: "a.conf", Data: []byte("first.")}, {Name: "b.conf", Data: []byte("second")}})
			check(t, err)
			check(t, spoil(staged.Path("a.conf")))
			var damaged *generation.DamagedError
			if err := staged.Sync(); !errors.As(err, &damaged) || damaged.Path != staged.Path("a.conf") {
				t.Errorf("got %v", err)
			}
		})
	}
}
