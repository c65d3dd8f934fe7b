package identity

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// create writes a file of mode 0600 that appears whole or not at all, and that
// survives a power cut once create returns. A file that is already there stays
// as it is and is no error.
func create(file string, data []byte) error {
	dir := filepath.Dir(file)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(file)+"-*")
	if err != nil {
		return fmt.Errorf("make temporary file: %w", err)
	}
	defer os.Remove(temp.Name())
	if err := writeSync(temp, data); err != nil {
		return fmt.Errorf("write %s: %w", temp.Name(), err)
	}
	// A link, unlike a rename, fails where the name is taken.
	if err := os.Link(temp.Name(), file); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("publish %s: %w", file, err)
	}
	return syncDir(dir)
}

// writeSync writes, syncs and closes. os.CreateTemp made the file 0600.
func writeSync(f *os.File, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
