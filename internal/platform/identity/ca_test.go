package identity_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
)

const trustDomain = "siteplane.test"

func newCA(t *testing.T) *identity.CA {
	t.Helper()
	return loadCA(t, t.TempDir())
}

func loadCA(t *testing.T, dir string) *identity.CA {
	t.Helper()
	ca, err := identity.LoadOrCreateCA(dir, trustDomain)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// caDir returns a directory with a CA in it, and the paths of key and certificate.
func caDir(t *testing.T) (dir, key, cert string) {
	t.Helper()
	dir = t.TempDir()
	loadCA(t, dir)
	return dir, filepath.Join(dir, "ca.key"), filepath.Join(dir, "ca.crt")
}

func TestLoadOrCreateCA(t *testing.T) {
	t.Run("returns the same CA again", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "made", "here")
		first, again := loadCA(t, dir), loadCA(t, dir)
		if !bytes.Equal(first.CertificatePEM(), again.CertificatePEM()) {
			t.Error("the second call returned another CA")
		}
		if got := again.TrustDomain(); got != trustDomain {
			t.Errorf("TrustDomain() = %q", got)
		}
	})

	t.Run("keeps its files to itself and leaves no others", func(t *testing.T) {
		dir, _, _ := caDir(t)
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2 {
			t.Fatalf("directory holds %v (%v), want ca.crt and ca.key", entries, err)
		}
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v (%v), want 0600", e.Name(), info.Mode(), err)
			}
		}
	})

	t.Run("makes one CA for concurrent callers", func(t *testing.T) {
		dir := t.TempDir()
		certs := make([][]byte, 8)
		errs := make([]error, len(certs))
		var wg sync.WaitGroup
		for i := range certs {
			wg.Go(func() {
				ca, err := identity.LoadOrCreateCA(dir, trustDomain)
				if errs[i] = err; err == nil {
					certs[i] = ca.CertificatePEM()
				}
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		for i := range certs {
			if !bytes.Equal(certs[i], certs[0]) {
				t.Errorf("caller %d got another CA", i)
			}
		}
	})

	t.Run("makes the certificate for a key that stands alone", func(t *testing.T) {
		dir, _, cert := caDir(t)
		old, err := loadCA(t, dir).Issue("/service/old", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		remove(t, cert)
		fresh, err := loadCA(t, dir).Issue("/service/new", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if err := handshake(old.ServerTLS(), fresh.ClientTLS("/service/old")); err != nil {
			t.Errorf("identities of before and after do not know each other: %v", err)
		}
	})
}

func TestLoadOrCreateCA_refuses(t *testing.T) {
	tests := []struct {
		name string
		// spoil damages the files of a good CA.
		spoil func(t *testing.T, key, cert string)
		file  string // the file that the error must name
		want  string // and the remedy
	}{
		{"a key the group may read", func(t *testing.T, key, _ string) { chmod(t, key, 0o640) },
			"ca.key", "chmod 600"},
		{"a key that others may read", func(t *testing.T, key, _ string) { chmod(t, key, 0o604) },
			"ca.key", "chmod 600"},
		{"an empty key", func(t *testing.T, key, _ string) { write(t, key, nil) },
			"ca.key", "restore it from a backup"},
		{"a truncated key", func(t *testing.T, key, _ string) { write(t, key, read(t, key)[:60]) },
			"ca.key", "restore it from a backup"},
		{"a key with broken contents", func(t *testing.T, key, _ string) {
			write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("broken")}))
		}, "ca.key", "restore it from a backup"},
		{"a key of another kind", writeRSAKey,
			"ca.key", "restore it from a backup"},
		{"a missing key", func(t *testing.T, key, _ string) { remove(t, key) },
			"ca.key", "restore it from a backup"},
		{"an empty certificate", func(t *testing.T, _, cert string) { write(t, cert, nil) },
			"ca.crt", "restore it from a backup"},
		{"a certificate with broken contents", func(t *testing.T, _, cert string) {
			write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("broken")}))
		}, "ca.crt", "restore it from a backup"},
		{"two certificates in one file", func(t *testing.T, _, cert string) {
			write(t, cert, append(read(t, cert), read(t, cert)...))
		}, "ca.crt", "restore it from a backup"},
		{"the certificate of another CA", func(t *testing.T, _, cert string) { write(t, cert, newCA(t).CertificatePEM()) },
			"ca.crt", "restore both from the same backup"},
		{"the key of another CA", func(t *testing.T, key, _ string) {
			_, other, _ := caDir(t)
			write(t, key, read(t, other))
		}, "ca.key", "restore both from the same backup"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir, key, cert := caDir(t)
			tt.spoil(t, key, cert)
			before := files(t, dir)
			_, err := identity.LoadOrCreateCA(dir, trustDomain)
			if err == nil {
				t.Fatal("the CA was taken")
			}
			if !strings.Contains(err.Error(), filepath.Join(dir, tt.file)) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not name %s or the remedy %q", err, tt.file, tt.want)
			}
			if after := files(t, dir); before != after {
				t.Error("the files were changed")
			}
		})
	}
}

func TestLoadOrCreateCA_refuses_another_trust_domain(t *testing.T) {
	dir, _, cert := caDir(t)
	_, err := identity.LoadOrCreateCA(dir, "other.test")
	if err == nil || !strings.Contains(err.Error(), cert) || !strings.Contains(err.Error(), "another directory") {
		t.Errorf("error is %v, want one that names %s and the remedy", err, cert)
	}
	if _, err := identity.LoadOrCreateCA(t.TempDir(), "not a domain"); err == nil {
		t.Error("a malformed trust domain was taken")
	}
}

func TestLoadOrCreateCA_refuses_an_expired_CA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, _, cert := caDir(t)
		time.Sleep(11 * 365 * 24 * time.Hour)
		_, err := identity.LoadOrCreateCA(dir, trustDomain)
		if err == nil || !strings.Contains(err.Error(), cert) || !strings.Contains(err.Error(), "expired") {
			t.Errorf("error is %v, want one that names %s", err, cert)
		}
	})
}

func TestLoadOrCreateCA_refuses_a_certificate_that_is_no_CA(t *testing.T) {
	dir, keyFile, certFile := caDir(t)
	block, _ := pem.Decode(read(t, keyFile))
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key := parsed.(*ecdsa.PrivateKey)
	template := &x509.Certificate{NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	_, err = identity.LoadOrCreateCA(dir, trustDomain)
	if err == nil || !strings.Contains(err.Error(), certFile+" is not the certificate of a CA") {
		t.Errorf("error is %v", err)
	}
}

func TestCA_CertificatePEM_is_a_SPIFFE_authority(t *testing.T) {
	cert := certificate(t, newCA(t))
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Errorf("key is a %T", cert.PublicKey)
	}
	if !cert.IsCA || !cert.MaxPathLenZero || len(cert.URIs) != 1 || cert.URIs[0].String() != "spiffe://"+trustDomain {
		t.Errorf("CA %t, path length zero %t, URIs %v", cert.IsCA, cert.MaxPathLenZero, cert.URIs)
	}
}

// certificate returns the CA certificate as others get it.
func certificate(t *testing.T, ca *identity.CA) *x509.Certificate {
	t.Helper()
	block, rest := pem.Decode(ca.CertificatePEM())
	if block == nil || len(rest) != 0 {
		t.Fatal("not one PEM block")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func writeRSAKey(t *testing.T, keyFile, _ string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func chmod(t *testing.T, file string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// files returns names, modes and contents of a directory as one text.
func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(e.Name() + info.Mode().String() + string(read(t, filepath.Join(dir, e.Name()))))
	}
	return all.String()
}
