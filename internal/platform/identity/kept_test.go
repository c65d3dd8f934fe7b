package identity_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/siteplane/siteplane/internal/platform/identity"
)

func TestKeptRequest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "join.key")
	kept := func(t *testing.T) *identity.Request {
		t.Helper()
		r, err := identity.KeptRequest(file)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := kept(t)
	if again := kept(t); again.PublicKeyHash() != first.PublicKeyHash() {
		t.Error("the second time it is another key")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v (%v)", info.Mode(), err)
	}
	t.Run("gets a certificate", func(t *testing.T) {
		ca := newCA(t)
		issued := issueRequest(t, ca, "/edge/one", kept(t).DER())
		if _, err := first.Write(t.TempDir(), issued.Certificate, ca.CertificatePEM()); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct {
		says  string
		spoil func() error
	}{
		{"is broken", func() error { return os.WriteFile(file, []byte("no key"), 0o600) }},
		{"may be read by others", func() error { return os.Chmod(file, 0o644) }},
	} {
		t.Run("refuses one that "+c.says, func(t *testing.T) {
			if err := c.spoil(); err != nil {
				t.Fatal(err)
			}
			if _, err := identity.KeptRequest(file); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), file) {
				t.Errorf("error is %v", err)
			}
		})
	}
}
