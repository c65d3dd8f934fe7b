package generation

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Reader reads what lies in the directory of the agent. Nothing that it has can
// change anything there.
type Reader struct{ dir string }

// Reader returns a reader of the directory.
func (s *Store) Reader() Reader { return Reader{dir: s.dir} }

// Path returns where a file of a generation is.
func (r Reader) Path(generation uint64, name string) string {
	return filepath.Join(r.dir, Below(generation, name))
}

const (
	// mostRead bounds what is read of one file; 100,000 sites need a tenth of it.
	mostRead = 256 << 20
	// mostSwaps is how many generations may pass under one reading.
	mostSwaps = 5
)

// Files returns the files of the current generation that can be read, in the order
// of their names: all of one generation, even while it is swapped. Without a
// current generation there are none.
func (r Reader) Files() ([]File, error) {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return nil, fmt.Errorf("read the current generation: %w", err)
	}
	defer func() { _ = root.Close() }()
	for range mostSwaps {
		below := current(root)
		if below == "" {
			return nil, nil
		}
		files, still, err := readAll(root, below)
		if err == nil && still && current(root) == below {
			return files, nil
		}
	}
	return nil, errors.New("read the current generation: it cannot be read, or is replaced again and again")
}

// current is where the link leads, empty when the store did not make it.
func current(root *os.Root) string {
	target, err := root.Readlink(LinkName)
	if err != nil {
		return ""
	}
	generation, err := strconv.ParseUint(filepath.Base(target), 10, 64)
	if err != nil || target != Below(generation, "") {
		return ""
	}
	return target
}

// readAll tells whether the directory still has its name in the end.
func readAll(root *os.Root, below string) (files []File, still bool, err error) {
	dir, err := root.OpenRoot(below)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = dir.Close() }()
	names, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return nil, false, err
	}
	for _, name := range names {
		if data, err := readRegular(dir, name.Name(), mostRead); err == nil {
			files = append(files, File{Name: name.Name(), Data: data})
		}
	}
	read, err := dir.Stat(".")
	if err != nil {
		return nil, false, err
	}
	named, err := root.Stat(below)
	return files, err == nil && os.SameFile(read, named), nil
}

// Read returns the first bytes of a file below the directory, not more than most.
// What is no file, or lies elsewhere, is an error.
func (r Reader) Read(below string, most int64) ([]byte, error) {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return readRegular(root, below, most)
}

func readRegular(root *os.Root, below string, most int64) ([]byte, error) {
	file, err := openRegular(root, below)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, most))
}

// openRegular does not wait for who writes into a pipe that somebody put there.
func openRegular(root *os.Root, below string) (*os.File, error) {
	if info, err := root.Lstat(below); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a file", below))
	}
	file, err := root.OpenFile(below, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, fmt.Errorf("%s is not a file", below), file.Close())
	}
	return file, nil
}
