package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// Request is a key that was made here, and the PKCS #10 request for its
// certificate. The key leaves this process only by Write.
type Request struct {
	key  *ecdsa.PrivateKey
	der  []byte
	hash [32]byte
}

// NewRequest makes a key, ECDSA on P-256, and signs a request with it.
func NewRequest() (*Request, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return requestOf(key)
}

func requestOf(key *ecdsa.PrivateKey) (*Request, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate request: %w", err)
	}
	hash, err := RequestKeyHash(der)
	return &Request{key: key, der: der, hash: hash}, err
}

// DER returns the request as it is sent.
func (r *Request) DER() []byte { return r.der }

// PublicKeyHash returns SHA-256 over the key's SubjectPublicKeyInfo.
func (r *Request) PublicKeyHash() [32]byte { return r.hash }

// Write writes the key, the certificate that was issued for it and the CA's, both
// PEM, to FilesIn(dir) as WriteIdentity does, and returns the identity. A
// certificate of another key or CA, and one that names no identity, are refused
// before anything is written.
func (r *Request) Write(dir string, certificate, ca []byte) (*Identity, error) {
	i, err := r.identity(certificate, ca)
	if err != nil {
		return nil, fmt.Errorf("take issued certificate: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory of %s: %w", i.Path(), err)
	}
	files := FilesIn(dir)
	if err := replace(files.CA, i.CertificatePEM()); err != nil {
		return nil, err
	}
	leaf := i.svid.Load().Certificates[0]
	return i, writePair(files.Certificate, files.Key, encodeCertificate(leaf.Raw), r.key)
}

// identity puts the parts together, where they fit.
func (r *Request) identity(certificate, ca []byte) (*Identity, error) {
	leaf, err := onlyCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	authority, err := onlyCertificate(ca)
	if err != nil {
		return nil, fmt.Errorf("read CA certificate: %w", err)
	}
	if !r.key.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("it is of another key")
	}
	id, err := verifyLeaf(leaf, authority)
	if err != nil {
		return nil, err
	}
	i := &Identity{bundle: bundleOf(id.TrustDomain(), authority)}
	i.svid.Store(&x509svid.SVID{ID: id, Certificates: []*x509.Certificate{leaf}, PrivateKey: r.key})
	return i, nil
}

func onlyCertificate(text []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
		return nil, errors.New("it is not exactly one certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// Issued is a certificate for a key that the CA has never seen.
type Issued struct {
	// Certificate is PEM.
	Certificate []byte
	// Serial is its number, as SerialOf gives it.
	Serial   string
	NotAfter time.Time
}

// IssueRequest signs the public key of a PKCS #10 request for a path such as
// "/edge/ID", valid for ttl, but never longer than the CA. Nothing else that the
// request says counts: names, extensions and lifetimes are ours. A request that its
// key did not sign, and a key that is not ECDSA on P-256, are refused with an error
// that is a *RequestError.
func (c *CA) IssueRequest(path string, der []byte, ttl time.Duration) (Issued, error) {
	id, err := c.idOf(path)
	if err != nil {
		return Issued{}, err
	}
	key, err := requestKey(der)
	if err != nil {
		return Issued{}, fmt.Errorf("issue identity %s: %w", id, err)
	}
	leaf, err := c.signKey(ofID(id), key, ttl)
	if err != nil {
		return Issued{}, fmt.Errorf("issue identity %s: %w", id, err)
	}
	return Issued{Certificate: encodeCertificate(leaf.Raw), Serial: SerialOf(leaf), NotAfter: leaf.NotAfter}, nil
}

// SerialOf returns the number of a certificate, in hexadecimal.
func SerialOf(cert *x509.Certificate) string { return cert.SerialNumber.Text(16) }

// RequestKeyHash returns SHA-256 over the SubjectPublicKeyInfo of the key that
// signed a request. It refuses what IssueRequest refuses.
func RequestKeyHash(der []byte) ([32]byte, error) {
	key, err := requestKey(der)
	if err != nil {
		return [32]byte{}, err
	}
	info, err := x509.MarshalPKIXPublicKey(key)
	return sha256.Sum256(info), err
}

// RequestError says what is wrong with a request for a certificate.
type RequestError struct{ problem string }

// Error implements error.
func (e *RequestError) Error() string { return "certificate request: " + e.problem }

// requestKey returns the key that a request proves to hold.
func requestKey(der []byte) (*ecdsa.PublicKey, error) {
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, &RequestError{"it is not PKCS #10"}
	}
	key, ok := request.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, &RequestError{"the key is not ECDSA on P-256"}
	}
	if err := request.CheckSignature(); err != nil {
		return nil, &RequestError{"its key did not sign it"}
	}
	return key, nil
}
