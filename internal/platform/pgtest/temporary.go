package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/siteplane/siteplane/internal/platform/filelock"
)

const (
	// prefix is how our temporary directories are named. It is short for the sake
	// of sockets' paths.
	prefix = "pg-"
	// owner is the file in them whose lock their process holds.
	owner = "owner"
	// ownedWithin is how long a process has to take the lock of a directory that it
	// has made.
	ownedWithin = time.Minute
)

// temporary is a directory that goes with its process, or, where that was killed,
// when the next one makes one.
type temporary struct {
	path string
	lock *os.File
}

func makeTemporary(parent string) (*temporary, error) {
	sweep(parent)
	path, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return nil, fmt.Errorf("make a directory for the database server: %w", err)
	}
	lock, err := filelock.Take(filepath.Join(path, owner))
	if err != nil {
		return nil, fmt.Errorf("take the directory of the database server: %w", err)
	}
	return &temporary{path: path, lock: lock}, nil
}

func (t *temporary) remove() error {
	defer t.lock.Close()
	return os.RemoveAll(t.path)
}

// sweep removes the directories whose process is gone. What cannot be removed, or
// somebody else is removing, is left.
func sweep(parent string) {
	owners, _ := filepath.Glob(filepath.Join(parent, prefix+"*", owner)) // the pattern is right
	for _, file := range owners {
		info, err := os.Stat(file)
		if err != nil || time.Since(info.ModTime()) < ownedWithin {
			continue
		}
		if lock, err := filelock.Take(file); err == nil {
			_ = os.RemoveAll(filepath.Dir(file)) // the next one tries again
			lock.Close()
		}
	}
}
