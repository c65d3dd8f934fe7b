package generation

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Entry is something on disk, as it is found.
type Entry struct {
	Name string
	// Sum is Sum of the contents; empty when it is no file that can be read.
	Sum string
	// Modified is when the contents changed last, Owner who owns it now.
	Modified time.Time
	Owner    int
}

// Sum is a hash of the contents of a file.
func Sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Below returns the path of a file of a generation below the directory of the
// agent; without a name, that of the generation.
func Below(generation uint64, name string) string {
	return filepath.Join("generations", strconv.FormatUint(generation, 10), name)
}

// Link returns where current leads, empty when it is no link.
func (s *Store) Link() (target string, entry Entry) {
	target, err := os.Readlink(s.current())
	if err != nil {
		target = ""
	}
	return target, s.nearest(LinkName)
}

// LinkName is the name of the link that nginx is started with.
const LinkName = "current"

// Look returns what the directory of a generation holds, whether files or not,
// and the directory itself.
func (s *Store) Look(generation uint64) (entries []Entry, dir Entry) {
	below := Below(generation, "")
	names, err := os.ReadDir(filepath.Join(s.dir, below))
	if err != nil {
		return nil, s.nearest(below)
	}
	for _, name := range names {
		entry, err := s.entry(filepath.Join(below, name.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		entry.Name = name.Name()
		entries = append(entries, entry)
	}
	return entries, s.nearest(below)
}

// nearest returns the entry at a path, or the directory nearest to it: the one
// whose modification took it away.
func (s *Store) nearest(below string) Entry {
	entry, err := s.entry(below)
	if err == nil || below == "." {
		return entry
	}
	return s.nearest(filepath.Dir(below))
}

// entry never follows links and opens nothing but files.
func (s *Store) entry(below string) (Entry, error) {
	path := filepath.Join(s.dir, below)
	info, err := os.Lstat(path)
	if err != nil {
		return Entry{}, err
	}
	entry := Entry{Name: below, Modified: info.ModTime()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		entry.Owner = int(stat.Uid)
	}
	if !info.Mode().IsRegular() {
		return entry, nil
	}
	// One that cannot be read is as good as changed.
	if sum, err := sumFile(path); err == nil {
		entry.Sum = sum
	}
	return entry, nil
}

// sumFile is Sum of a file of any size. It does not wait for whoever writes into a
// pipe that took the file's place.
func sumFile(path string) (string, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
