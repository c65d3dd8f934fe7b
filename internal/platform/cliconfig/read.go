package cliconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxSize bounds what is read; a real file has a few kilobytes.
const maxSize = 1 << 20

const elsewhere = "start an installation with `siteplane up`, name the file of one with --config or " + EnvPath +
	", or give it a name with `siteplane context add`"

var (
	errMissing = errors.New("does not exist")
	errLoose   = errors.New("holds a key and other users may reach it")
)

// Error is a file that cannot be used, and what to do about it.
type Error struct {
	// Path is the file.
	Path string
	// Remedy is the next thing to do.
	Remedy string
	// Err is what is wrong.
	Err error
}

// Error names the file and what is wrong with it.
func (e *Error) Error() string { return fmt.Sprintf("config file %s: %v", e.Path, e.Err) }

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Read returns the config in a file. Every error is an *Error: the file is
// missing, unreadable, readable by others, not JSON, or misses something.
func Read(path string) (Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return Config{}, unopened(path, err)
	}
	defer file.Close()
	if err := checkPrivate(path, file); err != nil {
		return Config{}, err
	}
	return decode(path, file)
}

func unopened(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Error{Path: path, Err: errMissing, Remedy: elsewhere}
	case errors.Is(err, fs.ErrPermission):
		return &Error{Path: path, Err: errors.New("this user may not read it"),
			Remedy: "run as the user that runs `siteplane up`, or name a file of your own with --config or " + EnvPath}
	}
	return &Error{Path: path, Err: err, Remedy: elsewhere}
}

// checkPrivate looks at the opened file, not at the path, so that nobody can
// swap it in between.
func checkPrivate(path string, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return &Error{Path: path, Err: err, Remedy: elsewhere}
	}
	if !info.Mode().IsRegular() {
		return &Error{Path: path, Err: errors.New("is not a file"), Remedy: elsewhere}
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &Error{Path: path, Err: fmt.Errorf("%w (mode %04o)", errLoose, mode), Remedy: chmod(path)}
	}
	return nil
}

func chmod(path string) string { return fmt.Sprintf("chmod 600 '%s'", path) }

func decode(path string, from io.Reader) (Config, error) {
	data, err := io.ReadAll(io.LimitReader(from, maxSize))
	if err != nil {
		return Config{}, &Error{Path: path, Err: err, Remedy: elsewhere}
	}
	var config Config
	// Unknown fields are left alone: a newer version may have written them.
	if err := json.Unmarshal(data, &config); err != nil {
		return Config{}, &Error{Path: path, Err: fmt.Errorf("is not valid JSON: %w", err), Remedy: rewrite}
	}
	if err := config.Validate(); err != nil {
		return Config{}, &Error{Path: path, Err: err, Remedy: rewrite}
	}
	return config, nil
}

const rewrite = "start `siteplane up` again, which writes the file anew, or name another with --config or " + EnvPath
