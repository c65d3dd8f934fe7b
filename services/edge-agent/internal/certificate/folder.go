package certificate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/siteplane/siteplane/internal/platform/hostname"
)

// Problem says why a certificate is left out.
type Problem struct {
	// Name is that of the file without its ending.
	Name string
	Err  error
}

// Load reads NAME.crt with NAME.key for each name in dir, ordered by name. What is
// no good is a Problem; the error is about dir itself. No dir holds nothing.
func Load(dir string, now time.Time) ([]Certificate, []Problem, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read certificates: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read certificates: %w", err)
	}
	defer func() { _ = root.Close() }()
	var certificates []Certificate
	var problems []Problem
	for _, name := range names(entries) {
		certificate, err := load(root, name, now)
		if err != nil {
			problems = append(problems, Problem{Name: name, Err: err})
			continue
		}
		certificates = append(certificates, certificate)
	}
	return certificates, problems, nil
}

func names(entries []fs.DirEntry) []string {
	var names []string
	for _, entry := range entries {
		for _, ending := range []string{".crt", ".key"} {
			if name, ok := strings.CutSuffix(entry.Name(), ending); ok {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func load(root *os.Root, name string, now time.Time) (Certificate, error) {
	if err := hostname.Check(name); err != nil {
		return Certificate{}, fmt.Errorf("the file name is not a hostname: %w", err)
	}
	chain, err := read(root, name+".crt")
	if err != nil {
		return Certificate{}, err
	}
	key, err := read(root, name+".key")
	if err != nil {
		return Certificate{}, err
	}
	return Parse(name, chain, key, now)
}

// read takes regular files only: a link may lead anywhere, a pipe never ends.
func read(root *os.Root, name string) ([]byte, error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing", name)
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > mostBytes {
		return nil, fmt.Errorf("%s is not a regular file of at most %d bytes", name, mostBytes)
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, mostBytes))
	return data, errors.Join(err, file.Close())
}

// Write makes dir hold exactly these certificates, for who runs nginx's workers:
// they read a certificate at each handshake. Only they and the agent can, by the
// group; -1 leaves it to the agent's own user. Each file is replaced at once.
func Write(dir string, group int, certificates []Certificate) error {
	if err := makeDir(dir, group); err != nil {
		return fmt.Errorf("write certificates: %w", err)
	}
	keep := map[string]bool{}
	for _, certificate := range certificates {
		for name, data := range map[string][]byte{certificate.Name + ".crt": certificate.chain, certificate.Name + ".key": certificate.key} {
			keep[name] = true
			if err := replace(filepath.Join(dir, name), group, data); err != nil {
				return fmt.Errorf("write certificates: %w", err)
			}
		}
	}
	return removeOthers(dir, keep)
}

func makeDir(dir string, group int) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if group < 0 {
		return os.Chmod(dir, 0o700)
	}
	// The workers may enter and not list.
	return errors.Join(os.Chown(dir, -1, group), os.Chmod(dir, 0o710))
}

func replace(path string, group int, data []byte) error {
	next, err := os.CreateTemp(filepath.Dir(path), ".next-*")
	if err != nil {
		return err
	}
	_, err = next.Write(data)
	if group >= 0 {
		err = errors.Join(err, next.Chown(-1, group), next.Chmod(0o640))
	}
	if err := errors.Join(err, next.Close()); err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return os.Rename(next.Name(), path)
}

func removeOthers(dir string, keep map[string]bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("remove certificates of before: %w", err)
	}
	for _, entry := range entries {
		if !keep[entry.Name()] {
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return fmt.Errorf("remove certificates of before: %w", err)
			}
		}
	}
	return nil
}
