package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
)

func TestManual(t *testing.T) {
	r := setup(t)
	dir := filepath.Join(r.home, "man", "man1")
	if got := r.run("man", dir); got.code != cli.ExitOK || got.stdout+got.stderr != "" {
		t.Fatalf("exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	page, err := os.ReadFile(filepath.Join(dir, "siteplane-site-rollback.1"))
	must(t, err)
	compareGolden(t, "man_site_rollback", string(page))
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	must(t, err)
	if len(pages) < 50 {
		t.Errorf("only %d pages", len(pages))
	}
	for _, path := range pages {
		page, err := os.ReadFile(path)
		must(t, err)
		if strings.Contains(string(page), "1970") || strings.Contains(string(page), "Auto generated") || strings.Contains(path, "cli-docs") {
			t.Errorf("%s has a date, or is nobody's business", path)
		}
	}
}
