package up

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// runtimeDir returns where the edge of a data directory keeps its sockets. The
// path is short, because a socket's may have 107 bytes, and outside of the data
// directory, which nginx's workers may not enter. It is chosen once and written
// down, so that `down` and later starts find the nginx that runs there whatever
// TMPDIR says then.
func runtimeDir(dataDir string) (string, error) {
	sum := sha256.Sum256([]byte(dataDir))
	name := fmt.Sprintf("siteplane-%d-%s", os.Geteuid(), hex.EncodeToString(sum[:6]))
	note := filepath.Join(dataDir, "runtime-dir")
	stored, err := os.ReadFile(note)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read where the edge keeps its sockets: %w", err)
	}
	// The note of a copied data directory names the sockets of the original.
	if dir := strings.TrimSpace(string(stored)); filepath.Base(dir) == name {
		return dir, nil
	}
	dir := filepath.Join(os.TempDir(), name)
	if err := os.WriteFile(note, []byte(dir+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write down where the edge keeps its sockets: %w", err)
	}
	return dir, nil
}
