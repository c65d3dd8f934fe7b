package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
)

func newRequest(t *testing.T) *identity.Request {
	t.Helper()
	r, err := identity.NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func issueRequest(t *testing.T, ca *identity.CA, path string, der []byte) identity.Issued {
	t.Helper()
	issued, err := ca.IssueRequest(path, der, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

func TestRequest(t *testing.T) {
	ca, r := newCA(t), newRequest(t)
	issued := issueRequest(t, ca, "/edge/one", r.DER())
	dir := filepath.Join(t.TempDir(), "folder")
	written, err := r.Write(dir, issued.Certificate, ca.CertificatePEM())
	if err != nil {
		t.Fatal(err)
	}
	loaded := load(t, identity.FilesIn(dir))
	if loaded.Path() != "/edge/one" || loaded.ID() != written.ID() || !loaded.NotAfter().Equal(issued.NotAfter) {
		t.Errorf("loaded is %s until %s", loaded.ID(), loaded.NotAfter())
	}
	if serial := identity.SerialOf(leaf(t, loaded)); serial != issued.Serial || serial == "" {
		t.Errorf("serial is %s, issued was %s", serial, issued.Serial)
	}
	if info, err := os.Stat(identity.FilesIn(dir).Key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v (%v)", info.Mode(), err)
	}
	lifecycle := issue(t, ca, "/service/lifecycle", time.Hour)
	if err := handshake(written.ServerTLS(), lifecycle.ClientTLS("/edge/one")); err != nil {
		t.Error(err)
	}

	t.Run("has a hash by which its key is known again", func(t *testing.T) {
		hash, err := identity.RequestKeyHash(r.DER())
		if err != nil || hash != r.PublicKeyHash() || hash == newRequest(t).PublicKeyHash() {
			t.Errorf("hash is %x (%v), the request says %x", hash, err, r.PublicKeyHash())
		}
	})
	t.Run("is given no more than the CA has", func(t *testing.T) {
		long, err := ca.IssueRequest("/edge/one", r.DER(), 100*year)
		if err != nil || long.NotAfter.After(certificate(t, ca).NotAfter) {
			t.Errorf("valid until %s (%v)", long.NotAfter, err)
		}
	})
}

func TestRequest_Write_refuses(t *testing.T) {
	ca, r := newCA(t), newRequest(t)
	mine := issueRequest(t, ca, "/edge/one", r.DER()).Certificate
	for name, c := range map[string]struct {
		certificate, ca []byte
		says            string
	}{
		"a certificate of another key":         {issueRequest(t, ca, "/edge/one", newRequest(t).DER()).Certificate, ca.CertificatePEM(), "another key"},
		"a certificate of another CA":          {mine, newCA(t).CertificatePEM(), "unknown authority"},
		"a CA that is none":                    {mine, mine, "is no trust domain"},
		"a certificate that is no PEM":         {[]byte("none"), ca.CertificatePEM(), "not exactly one certificate"},
		"more than one certificate":            {append(mine[:len(mine):len(mine)], mine...), ca.CertificatePEM(), "not exactly one certificate"},
		"a CA with something behind":           {mine, append(ca.CertificatePEM(), 'x'), "not exactly one certificate"},
		"the certificate of the CA as its own": {ca.CertificatePEM(), ca.CertificatePEM(), "another key"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "folder")
			_, err := r.Write(dir, c.certificate, c.ca)
			wantSays(t, err, c.says)
			if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
				t.Error("it has written something")
			}
		})
	}
}

func TestRequest_Write_replaces_what_is_there(t *testing.T) {
	ca, dir := newCA(t), t.TempDir()
	for range 2 {
		r := newRequest(t)
		written, err := r.Write(dir, issueRequest(t, ca, "/edge/one", r.DER()).Certificate, ca.CertificatePEM())
		if err != nil {
			t.Fatal(err)
		}
		if loaded := load(t, identity.FilesIn(dir)); !leaf(t, loaded).Equal(leaf(t, written)) {
			t.Error("what is loaded is not what was written last")
		}
	}
}

