package identity

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// What to do about a file that cannot be used. DIR is where `siteplane pki init`
// keeps everything.
const (
	remedyMissing = "run `siteplane pki init DIR`, which adds what is missing, and copy the folder of this program from there"
	remedyRenew   = "run `siteplane pki init --renew DIR`, and copy the folder of this program from there"
	remedySameCA  = "every program needs a folder from the same `siteplane pki init DIR`"
)

// Files name where an identity is kept, as PEM.
type Files struct {
	// Certificate and Key are the program's own; the key is readable by its owner
	// only.
	Certificate, Key string
	// CA is the certificate that those of the peers must come from.
	CA string
}

// FilesIn returns the files of a folder that WriteIdentity filled.
func FilesIn(dir string) Files {
	return Files{
		Certificate: filepath.Join(dir, "tls.crt"),
		Key:         filepath.Join(dir, "tls.key"),
		CA:          filepath.Join(dir, "ca.crt"),
	}
}

// Load returns the identity that is kept in files. A file that is missing, broken
// or readable by others, a key of another certificate, a certificate of another
// CA, and one that has expired or is not yet valid are errors that name the file
// and the remedy.
func Load(files Files) (*Identity, error) { return load(files, timely) }

// LoadUntimely is Load for a program that must go on although its certificate has
// expired or is not yet valid: nobody believes it before Reload took a renewed one.
func LoadUntimely(files Files) (*Identity, error) { return load(files, untimely) }

func load(files Files, of timeliness) (*Identity, error) {
	svid, bundle, err := read(files, of)
	if err != nil {
		return nil, err
	}
	i := &Identity{bundle: bundle}
	i.svid.Store(svid)
	return i, nil
}

// Reload takes a renewed key and certificate from files and reports whether they
// had changed. Configurations made earlier use them from the next handshake on.
// Where they cannot be used, are for another id or come from another CA, the old
// ones stay.
func (i *Identity) Reload(files Files) (changed bool, err error) {
	svid, bundle, err := read(files, timely)
	if err != nil {
		return false, err
	}
	old := i.svid.Load()
	if svid.Certificates[0].Equal(old.Certificates[0]) {
		return false, nil
	}
	if svid.ID != old.ID || !bundle.Equal(i.bundle) {
		return false, fmt.Errorf("certificate %s is now for %s, or of another CA: restart the program to take it, or restore the one of %s",
			files.Certificate, svid.ID, old.ID)
	}
	i.svid.Store(svid)
	return true, nil
}

// CertificatePEM returns the CA that peers must come from.
func (i *Identity) CertificatePEM() []byte {
	var text []byte
	for _, authority := range i.bundle.X509Authorities() {
		text = append(text, encodeCertificate(authority.Raw)...)
	}
	return text
}

// timeliness says whether a certificate must be valid now.
type timeliness bool

const (
	timely   timeliness = true
	untimely timeliness = false
)

// except leaves out what is wrong with the time of a certificate where that does
// not matter.
func (t timeliness) except(err error) error {
	if wrong := (*timeError)(nil); t == untimely && errors.As(err, &wrong) {
		return nil
	}
	return err
}

func read(files Files, of timeliness) (*x509svid.SVID, *x509bundle.Bundle, error) {
	if err := checkThere(files.Certificate, files.Key, files.CA); err != nil {
		return nil, nil, err
	}
	ca, caErr := readCA(files.CA)
	pair, pairErr := readPair(files.Certificate, files.Key)
	if err := errors.Join(of.except(caErr), of.except(pairErr)); err != nil {
		return nil, nil, err
	}
	leaf := pair.Leaf
	if err := leaf.CheckSignatureFrom(ca); err != nil {
		return nil, nil, fmt.Errorf("certificate %s does not come from the CA %s: %s", files.Certificate, files.CA, remedySameCA)
	}
	id, err := x509svid.IDFromCert(leaf)
	if err != nil || len(ca.URIs) != 1 || id.TrustDomain().IDString() != ca.URIs[0].String() {
		return nil, nil, fmt.Errorf("certificate %s has no SPIFFE id of the CA's trust domain: %s", files.Certificate, remedySameCA)
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("key %s cannot sign: %s", files.Key, remedyRenew)
	}
	return &x509svid.SVID{ID: id, Certificates: []*x509.Certificate{leaf}, PrivateKey: signer}, bundleOf(id.TrustDomain(), ca), nil
}

// checkThere names every file that is missing, with the remedy once.
func checkThere(files ...string) error {
	var missing []string
	for _, file := range files {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, file)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("missing are %s: %s", strings.Join(missing, ", "), remedyMissing)
}

func bundleOf(td spiffeid.TrustDomain, ca *x509.Certificate) *x509bundle.Bundle {
	return x509bundle.FromX509Authorities(td, []*x509.Certificate{ca})
}

func readCA(file string) (*x509.Certificate, error) {
	der, err := readPEM(file, "CERTIFICATE")
	if err != nil {
		return nil, unread("CA certificate", file, err)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil || !ca.IsCA {
		return nil, fmt.Errorf("%s is not the certificate of a CA: %s", file, remedySameCA)
	}
	return ca, checkTime("CA certificate", file, ca, "make a new CA with `siteplane pki init` in an empty directory, and give every program a folder from there")
}

// readPair reads a certificate, perhaps followed by its chain, and its key.
func readPair(certFile, keyFile string) (*tls.Certificate, error) {
	cert, certErr := os.ReadFile(certFile)
	key, keyErr := readPrivate(keyFile)
	if certErr != nil {
		certErr = unread("certificate", certFile, certErr)
	}
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, mismatch(certFile, keyFile, cert, err)
	}
	return &pair, checkTime("certificate", certFile, pair.Leaf, remedyRenew)
}

// mismatch tells a key of another certificate from files that are no PEM.
func mismatch(certFile, keyFile string, cert []byte, err error) error {
	switch {
	case !isCertificate(cert):
		return fmt.Errorf("certificate %s is broken (%w): %s", certFile, err, remedyRenew)
	case isMismatch(err):
		return fmt.Errorf("key %s does not fit certificate %s: %s", keyFile, certFile, remedyRenew)
	default:
		return fmt.Errorf("key %s is broken (%w): %s", keyFile, err, remedyRenew)
	}
}

// readPrivate reads a file that nobody but its owner may read.
func readPrivate(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, unread("key", file, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("key %s may be read by others (mode %04o): run chmod 600 %s, and `siteplane pki init --renew DIR` if somebody did read it",
			file, mode, file)
	}
	key, err := os.ReadFile(file)
	if err != nil {
		return nil, unread("key", file, err)
	}
	return key, nil
}

func unread(what, file string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s %s may not be read by this user: give the file to the user that runs the program (chown)", what, file)
	}
	return fmt.Errorf("%s %s cannot be read (%w): %s", what, file, err, remedyMissing)
}

// timeError says that a certificate is not valid now.
type timeError struct{ text string }

func (e *timeError) Error() string { return e.text }

func checkTime(what, file string, cert *x509.Certificate, remedy string) error {
	now := time.Now()
	switch {
	case now.After(cert.NotAfter):
		return &timeError{fmt.Sprintf("%s %s expired on %s: %s", what, file, cert.NotAfter.Format(time.DateOnly), remedy)}
	case now.Before(cert.NotBefore):
		return &timeError{fmt.Sprintf("%s %s is valid from %s on only: set this host's clock, which says %s, or %s", what, file,
			cert.NotBefore.UTC().Format(time.DateTime), now.UTC().Format(time.DateTime), remedy)}
	}
	return nil
}
