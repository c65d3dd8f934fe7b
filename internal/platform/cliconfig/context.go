package cliconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Contexts are the installations that a user has given names to. Each is a file as
// Read reads it, and one of them may be the current one.
type Contexts struct {
	// dir holds the file `current` and the directory `contexts`.
	dir string
}

// ErrContextExists says that a name is in use.
var ErrContextExists = errors.New("there is a context of that name already")

const (
	currentFile = "current"
	contextsDir = "contexts"
	suffix      = ".json"
)

// A name is one file's, and safe to paste into a shell.
var contextName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ContextsOf are the contexts of the user: in $XDG_CONFIG_HOME/siteplane, or in
// ~/.config/siteplane.
func ContextsOf(getenv func(string) string) (Contexts, error) {
	if config := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(config) {
		return Contexts{dir: filepath.Join(config, "siteplane")}, nil
	}
	home := getenv("HOME")
	if home == "" {
		return Contexts{}, errors.New("neither HOME nor XDG_CONFIG_HOME is set: contexts are kept below one of them")
	}
	return Contexts{dir: filepath.Join(home, ".config", "siteplane")}, nil
}

// Path is the file of a context, whether or not it is there. It fails for what is
// no name.
func (c Contexts) Path(name string) (string, error) {
	if !contextName.MatchString(name) {
		return "", fmt.Errorf("%q is no name of a context: letters, digits, dots, hyphens and underscores, 64 at most", name)
	}
	return filepath.Join(c.dir, contextsDir, name+suffix), nil
}

// Names are those of all contexts, sorted.
func (c Contexts) Names() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(c.dir, contextsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the contexts: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if name, is := strings.CutSuffix(entry.Name(), suffix); is && contextName.MatchString(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Current is the name of the current context, empty without one. The context may
// be gone.
func (c Contexts) Current() (string, error) {
	data, err := os.ReadFile(filepath.Join(c.dir, currentFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the current context: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// Use makes a context the current one.
func (c Contexts) Use(name string) error {
	if _, err := c.Read(name); err != nil {
		return err
	}
	if err := replace(filepath.Join(c.dir, currentFile), []byte(name+"\n")); err != nil {
		return fmt.Errorf("write the current context: %w", err)
	}
	return nil
}

// Read returns the config of a context. That of a file that is no good is an
// *Error.
func (c Contexts) Read(name string) (Config, error) {
	path, err := c.Path(name)
	if err != nil {
		return Config{}, err
	}
	config, err := Read(path)
	var refused *Error
	if !errors.As(err, &refused) {
		return config, err
	}
	if errors.Is(refused.Err, errMissing) {
		refused.Err = fmt.Errorf("there is no context %q", name)
	}
	if !errors.Is(refused.Err, errLoose) {
		refused.Remedy = "`siteplane context list` shows the contexts, `siteplane context use` chooses one and `siteplane context add` makes one"
	}
	return config, refused
}

// Add writes a new context. ErrContextExists when the name is in use.
func (c Contexts) Add(name string, config Config) error {
	path, err := c.Path(name)
	if err != nil {
		return err
	}
	if err := c.Free(name); err != nil {
		return err
	}
	return Write(path, config)
}

// Free returns ErrContextExists when a name is in use.
func (c Contexts) Free(name string) error {
	path, err := c.Path(name)
	if err != nil {
		return err
	}
	_, err = os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look for the context: %w", err)
	}
	return ErrContextExists
}

// Remove deletes a context and the key in it. When it is the current one there is
// none from then on. fs.ErrNotExist when there is no such context.
func (c Contexts) Remove(name string) error {
	path, err := c.Path(name)
	if err != nil {
		return err
	}
	current, err := c.Current()
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the context: %w", err)
	}
	if current != name {
		return nil
	}
	if err := os.Remove(filepath.Join(c.dir, currentFile)); err != nil {
		return fmt.Errorf("forget the current context: %w", err)
	}
	return nil
}
