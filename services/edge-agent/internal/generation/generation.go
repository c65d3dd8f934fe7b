// Package generation keeps rendered files on disk, one directory for each
// generation, and the symlink that says which one nginx reads:
//
//	<dir>/generations/7/...
//	<dir>/current -> generations/7
//
// It must not know what the files mean or whether nginx took them.
//
// Invariants: current points at complete, synced files at every instant, also
// across a power loss; only names chosen here are ever written or removed.
package generation

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// Store is the directory of the agent.
type Store struct{ dir string }

// File is one file of a generation.
type File struct {
	Name string
	Data []byte
}

// NewStore makes the directories that are missing.
func NewStore(dir string) (*Store, error) {
	store := &Store{dir: dir}
	if err := os.MkdirAll(store.generations(), 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of generations: %w", err)
	}
	return store, nil
}

// Dir is where everything of the store is.
func (s *Store) Dir() string { return s.dir }

// Written are the directories in which files are made.
func (s *Store) Written() []string { return []string{s.dir, s.generations()} }

func (s *Store) generations() string { return filepath.Join(s.dir, "generations") }
func (s *Store) staging() string     { return filepath.Join(s.generations(), "staging") }
func (s *Store) current() string     { return filepath.Join(s.dir, LinkName) }

// Path returns where a file of a generation is.
func (s *Store) Path(generation uint64, name string) string {
	return filepath.Join(s.dir, Below(generation, name))
}

// CurrentPath returns where a file of the current generation is.
func (s *Store) CurrentPath(name string) string { return filepath.Join(s.current(), name) }

// Current returns the generation that nginx reads; ok is false when there is
// none, or when the link was not made here.
func (s *Store) Current() (generation uint64, ok bool) {
	target, err := os.Readlink(s.current())
	if err != nil {
		return 0, false
	}
	generation, err = strconv.ParseUint(filepath.Base(target), 10, 64)
	return generation, err == nil && target == Below(generation, "")
}

// Read returns the files of the current generation, all of them. Anything else
// in its place is an error.
func (s *Store) Read() ([]File, error) {
	entries, err := os.ReadDir(s.CurrentPath("."))
	if err != nil {
		return nil, fmt.Errorf("read the current generation: %w", err)
	}
	files := make([]File, 0, len(entries))
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			return nil, fmt.Errorf("read the current generation: %s is not a file", entry.Name())
		}
		data, err := os.ReadFile(s.CurrentPath(entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the current generation: %w", err)
		}
		files = append(files, File{Name: entry.Name(), Data: data})
	}
	return files, nil
}

// Staged is a set of files that nothing refers to yet.
type Staged struct {
	store *Store
	files []File
	// sums of the files, as they were read back.
	sums map[string]string
}

// Stage writes files, not synced yet. It replaces whatever was staged before.
func (s *Store) Stage(files []File) (*Staged, error) {
	staged := &Staged{store: s, files: files}
	if err := staged.Discard(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.generations(), 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of generations: %w", err)
	}
	return staged, WriteFiles(s.staging(), files)
}

// WriteFiles makes dir and writes files into it, without syncing.
func WriteFiles(dir string, files []File) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("write files: %w", err)
	}
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(dir, file.Name), file.Data, 0o600); err != nil {
			return fmt.Errorf("write files: %w", err)
		}
	}
	return nil
}

// Path returns where a staged file is.
func (s *Staged) Path(name string) string { return filepath.Join(s.store.staging(), name) }

// Discard removes the staged files.
func (s *Staged) Discard() error {
	if err := os.RemoveAll(s.store.staging()); err != nil {
		return fmt.Errorf("remove staged files: %w", err)
	}
	return nil
}

// DamagedError says that a disk does not give back what was written.
type DamagedError struct{ Path string }

// Error names the file.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s holds something else than was written and synced: the disk is full or broken", e.Path)
}

