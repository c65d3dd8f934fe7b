package cliconfig

import (
	"errors"
	"path/filepath"
)

// EnvPath is the environment variable that names another file.
const EnvPath = "SITEPLANE_CONFIG"

const fileName = "cli.json"

// Path is where the file is: $SITEPLANE_CONFIG, or cli.json in DefaultDir.
func Path(getenv func(string) string) (string, error) {
	if path := getenv(EnvPath); path != "" {
		return path, nil
	}
	dir, err := DefaultDir(getenv)
	if err != nil {
		return "", err
	}
	return InDir(dir), nil
}

// InDir is the file of the installation whose data directory is dir.
func InDir(dir string) string { return filepath.Join(dir, fileName) }

// DefaultDir is the data directory of an installation that was given none:
// $XDG_STATE_HOME/siteplane, or ~/.local/state/siteplane.
func DefaultDir(getenv func(string) string) (string, error) {
	// The XDG specification says to ignore relative paths.
	if state := getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "siteplane"), nil
	}
	home := getenv("HOME")
	if home == "" {
		return "", errors.New("neither HOME nor XDG_STATE_HOME is set: set one, or name the file in " + EnvPath)
	}
	return filepath.Join(home, ".local", "state", "siteplane"), nil
}
