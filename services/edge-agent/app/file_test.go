package app_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree lists every file and socket of the edge.
func (e *edge) tree() string {
	e.t.Helper()
	var paths []string
	for _, root := range []string{e.config.Dir, e.config.RuntimeDir} {
		check(e.t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			paths = append(paths, path)
			return err
		}))
	}
	return strings.Join(paths, "\n")
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	check(t, err)
	_, err = file.WriteString(text)
	check(t, errors.Join(err, file.Close()))
}
