package up

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// lock takes the data directory for this process alone. The lock ends with the
// process, however it ends.
func lock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data directory: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(path) // only for the message
		file.Close()
		return nil, fmt.Errorf("the data directory is in use by process %s (lock %s): stop it, or give another --data-dir",
			strings.TrimSpace(string(holder)), path)
	}
	if err := file.Truncate(0); err != nil {
		file.Close()
		return nil, fmt.Errorf("write the lock of the data directory: %w", err)
	}
	if _, err := fmt.Fprintf(file, "%d\n", os.Getpid()); err != nil {
		file.Close()
		return nil, fmt.Errorf("write the lock of the data directory: %w", err)
	}
	return file, nil
}
