package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

const (
	caLifetime = 10 * 365 * 24 * time.Hour
	// clockSkew is how far a certificate is dated back, for peers whose clock is
	// behind.
	clockSkew = time.Minute
)

// CA signs the certificates of one installation.
type CA struct {
	trustDomain spiffeid.TrustDomain
	cert        *x509.Certificate
	key         *ecdsa.PrivateKey
	bundle      *x509bundle.Bundle
}

// LoadOrCreateCA returns the CA kept in dir as ca.crt and ca.key (PEM, both
// 0600), and makes it on the first call. The directory is made with 0700 if it
// is missing. Several processes may call it at once: one makes the CA, all get
// the same.
//
// A key that others may read, a broken file, a certificate that does not belong
// to the key or to the trust domain, and an expired CA are errors that name the
// file and the remedy. Nothing on disk is ever replaced.
func LoadOrCreateCA(dir, trustDomain string) (*CA, error) {
	td, err := spiffeid.TrustDomainFromString(trustDomain)
	if err != nil {
		return nil, fmt.Errorf("read trust domain %q: %w", trustDomain, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory of the CA: %w", err)
	}
	keyFile, certFile := filepath.Join(dir, "ca.key"), filepath.Join(dir, "ca.crt")
	key, err := loadOrCreateKey(keyFile, certFile)
	if err != nil {
		return nil, err
	}
	cert, err := loadOrCreateCertificate(certFile, td, key)
	if err != nil {
		return nil, err
	}
	ca := &CA{trustDomain: td, cert: cert, key: key, bundle: bundleOf(td, cert)}
	if err := ca.check(keyFile, certFile); err != nil {
		return nil, err
	}
	return ca, nil
}

// LoadCA returns the CA that LoadOrCreateCA made in dir; the certificate says of
// which trust domain it is. It makes nothing: files that are missing are errors as
// those that LoadOrCreateCA refuses are.
func LoadCA(dir string) (*CA, error) {
	keyFile, certFile := filepath.Join(dir, "ca.key"), filepath.Join(dir, "ca.crt")
	key, err := loadKey(keyFile)
	if err != nil {
		return nil, err
	}
	cert, err := loadCertificate(certFile)
	if err != nil {
		return nil, err
	}
	td, err := trustDomainOf(cert)
	if err != nil {
		return nil, fmt.Errorf("read CA certificate %s: %w", certFile, err)
	}
	ca := &CA{trustDomain: td, cert: cert, key: key, bundle: bundleOf(td, cert)}
	if err := ca.check(keyFile, certFile); err != nil {
		return nil, err
	}
	return ca, nil
}

// trustDomainOf reads the name that is a CA's own: an id without a path.
func trustDomainOf(ca *x509.Certificate) (spiffeid.TrustDomain, error) {
	if len(ca.URIs) != 1 {
		return spiffeid.TrustDomain{}, errors.New("it names no trust domain: use the CA that `siteplane pki init` made")
	}
	id, err := spiffeid.FromURI(ca.URIs[0])
	if err != nil || id.Path() != "" {
		return spiffeid.TrustDomain{}, fmt.Errorf("%s is no trust domain: use the CA that `siteplane pki init` made", ca.URIs[0])
	}
	return id.TrustDomain(), nil
}

// Digest returns SHA-256 over the certificate, DER: by it a host that has nothing
// else yet knows the CA.
func (c *CA) Digest() [32]byte {
	return sha256.Sum256(c.cert.Raw)
}

// CertificatePEM returns the CA certificate, for those who verify.
func (c *CA) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
}

// TrustDomain returns the name of the trust domain, for instance "example.org".
func (c *CA) TrustDomain() string {
	return c.trustDomain.Name()
}

