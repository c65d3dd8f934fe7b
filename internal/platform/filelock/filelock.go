// Package filelock owns how a process takes a place on disk for itself alone.
//
// It knows nothing of what lies there. Invariants: one process at a time holds a
// lock; a lock ends with its process, however that ends, and its file stays.
package filelock

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// HeldError says that another process has the lock.
type HeldError struct {
	// Path is the lock file, Holder the process id that is written in it.
	Path, Holder string
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("in use by process %s (lock %s)", e.Holder, e.Path)
}

// Take takes the lock of a file, which is made where it is missing, and writes
// the process id into it. Closing the file frees the lock. A lock that another
// process has is a *HeldError.
func Take(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(path) // only for the message
		file.Close()
		return nil, &HeldError{Path: path, Holder: strings.TrimSpace(string(holder))}
	}
	if err := file.Truncate(0); err != nil {
		file.Close()
		return nil, fmt.Errorf("write the lock: %w", err)
	}
	if _, err := fmt.Fprintf(file, "%d\n", os.Getpid()); err != nil {
		file.Close()
		return nil, fmt.Errorf("write the lock: %w", err)
	}
	return file, nil
}
