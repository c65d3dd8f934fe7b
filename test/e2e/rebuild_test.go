package e2e

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// statusFile is the only rendered file that may depend on the generation.
const statusFile = "status.conf"

// rendered are the files that nginx reads, by name.
func (i *installation) rendered() map[string]string {
	i.t.Helper()
	files := map[string]string{}
	current := i.data("edge", "current")
	entries, err := os.ReadDir(current + "/")
	check(i.t, err)
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(current, entry.Name()))
		check(i.t, err)
		files[entry.Name()] = string(data)
	}
	return files
}

// sum is one hash over files in the order of their names.
func sum(files map[string]string, but string) string {
	var names []string
	for name := range files {
		if name != but {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	hash := sha256.New()
	for _, name := range names {
		fmt.Fprintf(hash, "%s %d\n%s", name, len(files[name]), files[name])
	}
	return fmt.Sprintf("%d files, %x", len(names), hash.Sum(nil))
}

// I15, I20: whatever is lost on a host is derived again, byte for byte, and
// nobody has to ask for it.
func TestEdge_is_rebuilt_byte_for_byte_after_it_lost_everything(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	origin := startOrigin(t, "shop")
	shop := i.create("shop", "--origin", origin, "--origin", "127.0.0.1:9,2", "--route", "/api/="+origin, "--strip-prefix")
	ids := []string{
		shop,
		i.create("chat", "--origin", origin, "--websocket", "--read-timeout", "90s", "--response-header", "X-Frame-Options: DENY"),
		i.create("old", "--redirect", "https://new.example.com", "--redirect-code", "301"),
	}
	for _, id := range ids {
		i.awaitActive(id)
	}
	before, history := i.rendered(), i.run("site", "timeline", shop, "-o", "json").stdout

	i.stop()
	check(t, i.down())
	if _, _, err := fetch(i.edge(), hostname("chat"), "/"); err == nil {
		t.Fatal("nginx still answers")
	}
	check(t, os.RemoveAll(i.data("edge")))
	i.start()

	eventually(t, "chat is served again", func() (string, bool) {
		status, body, err := fetch(i.edge(), hostname("chat"), "/")
		return fmt.Sprint(status, body, err), status == http.StatusOK
	})
	after := i.rendered()
	if got, want := sum(after, statusFile), sum(before, statusFile); got != want {
		t.Errorf("after the rebuild: %s; before: %s\n%s", got, want, firstDifference(before, after))
	}
	if len(after) < 5 || after[statusFile] == before[statusFile] {
		t.Errorf("%d files, and the generation did not go on", len(after))
	}
	// A worker of before the reload may still take a request.
	eventually(t, "old is served again", func() (string, bool) {
		status, _, err := fetch(i.edge(), hostname("old"), "/")
		return fmt.Sprint(status, err), status == http.StatusMovedPermanently
	})
	for _, id := range ids {
		i.awaitActive(id)
	}
	if now := i.run("site", "timeline", shop, "-o", "json").stdout; now != history {
		t.Errorf("the rebuild is in the history of a site:\n%s", now)
	}
	// The edge has a new probe key, and a nonce that it signs counts.
	i.awaitActive(i.create("next", "--origin", origin))
}

func firstDifference(before, after map[string]string) string {
	for name := range before {
		a, b := strings.Split(before[name], "\n"), strings.Split(after[name], "\n")
		for n := range min(len(a), len(b)) {
			if a[n] != b[n] && name != statusFile {
				return fmt.Sprintf("%s:%d: %q, now %q", name, n+1, a[n], b[n])
			}
		}
	}
	return "no line differs"
}

// tree is what is below a directory, with sizes, times and link targets. Files
// that are kept open for writing are left out.
func tree(t *testing.T, dir string, but ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	check(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, dir)
		if slices.Contains(but, name) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		link, _ := os.Readlink(path) // empty for what is none
		found[name] = fmt.Sprintf("%s %d %s %s", info.Mode(), info.Size(), info.ModTime(), link)
		return nil
	}))
	return found
}
