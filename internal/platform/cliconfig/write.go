package cliconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Write puts the config into a file, which only its owner may read. A crash
// leaves the old file or the new one. The directory is made when missing. A
// config that Read would refuse is refused here.
func Write(path string, config Config) error {
	if err := config.Validate(); err != nil {
		return fmt.Errorf("write config file %s: %w", path, err)
	}
	data, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return fmt.Errorf("encode config file %s: %w", path, err)
	}
	if err := replace(path, append(data, '\n')); err != nil {
		return fmt.Errorf("write config file %s: %w", path, err)
	}
	return nil
}

func replace(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// Made with mode 0600, so the key is never readable by others, not even
	// for a moment.
	file, err := os.CreateTemp(dir, ".cli-*.json")
	if err != nil {
		return err
	}
	if err := errors.Join(fill(file, data), file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return syncDir(dir)
}

func fill(file *os.File, data []byte) error {
	if _, err := file.Write(data); err != nil {
		return err
	}
	return file.Sync()
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
