package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mentions returns the files below a directory that hold a text, by their paths
// relative to it. Files that skip names are not looked at, symlinks neither:
// what they point to is looked at where it is.
func mentions(root, text string, skip func(path string) bool) ([]string, error) {
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil || skip(relative) {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			found = append(found, relative)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("search %s for %s: %w", root, text, err)
	}
	return found, nil
}

// supersededIn returns what tells generations that are not the current one.
func supersededIn(edgeDir string) (func(path string) bool, error) {
	current, err := os.Readlink(filepath.Join(edgeDir, "current"))
	if err != nil {
		return nil, fmt.Errorf("find the current generation: %w", err)
	}
	all := filepath.Dir(current) + "/"
	return func(path string) bool {
		return strings.HasPrefix(path, all) && !strings.HasPrefix(path, current+"/")
	}, nil
}
