package certificate_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/edge-agent/internal/certificate"
)

var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// authority signs leaves.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	return authority{certificate: parsed, key: key}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

// issue returns the PEM of a leaf for names and of its key.
func (a authority) issue(t *testing.T, key crypto.Signer, change func(*x509.Certificate), names ...string) (chain, private []byte) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: names, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	must(t, err)
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return block("CERTIFICATE", der), block("PRIVATE KEY", encoded)
}

func block(kind string, data []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
}

// written is what Write makes of what Load finds, by file name.
func written(t *testing.T, dir string, group int) (files map[string][]byte, problems map[string]string) {
	t.Helper()
	good, bad, err := certificate.Load(dir, now)
	must(t, err)
	problems = map[string]string{}
	for _, problem := range bad {
		problems[problem.Name] = problem.Err.Error()
	}
	out := filepath.Join(t.TempDir(), "out")
	must(t, certificate.Write(out, group, good))
	must(t, certificate.Write(out, group, good))
	entries, err := os.ReadDir(out)
	must(t, err)
	files = map[string][]byte{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(out, entry.Name()))
		must(t, err)
		files[entry.Name()] = data
	}
	return files, problems
}

func TestLoad_takes(t *testing.T) {
	ca := newAuthority(t)
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	elliptic := newKey(t)
	for name, key := range map[string]crypto.Signer{"P-256": elliptic, "RSA": strong} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			chain, private := ca.issue(t, key, nil, "*.example.com")
			chain = append(chain, block("CERTIFICATE", ca.certificate.Raw)...)
			// What a file may have around its blocks does not reach nginx.
			write(t, dir, "shop.example.com.crt", append([]byte("\n\n"), bytes.ReplaceAll(chain, []byte("\n"), []byte("\r\n"))...))
			write(t, dir, "shop.example.com.key", append(private, "\n \n"...))
			write(t, dir, "README", []byte("not a certificate"))
			files, problems := written(t, dir, -1)
			if len(problems) > 0 || len(files) != 2 {
				t.Fatalf("files %v, problems %v", files, problems)
			}
			if !bytes.Equal(files["shop.example.com.crt"], chain) || !bytes.Equal(files["shop.example.com.key"], private) {
				t.Errorf("written are\n%s%s", files["shop.example.com.crt"], files["shop.example.com.key"])
			}
		})
	}
	t.Run("keys in their older forms", func(t *testing.T) {
		dir := t.TempDir()
		chain, _ := ca.issue(t, elliptic, nil, "a.example.com")
		sec1, err := x509.MarshalECPrivateKey(elliptic)
		must(t, err)
		write(t, dir, "a.example.com.crt", chain)
		write(t, dir, "a.example.com.key", block("EC PRIVATE KEY", sec1))
		chain, _ = ca.issue(t, strong, nil, "b.example.com")
		write(t, dir, "b.example.com.crt", chain)
		write(t, dir, "b.example.com.key", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(strong)))
		files, problems := written(t, dir, -1)
		if len(problems) > 0 || !bytes.Contains(files["a.example.com.key"], []byte("BEGIN PRIVATE KEY")) || !bytes.Contains(files["b.example.com.key"], []byte("BEGIN PRIVATE KEY")) {
			t.Errorf("problems %v", problems)
		}
	})
	t.Run("no folder", func(t *testing.T) {
		if files, problems := written(t, filepath.Join(t.TempDir(), "none"), -1); len(files)+len(problems) > 0 {
			t.Errorf("files %v, problems %v", files, problems)
		}
	})
}

