package dns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// kept returns the records of a zone from its file, if there is one, else those
// of the configuration.
func kept(z Zone) ([]string, error) {
	if z.File == "" {
		return z.Records, nil
	}
	content, err := os.ReadFile(filepath.Clean(z.File))
	if errors.Is(err, fs.ErrNotExist) {
		return z.Records, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read zone file: %w", err)
	}
	return strings.Split(string(content), "\n"), nil
}

// keep writes the zone to its file, whole or not at all.
func (z *zone) keep() error {
	if z.file == "" {
		return nil
	}
	var lines []string
	for _, n := range z.nodes {
		for _, set := range n {
			for _, rr := range set {
				lines = append(lines, rr.String()+"\n")
			}
		}
	}
	slices.Sort(lines)
	next := z.file + ".next"
	if err := os.WriteFile(next, []byte(strings.Join(lines, "")), 0o600); err != nil {
		return fmt.Errorf("write zone file: %w", err)
	}
	if err := os.Rename(next, z.file); err != nil {
		return fmt.Errorf("replace zone file: %w", err)
	}
	return nil
}
