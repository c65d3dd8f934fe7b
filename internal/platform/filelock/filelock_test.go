package filelock_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/siteplane/siteplane/internal/platform/filelock"
)

func TestTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := filelock.Take(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("refuses a second holder and names the first", func(t *testing.T) {
		_, err := filelock.Take(path)
		var other *filelock.HeldError
		if !errors.As(err, &other) || other.Holder != strconv.Itoa(os.Getpid()) || other.Path != path {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("is free once it is closed", func(t *testing.T) {
		if err := held.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := filelock.Take(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("says where it could not be made", func(t *testing.T) {
		if _, err := filelock.Take(filepath.Join(t.TempDir(), "none", "lock")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("error is %v", err)
		}
	})
}
