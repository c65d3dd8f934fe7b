package identity_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
)

const year = 365 * 24 * time.Hour

// written is an identity in a folder of its own.
func written(t *testing.T, ca *identity.CA, path string, ttl time.Duration) (identity.Files, *identity.Identity) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "folder")
	issued, err := ca.WriteIdentity(dir, path, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return identity.FilesIn(dir), issued
}

func load(t *testing.T, files identity.Files) *identity.Identity {
	t.Helper()
	i, err := identity.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestLoad(t *testing.T) {
	ca := newCA(t)
	files, issued := written(t, ca, "/service/tunnel", year)
	loaded := load(t, files)
	if loaded.ID() != issued.ID() || !loaded.NotAfter().Equal(issued.NotAfter()) {
		t.Errorf("loaded is %s until %s, written was %s until %s", loaded.ID(), loaded.NotAfter(), issued.ID(), issued.NotAfter())
	}
	if string(loaded.CertificatePEM()) != string(ca.CertificatePEM()) {
		t.Error("loaded has another CA")
	}
	other := issue(t, ca, "/service/lifecycle", year)
	if err := handshake(loaded.ServerTLS(), other.ClientTLS("/service/tunnel")); err != nil {
		t.Error(err)
	}
	for _, file := range []string{files.Certificate, files.Key, files.CA} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v (%v)", file, info.Mode(), err)
		}
	}
}

func TestLoad_refuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, files identity.Files)
		says  []string
	}{
		"files that are missing": {
			spoil: func(t *testing.T, f identity.Files) { remove(t, f.CA); remove(t, f.Certificate); remove(t, f.Key) },
			says:  []string{"missing are ", "ca.crt", "tls.crt", "tls.key", "siteplane pki init"},
		},
		"a key that others may read": {
			spoil: func(t *testing.T, f identity.Files) { chmod(t, f.Key, 0o640) },
			says:  []string{"tls.key may be read by others (mode 0640)", "chmod 600"},
		},
		"a key of another certificate": {
			spoil: func(t *testing.T, f identity.Files) {
				other, _ := written(t, newCA(t), "/service/tunnel", year)
				write(t, f.Key, read(t, other.Key))
			},
			says: []string{"tls.key does not fit certificate", "pki init --renew"},
		},
		"a key that is none": {
			spoil: func(t *testing.T, f identity.Files) { write(t, f.Key, []byte("none")) },
			says:  []string{"tls.key is broken", "pki init --renew"},
		},
		"a certificate that is none": {
			spoil: func(t *testing.T, f identity.Files) { write(t, f.Certificate, []byte("none")) },
			says:  []string{"tls.crt is broken", "pki init --renew"},
		},
		"a certificate of another CA": {
			spoil: func(t *testing.T, f identity.Files) { write(t, f.CA, newCA(t).CertificatePEM()) },
			says:  []string{"does not come from the CA", "ca.crt", "the same `siteplane pki init DIR`"},
		},
		"a certificate in place of the CA's": {
			spoil: func(t *testing.T, f identity.Files) { write(t, f.CA, read(t, f.Certificate)) },
			says:  []string{"ca.crt is not the certificate of a CA"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files, _ := written(t, newCA(t), "/service/tunnel", year)
			c.spoil(t, files)
			_, err := identity.Load(files)
			wantSays(t, err, c.says...)
		})
	}
}

func TestLoad_refuses_a_certificate_before_and_after_its_time(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early, _ := written(t, newCA(t), "/service/tunnel", year)
		time.Sleep(24 * time.Hour)
		ca := newCA(t)
		files, _ := written(t, ca, "/service/tunnel", year)
		load(t, files)
		time.Sleep(year + time.Second)
		_, err := identity.Load(files)
		wantSays(t, err, "tls.crt expired on 2001-01-01", "pki init --renew")
		_, err = identity.Load(early)
		wantSays(t, err, "expired on 2000-12-31")
	})
	// The clock of a bubble begins at 2000-01-01, long before this certificate.
	files, _ := written(t, newCA(t), "/service/tunnel", year)
	synctest.Test(t, func(t *testing.T) {
		_, err := identity.Load(files)
		wantSays(t, err, "tls.crt is valid from", "set this host's clock, which says 2000-01-01 00:00:00")
	})
}

