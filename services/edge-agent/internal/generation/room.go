package generation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Need is what will be written below a directory.
type Need struct {
	Dir string
	// Bytes and Files, directories among them; see Add.
	Bytes, Files int64
}

// block is what the smallest file takes on the usual file systems.
const block = 4 << 10

// Add adds a file or directory of so many bytes.
func (n *Need) Add(bytes int) {
	n.Bytes += (int64(bytes) + block - 1) / block * block
	n.Files++
}

// FullError says that a file system cannot take what is to be written.
type FullError struct {
	Dir string
	// What is short, bytes or files, how much of it is needed and free.
	What       string
	Need, Free int64
}

// Error names the place and how much is to be freed.
func (e *FullError) Error() string {
	return fmt.Sprintf("the file system of %s is full: %d %s are needed, %d are free; nothing was changed", e.Dir, e.Need, e.What, e.Free)
}

// spareBytes and spareFiles stay free, for logs and for what nginx makes.
const (
	spareBytes = 64 << 10
	spareFiles = 4
)

// CheckRoom tells, before anything is written, whether the file systems take it:
// one that is full still takes renames, and with them short files. The error is a
// *FullError. Directories of one file system share its room.
func CheckRoom(needs ...Need) error {
	together := map[uint64]Need{}
	for _, need := range needs {
		var stat unix.Stat_t
		if err := unix.Stat(need.Dir, &stat); err != nil {
			return fmt.Errorf("look for room in %s: %w", need.Dir, err)
		}
		sum := together[stat.Dev]
		together[stat.Dev] = Need{Dir: need.Dir, Bytes: sum.Bytes + need.Bytes, Files: sum.Files + need.Files}
	}
	for _, need := range together {
		if err := need.check(); err != nil {
			return err
		}
	}
	return nil
}

func (n Need) check() error {
	var free unix.Statfs_t
	if err := unix.Statfs(n.Dir, &free); err != nil {
		return fmt.Errorf("look for room in %s: %w", n.Dir, err)
	}
	bytes := int64(free.Bavail) * free.Bsize
	if need := n.Bytes + spareBytes; bytes < need {
		return &FullError{Dir: n.Dir, What: "bytes", Need: need, Free: bytes}
	}
	// A file system without a limit of files says 0.
	if need := n.Files + spareFiles; free.Files > 0 && int64(free.Ffree) < need {
		return &FullError{Dir: n.Dir, What: "files", Need: need, Free: int64(free.Ffree)}
	}
	return nil
}

// CheckWritable tells, before anything is touched, whether files can be made in
// each of the directories: a disk that failed may be read-only by now, and a
// directory immutable. One that is not there is made later. The error is that of
// the system.
func CheckWritable(dirs ...string) error {
	for _, dir := range dirs {
		file, err := os.CreateTemp(dir, ".writable-*")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("nothing can be written, and nothing was changed: %w", err)
		}
		if err := errors.Join(file.Close(), os.Remove(file.Name())); err != nil {
			return fmt.Errorf("nothing can be written, and nothing was changed: %w", err)
		}
	}
	return nil
}
