package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// Issue returns a new identity with a fresh key for a path such as
// "/service/lifecycle". It is valid for ttl, but never longer than the CA.
func (c *CA) Issue(path string, ttl time.Duration) (*Identity, error) {
	svid, err := c.issueSVID(path, ttl)
	if err != nil {
		return nil, err
	}
	i := &Identity{bundle: c.bundle}
	i.svid.Store(svid)
	return i, nil
}

// Renew gives an identity of this CA a fresh key and certificate for the same
// path, valid for ttl. TLS configurations made earlier use it from the next
// handshake on.
func (c *CA) Renew(i *Identity, ttl time.Duration) error {
	old := i.svid.Load().ID
	if old.TrustDomain() != c.trustDomain {
		return fmt.Errorf("renew %s: not of the trust domain %s", old, c.trustDomain)
	}
	svid, err := c.issueSVID(old.Path(), ttl)
	if err != nil {
		return err
	}
	i.svid.Store(svid)
	return nil
}

// IssueServer returns a certificate for a public listener: server
// authentication only, for host names and IP addresses, without a SPIFFE id. It
// is valid for ttl, but never longer than the CA. The chain includes the CA.
func (c *CA) IssueServer(hosts []string, ttl time.Duration) (tls.Certificate, error) {
	if len(hosts) == 0 {
		return tls.Certificate{}, errors.New("issue server certificate: no hosts")
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	leaf, key, err := c.sign(template, ttl)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issue server certificate for %v: %w", hosts, err)
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, c.cert.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func (c *CA) issueSVID(path string, ttl time.Duration) (*x509svid.SVID, error) {
	id, err := c.idOf(path)
	if err != nil {
		return nil, err
	}
	leaf, key, err := c.sign(ofID(id), ttl)
	if err != nil {
		return nil, fmt.Errorf("issue identity %s: %w", id, err)
	}
	return &x509svid.SVID{ID: id, Certificates: []*x509.Certificate{leaf}, PrivateKey: key}, nil
}

func (c *CA) idOf(path string) (spiffeid.ID, error) {
	id, err := spiffeid.FromPath(c.trustDomain, path)
	if err != nil {
		return spiffeid.ID{}, fmt.Errorf("issue identity %q: %w", path, err)
	}
	if path == "" {
		return spiffeid.ID{}, errors.New("issue identity: the empty path is the CA's own")
	}
	return id, nil
}

// ofID is what the certificates of all identities have in common.
func ofID(id spiffeid.ID) *x509.Certificate {
	return &x509.Certificate{
		Subject:     pkix.Name{Organization: []string{"Siteplane"}},
		URIs:        []*url.URL{id.URL()},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

// sign makes a key and signs its certificate.
func (c *CA) sign(template *x509.Certificate, ttl time.Duration) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	leaf, err := c.signKey(template, &key.PublicKey, ttl)
	return leaf, key, err
}

// signKey fills in what all certificates share and signs.
func (c *CA) signKey(template *x509.Certificate, key *ecdsa.PublicKey, ttl time.Duration) (*x509.Certificate, error) {
	if ttl <= 0 {
		return nil, fmt.Errorf("time to live %s is not positive", ttl)
	}
	if err := c.setValidity(template, ttl); err != nil {
		return nil, err
	}
	template.SerialNumber = serialNumber()
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	der, err := x509.CreateCertificate(rand.Reader, template, c.cert, key, c.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// setValidity keeps the certificate inside the CA's own time.
func (c *CA) setValidity(template *x509.Certificate, ttl time.Duration) error {
	now := time.Now()
	if !now.Before(c.cert.NotAfter) {
		return fmt.Errorf("the CA expired on %s: make a new one", c.cert.NotAfter.Format(time.DateOnly))
	}
	template.NotBefore = later(now.Add(-clockSkew), c.cert.NotBefore)
	template.NotAfter = earlier(now.Add(ttl), c.cert.NotAfter)
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
