package identity

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// WriteIdentity issues an identity and writes it to FilesIn(dir), all 0600, with
// the directory where it is missing. What is there is replaced; a program that
// runs takes it with Reload.
func (c *CA) WriteIdentity(dir, path string, ttl time.Duration) (*Identity, error) {
	issued, err := c.Issue(path, ttl)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory of %s: %w", path, err)
	}
	svid := issued.svid.Load()
	files := FilesIn(dir)
	if err := replace(files.CA, c.CertificatePEM()); err != nil {
		return nil, err
	}
	return issued, writePair(files.Certificate, files.Key, encodeCertificate(svid.Certificates[0].Raw), svid.PrivateKey)
}

// WriteServer issues a certificate for a public listener as IssueServer does and
// writes it to ServerFilesIn(dir), both 0600. What is there is replaced.
func (c *CA) WriteServer(dir string, hosts []string, ttl time.Duration) (*x509.Certificate, error) {
	issued, err := c.IssueServer(hosts, ttl)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory of the public certificate: %w", err)
	}
	var chain []byte
	for _, der := range issued.Certificate {
		chain = append(chain, encodeCertificate(der)...)
	}
	files := ServerFilesIn(dir)
	return issued.Leaf, writePair(files.Certificate, files.Key, chain, issued.PrivateKey)
}

// writePair writes the key first: a certificate that is there has its key.
func writePair(certFile, keyFile string, chain []byte, key any) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	if err := replace(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return err
	}
	return replace(certFile, chain)
}

// replace writes a file of mode 0600 that appears whole or not at all, and that
// survives a power cut once replace returns.
func replace(file string, data []byte) error {
	dir := filepath.Dir(file)
	temp, err := os.CreateTemp(dir, "."+filepath.Base(file)+"-*")
	if err != nil {
		return fmt.Errorf("make temporary file: %w", err)
	}
	if err := writeSync(temp, data); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", temp.Name(), err), os.Remove(temp.Name()))
	}
	if err := os.Rename(temp.Name(), file); err != nil {
		return errors.Join(fmt.Errorf("publish %s: %w", file, err), os.Remove(temp.Name()))
	}
	return syncDir(dir)
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func isCertificate(text []byte) bool {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return false
	}
	_, err := x509.ParseCertificate(block.Bytes)
	return err == nil
}

// isMismatch knows the two errors by which tls.X509KeyPair says that a key
// belongs to another certificate; they have no type.
func isMismatch(err error) bool {
	return strings.Contains(err.Error(), "does not match")
}