// Of what a host asks for, nothing but its key may be granted.
func TestCA_IssueRequest_takes_nothing_but_the_key(t *testing.T) {
	ca := newCA(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	greedy, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject:  pkix.Name{CommonName: "root"},
		DNSNames: []string{"example.com"},
		URIs:     []*url.URL{{Scheme: "spiffe", Host: trustDomain, Path: "/service/lifecycle"}},
		ExtraExtensions: []pkix.Extension{
			{Id: []int{2, 5, 29, 19}, Critical: true, Value: []byte{0x30, 0x03, 0x01, 0x01, 0xff}}, // CA: true
		},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	issued := issueRequest(t, ca, "/edge/one", greedy)
	cert := parsePEM(t, issued.Certificate)
	if cert.IsCA || cert.Subject.CommonName != "" || len(cert.DNSNames) != 0 || len(cert.URIs) != 1 || cert.URIs[0].Path != "/edge/one" {
		t.Errorf("the certificate says %v %v %v, CA: %t", cert.Subject, cert.DNSNames, cert.URIs, cert.IsCA)
	}
}

func TestCA_IssueRequest_refuses(t *testing.T) {
	ca := newCA(t)
	tampered := newRequest(t).DER()
	tampered[len(tampered)-1] ^= 1
	for name, c := range map[string]struct {
		path string
		der  []byte
		says string
	}{
		"a request that was tampered with": {"/edge/one", tampered, "its key did not sign it"},
		"an RSA key":                       {"/edge/one", rsaRequest(t), "not ECDSA on P-256"},
		"a key on another curve":           {"/edge/one", ecdsaRequest(t, elliptic.P384()), "not ECDSA on P-256"},
		"what is no request":               {"/edge/one", []byte("none"), "not PKCS #10"},
		"nothing":                          {"/edge/one", nil, "not PKCS #10"},
		"something behind the request":     {"/edge/one", append(newRequest(t).DER(), 0), "not PKCS #10"},
		"the path of the CA":               {"", newRequest(t).DER(), "the CA's own"},
		"a path that is none":              {"/edge/../service/lifecycle", newRequest(t).DER(), "issue identity"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ca.IssueRequest(c.path, c.der, time.Hour)
			wantSays(t, err, c.says)
		})
	}
	t.Run("with an error that has a type where the request is at fault", func(t *testing.T) {
		_, err := ca.IssueRequest("/edge/one", tampered, time.Hour)
		_, hashErr := identity.RequestKeyHash(tampered)
		var typed *identity.RequestError
		if !errors.As(err, &typed) || !errors.As(hashErr, &typed) {
			t.Errorf("%v, %v", err, hashErr)
		}
	})
}

func rsaRequest(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return signRequest(t, key)
}

func ecdsaRequest(t *testing.T, curve elliptic.Curve) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signRequest(t, key)
}

func signRequest(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestLoadCA(t *testing.T) {
	dir, key, cert := caDir(t)
	made := loadCA(t, dir)
	ca, err := identity.LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	if ca.TrustDomain() != trustDomain || ca.Digest() != made.Digest() || ca.Digest() != sha256.Sum256(certificate(t, ca).Raw) {
		t.Errorf("loaded is of %s with digest %x", ca.TrustDomain(), ca.Digest())
	}
	issueRequest(t, ca, "/edge/one", newRequest(t).DER())

	t.Run("makes nothing", func(t *testing.T) {
		empty := t.TempDir()
		_, err := identity.LoadCA(empty)
		wantSays(t, err, "ca.key")
		if files(t, empty) != "" {
			t.Error("it has made something")
		}
	})
	t.Run("refuses the key of another", func(t *testing.T) {
		_, other, _ := caDir(t)
		spoiled := t.TempDir()
		write(t, filepath.Join(spoiled, "ca.key"), read(t, other))
		write(t, filepath.Join(spoiled, "ca.crt"), read(t, cert))
		_, err := identity.LoadCA(spoiled)
		wantSays(t, err, "does not belong to the key")
	})
	t.Run("refuses the certificate of a program", func(t *testing.T) {
		spoiled := t.TempDir()
		r := newRequest(t)
		write(t, filepath.Join(spoiled, "ca.key"), read(t, key))
		write(t, filepath.Join(spoiled, "ca.crt"), issueRequest(t, ca, "/edge/one", r.DER()).Certificate)
		_, err := identity.LoadCA(spoiled)
		wantSays(t, err, "is no trust domain")
	})
	t.Run("refuses a key that others may read", func(t *testing.T) {
		chmod(t, key, 0o644)
		_, err := identity.LoadCA(dir)
		wantSays(t, err, "chmod 600")
	})
}

func parsePEM(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("no PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