// check compares what was loaded: the parts must fit each other and the
// question.
func (c *CA) check(keyFile, certFile string) error {
	ids := c.cert.URIs
	switch {
	case !c.key.PublicKey.Equal(c.cert.PublicKey):
		return fmt.Errorf("CA certificate %s does not belong to the key %s: restore both from the same backup", certFile, keyFile)
	case !c.cert.IsCA:
		return fmt.Errorf("%s is not the certificate of a CA: restore it from a backup", certFile)
	case len(ids) != 1 || ids[0].String() != c.trustDomain.IDString():
		return fmt.Errorf("CA certificate %s is for %v, not for %s: use the trust domain it was made for, or another directory", certFile, ids, c.trustDomain.IDString())
	case !time.Now().Before(c.cert.NotAfter):
		return fmt.Errorf("CA certificate %s expired on %s: move it and %s away to make a new CA, then give every service and edge a new certificate",
			certFile, c.cert.NotAfter.Format(time.DateOnly), keyFile)
	}
	return nil
}

// loadOrCreateKey makes a key only where neither key nor certificate is there: a
// certificate without its key means that something was lost.
func loadOrCreateKey(keyFile, certFile string) (*ecdsa.PrivateKey, error) {
	key, err := loadKey(keyFile)
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	if _, err := os.Lstat(certFile); err == nil {
		// A concurrent first call may have made both in the meantime.
		if key, err := loadKey(keyFile); err == nil {
			return key, nil
		}
		return nil, fmt.Errorf("CA key %s is missing beside %s: restore it from a backup, or move the certificate away to make a new CA", keyFile, certFile)
	}
	key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate CA key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode CA key: %w", err)
	}
	if err := create(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, fmt.Errorf("write CA key: %w", err)
	}
	return loadKey(keyFile)
}

// loadOrCreateCertificate makes the certificate for the key where there is none:
// the first call may have ended between the two files.
func loadOrCreateCertificate(file string, td spiffeid.TrustDomain, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	cert, err := loadCertificate(file)
	if !errors.Is(err, os.ErrNotExist) {
		return cert, err
	}
	der, err := selfSign(td, key)
	if err != nil {
		return nil, fmt.Errorf("sign CA certificate: %w", err)
	}
	if err := create(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); err != nil {
		return nil, fmt.Errorf("write CA certificate: %w", err)
	}
	return loadCertificate(file)
}

func selfSign(td spiffeid.TrustDomain, key *ecdsa.PrivateKey) ([]byte, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serialNumber(),
		Subject:               pkix.Name{Organization: []string{"Siteplane"}, CommonName: "Siteplane CA " + td.Name()},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(caLifetime),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		URIs:                  []*url.URL{td.ID().URL()},
	}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}

func loadKey(file string) (*ecdsa.PrivateKey, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read CA key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("CA key %s may be read by others (mode %04o): run chmod 600 %s, and make a new CA if somebody did read it",
			file, info.Mode().Perm(), file)
	}
	der, err := readPEM(file, "PRIVATE KEY")
	if err != nil {
		return nil, fmt.Errorf("read CA key: %w", err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("CA key %s is broken: restore it from a backup: %w", file, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("CA key %s is a %T, not an ECDSA key: restore it from a backup", file, parsed)
	}
	return key, nil
}

func loadCertificate(file string) (*x509.Certificate, error) {
	der, err := readPEM(file, "CERTIFICATE")
	if err != nil {
		return nil, fmt.Errorf("read CA certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("CA certificate %s is broken: restore it from a backup: %w", file, err)
	}
	return cert, nil
}

// readPEM returns the contents of the only block in a PEM file.
func readPEM(file, blockType string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != blockType || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%s is broken: it does not hold exactly one PEM block %q: restore it from a backup", file, blockType)
	}
	return block.Bytes, nil
}

// serialNumber is 127 random bits: positive and, as RFC 5280 wants, unique.
func serialNumber() *big.Int {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // crypto/rand never fails, it ends the program
	raw[0] &= 0x7f
	return new(big.Int).SetBytes(raw)
}
