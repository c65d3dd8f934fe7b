package probe_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/services/edge-agent/internal/probe"
)

func TestLoadOrCreateKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "probe.key")
	made, err := probe.LoadOrCreateKey(file)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := probe.LoadOrCreateKey(file)
	if err != nil || !made.Equal(loaded) {
		t.Errorf("loaded another key, %v", err)
	}
	for _, damage := range []string{"", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		if err := os.WriteFile(file, []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := probe.LoadOrCreateKey(file); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("%q: %v", damage, err)
		}
	}
}
