// Package certificate reads the certificates that an edge holds and makes of them
// what nginx is given.
//
// It owns the grammar of such files: PEM and nothing but PEM, a key that fits, a
// chain in order, a name that is covered, a time that is not over. Nothing is
// copied: what was parsed is encoded anew, so that nginx reads no byte that Go did
// not understand. It must not know sites, nginx or where certificates come from.
//
// Invariant: a certificate that is no good is left out and named, and is in no
// other's way.
package certificate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// What is more than this is no certificate of a site.
const (
	mostBytes = 64 << 10
	mostChain = 8
	leastRSA  = 2048
	mostRSA   = 4096
)

// Certificate is a certificate of one name, with its key.
type Certificate struct {
	// Name is the hostname that it is used for.
	Name string
	// NotAfter is when it ends.
	NotAfter time.Time
	// chain and key are canonical PEM.
	chain, key []byte
}

// Parse checks the PEM of a chain, leaf first, and of its key for a name.
func Parse(name string, chain, key []byte, now time.Time) (Certificate, error) {
	certificates, err := parseChain(chain)
	if err != nil {
		return Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	signer, err := parseKey(key)
	if err != nil {
		return Certificate{}, fmt.Errorf("key: %w", err)
	}
	leaf := certificates[0]
	if err := check(leaf, signer, name, now); err != nil {
		return Certificate{}, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return Certificate{}, fmt.Errorf("encode the key: %w", err)
	}
	parsed := Certificate{Name: name, NotAfter: leaf.NotAfter}
	parsed.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	for _, certificate := range certificates {
		parsed.chain = append(parsed.chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})...)
	}
	return parsed, nil
}

func check(leaf *x509.Certificate, key crypto.Signer, name string, now time.Time) error {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case !ok || !public.Equal(leaf.PublicKey):
		return errors.New("the key is not that of the certificate")
	case leaf.VerifyHostname(name) != nil:
		return fmt.Errorf("the certificate is not for %s", name)
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate begins at %s", leaf.NotBefore.UTC().Format(time.RFC3339))
	case !now.Before(leaf.NotAfter):
		return fmt.Errorf("the certificate ended at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

func parseChain(data []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for len(bytes.TrimSpace(data)) > 0 {
		block, rest, err := nextBlock(data)
		if err != nil {
			return nil, err
		}
		if block.Type != "CERTIFICATE" || len(chain) == mostChain {
			return nil, fmt.Errorf("is not 1 to %d blocks CERTIFICATE", mostChain)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("is not X.509")
		}
		chain, data = append(chain, certificate), rest
	}
	if len(chain) == 0 {
		return nil, errors.New("is empty")
	}
	for i, issuer := range chain[1:] {
		if chain[i].CheckSignatureFrom(issuer) != nil {
			return nil, fmt.Errorf("number %d of the chain is not signed by the next", i+1)
		}
	}
	return chain, nil
}

// nextBlock takes a block off, with nothing in front of it: pem.Decode would pass
// over whatever is there.
func nextBlock(data []byte) (*pem.Block, []byte, error) {
	data = bytes.TrimSpace(data)
	if !bytes.HasPrefix(data, []byte("-----BEGIN ")) {
		return nil, nil, errors.New("has something else than PEM in it")
	}
	block, rest := pem.Decode(data)
	if block == nil {
		return nil, nil, errors.New("is not PEM")
	}
	if used := data[:len(data)-len(rest)]; bytes.Count(used, []byte("-----BEGIN ")) != 1 {
		return nil, nil, errors.New("has a broken block in it")
	}
	if len(block.Headers) > 0 {
		return nil, nil, errors.New("has headers, as an encrypted key has")
	}
	return block, rest, nil
}

func parseKey(data []byte) (crypto.Signer, error) {
	block, rest, err := nextBlock(data)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("is more than one block")
	}
	var key any
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, errors.New("is not a block PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY")
	}
	if err != nil {
		return nil, errors.New("is damaged")
	}
	return checkKind(key)
}

// checkKind keeps keys out that make each handshake slow, or weak, or that
// browsers do not know.
func checkKind(key any) (crypto.Signer, error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P256() || key.Curve == elliptic.P384() {
			return key, nil
		}
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); leastRSA <= bits && bits <= mostRSA {
			return key, nil
		}
	}
	return nil, fmt.Errorf("is neither P-256, P-384 nor RSA of %d to %d bits", leastRSA, mostRSA)
}