func TestIdentity_Reload(t *testing.T) {
	ca := newCA(t)
	lifecycle := issue(t, ca, "/service/lifecycle", year)
	files, _ := written(t, ca, "/service/tunnel", year)
	used := load(t, files)
	server := used.ServerTLS()
	if changed, err := used.Reload(files); changed || err != nil {
		t.Errorf("nothing has changed, it says %v, %v", changed, err)
	}

	t.Run("takes a renewed certificate", func(t *testing.T) {
		before := leaf(t, used)
		if _, err := ca.WriteIdentity(filepath.Dir(files.Key), "/service/tunnel", year); err != nil {
			t.Fatal(err)
		}
		if changed, err := used.Reload(files); !changed || err != nil {
			t.Fatalf("it says %v, %v", changed, err)
		}
		state, err := connect(server, lifecycle.ClientTLS("/service/tunnel"))
		if err != nil {
			t.Fatal(err)
		}
		if state.PeerCertificates[0].Equal(before) {
			t.Error("the server presents the old certificate")
		}
	})
	t.Run("keeps the old one rather than another id", func(t *testing.T) {
		if _, err := ca.WriteIdentity(filepath.Dir(files.Key), "/service/other", year); err != nil {
			t.Fatal(err)
		}
		changed, err := used.Reload(files)
		if changed || used.Path() != "/service/tunnel" {
			t.Errorf("it is now %s", used.Path())
		}
		wantSays(t, err, "/service/other", "restart the program")
	})
	t.Run("keeps the old one rather than a broken one", func(t *testing.T) {
		write(t, files.Certificate, []byte("half"))
		_, err := used.Reload(files)
		wantSays(t, err, "is broken")
		if err := handshake(server, lifecycle.ClientTLS("/service/tunnel")); err != nil {
			t.Error(err)
		}
	})
}

func TestServer(t *testing.T) {
	ca, dir := newCA(t), filepath.Join(t.TempDir(), "folder")
	issued, err := ca.WriteServer(dir, []string{"localhost"}, year)
	if err != nil {
		t.Fatal(err)
	}
	files := identity.ServerFilesIn(dir)
	s, err := identity.LoadServer(files)
	if err != nil {
		t.Fatal(err)
	}
	if !s.NotAfter().Equal(issued.NotAfter) || string(s.RootPEM()) != string(ca.CertificatePEM()) {
		t.Errorf("it is valid until %s, by\n%s", s.NotAfter(), s.RootPEM())
	}
	listener := s.TLS()
	if changed, err := s.Reload(files); changed || err != nil {
		t.Errorf("nothing has changed, it says %v, %v", changed, err)
	}
	if _, err := ca.WriteServer(dir, []string{"renewed.example.com"}, year); err != nil {
		t.Fatal(err)
	}
	if changed, err := s.Reload(files); !changed || err != nil {
		t.Errorf("it has changed, it says %v, %v", changed, err)
	}
	presented, err := listener.GetCertificate(nil)
	if err != nil || presented.Leaf.VerifyHostname("renewed.example.com") != nil {
		t.Errorf("the listener presents the certificate of %v (%v)", presented.Leaf.DNSNames, err)
	}
	remove(t, files.Key)
	_, err = s.Reload(files)
	wantSays(t, err, "missing are ", "public.key", "siteplane pki init")
}

func wantSays(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error %v does not say %q", err, word)
		}
	}
}

func TestLoadUntimely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, dir := newCA(t), t.TempDir()
		files := identity.FilesIn(dir)
		if _, err := ca.WriteIdentity(dir, "/edge/one", time.Hour); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := identity.Load(files); err == nil {
			t.Fatal("it has not expired")
		}
		late, err := identity.LoadUntimely(files)
		if err != nil || late.Path() != "/edge/one" || late.Lifetime() != time.Hour {
			t.Fatalf("loaded is %v (%v)", late, err)
		}
		lifecycle := issue(t, ca, "/service/lifecycle", time.Hour)
		if err := handshake(late.ServerTLS(), lifecycle.ClientTLS("/edge/one")); err == nil {
			t.Error("somebody believes it")
		}
		if _, err := ca.WriteIdentity(dir, "/edge/one", time.Hour); err != nil {
			t.Fatal(err)
		}
		if changed, err := late.Reload(files); err != nil || !changed {
			t.Fatalf("changed: %t (%v)", changed, err)
		}
		if err := handshake(late.ServerTLS(), lifecycle.ClientTLS("/edge/one")); err != nil {
			t.Error(err)
		}
		if err := os.Remove(files.Key); err != nil {
			t.Fatal(err)
		}
		if _, err := identity.LoadUntimely(files); err == nil {
			t.Error("a folder without a key was loaded")
		}
	})
}
