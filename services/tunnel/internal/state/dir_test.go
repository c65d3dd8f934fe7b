package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/fence"
)

func open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// reopen is what a restart does.
func reopen(t *testing.T, d *Dir) *Dir {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return open(t, d.path)
}

func TestOpen_refuses_a_second_process(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "here")
	d := open(t, path)
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error is %v", err)
	}
	reopen(t, d)
}

// A damaged file stops the start and stays as it is: the fence is never reset.
func TestOpen_refuses_a_damaged_file(t *testing.T) {
	for _, name := range []string{fenceFile, budgetFile, busyFile, versionFile} {
		path := t.TempDir()
		file := filepath.Join(path, name)
		for _, content := range []string{"", "{", "[]", "\x00\x00", "{}", "null", `{"era":1}`} {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path)
			if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("%s with %q: error is %v", name, content, err)
			}
			if now, err := os.ReadFile(file); err != nil || string(now) != content {
				t.Errorf("%s is %q now, error %v", name, now, err)
			}
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		open(t, path) // The failed starts hold no lock.
	}
}

func TestDir_Raise_keeps_the_highest_fence(t *testing.T) {
	d := open(t, t.TempDir())
	for _, tt := range []struct {
		f    fence.Fence
		want bool
	}{
		{fence.Fence{Era: 1, Epoch: 5, Generation: 5}, true},
		{fence.Fence{Era: 1, Epoch: 5, Generation: 5}, true},
		{fence.Fence{Era: 1, Epoch: 5, Generation: 4}, false},
		{fence.Fence{Era: 1, Epoch: 4, Generation: 9}, false},
		{fence.Fence{Era: 0, Epoch: 9, Generation: 9}, false},
		{fence.Fence{Era: 1, Epoch: 6, Generation: 0}, true},
		{fence.Fence{Era: 2, Epoch: 0, Generation: 0}, true},
		{fence.Fence{Era: 1, Epoch: 9, Generation: 9}, false},
	} {
		d = reopen(t, d)
		err := d.Raise(tt.f)
		var stale *fence.Stale
		if errors.As(err, &stale) == tt.want || tt.want && err != nil {
			t.Errorf("%s: %v, want it let in: %t", tt.f, err, tt.want)
		}
		if checked := d.Check(tt.f); (checked == nil) != tt.want {
			t.Errorf("%s: checked %v", tt.f, checked)
		}
	}
}

// A fence that cannot be written down is not let in.
func TestDir_Raise_needs_the_disk(t *testing.T) {
	d := open(t, t.TempDir())
	if err := os.Mkdir(filepath.Join(d.path, fenceFile+".new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Raise(fence.Fence{Era: 7}); err == nil {
		t.Error("the fence was taken")
	}
	if err := d.Check(fence.Fence{Era: 6}); err != nil {
		t.Errorf("the fence is in memory: %v", err)
	}
}

// After Close the directory is the next process's.
func TestDir_writes_nothing_once_closed(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Raise": d.Raise(fence.Fence{Era: 1}), "MarkBusy": d.MarkBusy(time.Now().Add(time.Minute)),
		"ClearBusy": d.ClearBusy(), "Block": d.Block(time.Minute), "NoteOurs": d.NoteOurs("t", 1),
	} {
		if err == nil {
			t.Errorf("%s is let through", name)
		}
	}
	if files, err := os.ReadDir(d.path); err != nil || len(files) != 1 {
		t.Errorf("the directory has %v, error %v", files, err)
	}
}