// F46, S05: what is no good, or is more than a certificate, is left out and in no
// other's way.
func TestLoad_leaves_out(t *testing.T) {
	ca, key := newAuthority(t), newKey(t)
	goodChain, goodKey := ca.issue(t, key, nil, "bad.example.com")
	weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	must(t, err)
	_, modern, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	_, otherKey := ca.issue(t, newKey(t), nil, "bad.example.com")
	stranger := block("CERTIFICATE", newAuthority(t).certificate.Raw)
	pair := func(change func(*x509.Certificate), key crypto.Signer, names ...string) func() ([]byte, []byte) {
		return func() ([]byte, []byte) { return ca.issue(t, key, change, names...) }
	}
	with := func(chain, key []byte) func() ([]byte, []byte) {
		return func() ([]byte, []byte) { return chain, key }
	}
	for _, c := range []struct {
		name string
		pair func() (chain, key []byte)
		want string
	}{
		{"another's key", with(goodChain, otherKey), "not that of the certificate"},
		{"another name", pair(nil, key, "other.example.com"), "not for bad.example.com"},
		{"an ended one", pair(func(c *x509.Certificate) { c.NotAfter = now }, key, "bad.example.com"), "ended at 2030-01-01T00:00:00Z"},
		{"one of tomorrow", pair(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Minute) }, key, "bad.example.com"), "begins at"},
		{"a small curve", pair(nil, weak, "bad.example.com"), "neither P-256"},
		{"a kind that browsers do not know", pair(nil, modern, "bad.example.com"), "neither P-256"},
		{"a chain out of order", with(append(bytes.Clone(goodChain), stranger...), goodKey), "not signed by the next"},
		{"nothing", with(nil, goodKey), "certificate: is empty"},
		{"a path", with([]byte("/etc/passwd"), goodKey), "something else than PEM"},
		{"an engine", with(goodChain, []byte("engine:pkcs11:key")), "something else than PEM"},
		{"data", with(goodChain, append([]byte("data:"), goodKey...)), "something else than PEM"},
		{"a key among certificates", with(append(bytes.Clone(goodChain), goodKey...), goodKey), "blocks CERTIFICATE"},
		{"two keys", with(goodChain, append(bytes.Clone(goodKey), goodKey...)), "more than one block"},
		{"a comment between", with(append(append(bytes.Clone(goodChain), "include /etc/passwd;\n"...), goodChain...), goodKey), "something else than PEM"},
		{"a broken block in front", with(append([]byte("-----BEGIN CERTIFICATE-----\n!\n"), goodChain...), goodKey), "broken block"},
		{"an encrypted key", with(goodChain, bytes.Replace(goodKey, []byte("KEY-----\n"), []byte("KEY-----\nProc-Type: 4,ENCRYPTED\n\n"), 1)), "has headers"},
		{"an encrypted key of today", with(goodChain, bytes.ReplaceAll(goodKey, []byte("PRIVATE KEY"), []byte("ENCRYPTED PRIVATE KEY"))), "is not a block PRIVATE KEY"},
		{"a damaged key", with(goodChain, block("PRIVATE KEY", []byte("nonsense"))), "is damaged"},
		{"no X.509", with(block("CERTIFICATE", []byte("nonsense")), goodKey), "not X.509"},
		{"a file too large", with(bytes.Repeat([]byte("\n"), 1<<20), goodKey), "at most 65536 bytes"},
		{"too long a chain", with(bytes.Repeat(goodChain, 9), goodKey), "1 to 8 blocks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			chain, private := ca.issue(t, key, nil, "good.example.com")
			write(t, dir, "good.example.com.crt", chain)
			write(t, dir, "good.example.com.key", private)
			chain, private = c.pair()
			write(t, dir, "bad.example.com.crt", chain)
			write(t, dir, "bad.example.com.key", private)
			files, problems := written(t, dir, -1)
			if len(problems) != 1 || !strings.Contains(problems["bad.example.com"], c.want) {
				t.Errorf("problems %q, want %q", problems, c.want)
			}
			if len(files) != 2 || files["good.example.com.crt"] == nil {
				t.Errorf("written are %d files", len(files))
			}
			if strings.Contains(problems["bad.example.com"], "passwd") {
				t.Errorf("%q tells what is in the file", problems)
			}
		})
	}
}

func TestLoad_leaves_out_what_is_no_file_of_a_name(t *testing.T) {
	ca, key, dir := newAuthority(t), newKey(t), t.TempDir()
	chain, private := ca.issue(t, key, nil, "a.example.com")
	outside := filepath.Join(t.TempDir(), "secret")
	must(t, os.WriteFile(outside, private, 0o600))
	for _, name := range []string{"alone", "link.example.com", "pipe.example.com", "UPPER.example.com", "$host.example.com", "..", "no.key.example.com"} {
		write(t, dir, name+".crt", chain)
	}
	must(t, os.Symlink(outside, filepath.Join(dir, "link.example.com.key")))
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe.example.com.key"), 0o600))
	files, problems := written(t, dir, -1)
	if len(files) > 0 || len(problems) != 7 {
		t.Errorf("files %v, problems %v", files, problems)
	}
	for name, want := range map[string]string{
		"link.example.com": "not a regular file", "pipe.example.com": "not a regular file", "no.key.example.com": "is missing", "UPPER.example.com": "not a hostname",
	} {
		if !strings.Contains(problems[name], want) {
			t.Errorf("%s: %q, want %q", name, problems[name], want)
		}
	}
}

func TestWrite_is_for_the_workers_group_only(t *testing.T) {
	ca, dir := newAuthority(t), t.TempDir()
	chain, private := ca.issue(t, newKey(t), nil, "a.example.com")
	parsed, err := certificate.Parse("a.example.com", chain, private, now)
	must(t, err)
	for group, want := range map[int][2]os.FileMode{-1: {0o700, 0o600}, os.Getgid(): {0o710, 0o640}} {
		out := filepath.Join(dir, "out")
		must(t, certificate.Write(out, group, []certificate.Certificate{parsed}))
		write(t, out, ".next-of-a-death", nil)
		write(t, out, "gone.example.com.key", private)
		must(t, certificate.Write(out, group, []certificate.Certificate{parsed}))
		entries, err := os.ReadDir(out)
		must(t, err)
		if len(entries) != 2 {
			t.Errorf("left are %v", entries)
		}
		folder, err := os.Stat(out)
		must(t, err)
		key, err := os.Stat(filepath.Join(out, "a.example.com.key"))
		must(t, err)
		if folder.Mode().Perm() != want[0] || key.Mode().Perm() != want[1] {
			t.Errorf("group %d: modes %v and %v, want %v", group, folder.Mode(), key.Mode(), want)
		}
	}
}