// Sync returns when the staged files are on the disk and were read back from
// there. The error may be a *DamagedError. After any error the files are not to be
// trusted, whatever a second try says.
func (s *Staged) Sync() error {
	var group errgroup.Group
	sums := make([]string, len(s.files))
	for i, file := range s.files {
		group.Go(func() (err error) {
			path := s.Path(file.Name)
			if err := sync(path); err != nil {
				return err
			}
			sums[i], err = readBack(path, file.Data)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	s.sums = make(map[string]string, len(s.files))
	for i, file := range s.files {
		s.sums[file.Name] = sums[i]
	}
	return sync(s.store.staging())
}

// Sums returns the sum of each file, as Sync read them back; before, there is none.
func (s *Staged) Sums() map[string]string { return s.sums }

// readBack compares a file with what was written, and returns the sum of what is
// there; the memory that it has been written from is dropped first, as far as the
// kernel follows.
func readBack(path string, want []byte) (sum string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read %s back: %w", path, err)
	}
	defer func() { _ = file.Close() }()
	if err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return "", fmt.Errorf("read %s back: %w", path, err)
	}
	found, same := sha256.New(), &comparison{want: want}
	if _, err := io.Copy(io.MultiWriter(found, same), file); err != nil {
		return "", fmt.Errorf("read %s back: %w", path, err)
	}
	if same.differs || len(same.want) > 0 {
		return "", &DamagedError{Path: path}
	}
	return hex.EncodeToString(found.Sum(nil)), nil
}

// comparison takes what is to be the same as want, piece by piece.
type comparison struct {
	// want is what is left.
	want    []byte
	differs bool
}

// Write implements io.Writer; it never fails.
func (c *comparison) Write(piece []byte) (int, error) {
	if !bytes.HasPrefix(c.want, piece) {
		c.differs = true
		return len(piece), nil
	}
	c.want = c.want[len(piece):]
	return len(piece), nil
}

// Swap makes synced files the current generation. undo makes the one before
// current again; call it at most once, before anything else is staged.
func (s *Staged) Swap(generation uint64) (undo func() error, err error) {
	before, had := s.store.Current()
	undoPlace, err := s.place(generation)
	if err != nil {
		return nil, err
	}
	undo = func() error {
		return errors.Join(s.store.point(before, had), undoPlace())
	}
	if err := s.store.point(generation, true); err != nil {
		return nil, errors.Join(err, undo())
	}
	return undo, nil
}

// place gives the staged files the name of the generation. Files that have it
// already change places with them, so that the name is never empty.
func (s *Staged) place(generation uint64) (undo func() error, err error) {
	from, to := s.store.staging(), s.store.Path(generation, "")
	flags := uint(unix.RENAME_NOREPLACE)
	if _, err := os.Lstat(to); err == nil {
		flags = unix.RENAME_EXCHANGE
	}
	if err := rename(from, to, flags); err != nil {
		return nil, err
	}
	undo = func() error {
		return errors.Join(rename(to, from, flags), sync(s.store.generations()))
	}
	return undo, sync(s.store.generations())
}

func rename(from, to string, flags uint) error {
	if err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// point swings the symlink atomically, or removes it.
func (s *Store) point(generation uint64, exists bool) error {
	if !exists {
		if err := os.Remove(s.current()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the current generation: %w", err)
		}
		return sync(s.dir)
	}
	next := s.current() + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("point at generation %d: %w", generation, err)
	}
	if err := os.Symlink(Below(generation, ""), next); err != nil {
		return fmt.Errorf("point at generation %d: %w", generation, err)
	}
	if err := s.clearCurrent(); err != nil {
		return fmt.Errorf("point at generation %d: %w", generation, err)
	}
	if err := os.Rename(next, s.current()); err != nil {
		return fmt.Errorf("point at generation %d: %w", generation, err)
	}
	return sync(s.dir)
}

// clearCurrent removes a directory that somebody put in the place of the link; a
// rename replaces everything else.
func (s *Store) clearCurrent() error {
	info, err := os.Lstat(s.current())
	if err != nil || !info.IsDir() {
		return nil
	}
	return os.RemoveAll(s.current())
}

// Prune removes every generation but those to keep, and what was staged.
func (s *Store) Prune(keep ...uint64) error {
	entries, err := os.ReadDir(s.generations())
	if err != nil {
		return fmt.Errorf("prune generations: %w", err)
	}
	for _, entry := range entries {
		generation, err := strconv.ParseUint(entry.Name(), 10, 64)
		if err == nil && slices.Contains(keep, generation) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.generations(), entry.Name())); err != nil {
			return fmt.Errorf("prune generations: %w", err)
		}
	}
	return nil
}

// sync flushes a file or directory.
func sync(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", path, err)
	}
	return nil
}
