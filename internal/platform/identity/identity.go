package identity

import (
	"crypto/tls"
	"sync/atomic"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// Identity is a key and a certificate with one SPIFFE id, and the CA that peers
// must come from. It is safe for concurrent use; CA.Renew replaces key and
// certificate while it is in use.
type Identity struct {
	svid   atomic.Pointer[x509svid.SVID]
	bundle *x509bundle.Bundle
}

// Path returns the path of the id, for instance "/service/lifecycle".
func (i *Identity) Path() string {
	return i.svid.Load().ID.Path()
}

// ID returns the whole id, for instance "spiffe://example.org/service/lifecycle".
func (i *Identity) ID() string {
	return i.svid.Load().ID.String()
}

// NotAfter returns when the current certificate expires.
func (i *Identity) NotAfter() time.Time {
	return i.svid.Load().Certificates[0].NotAfter
}

// Lifetime returns for how long the current certificate was issued.
func (i *Identity) Lifetime() time.Duration {
	leaf := i.svid.Load().Certificates[0]
	return leaf.NotAfter.Sub(leaf.NotBefore) - clockSkew
}

// ServerTLS returns the configuration of a server: TLS 1.3 only, and a client
// certificate of the same trust domain is required.
func (i *Identity) ServerTLS() *tls.Config {
	cfg := tlsconfig.MTLSServerConfig(i, i.bundle, tlsconfig.AuthorizeMemberOf(i.bundle.TrustDomain()))
	cfg.MinVersion = tls.VersionTLS13
	cfg.SessionTicketsDisabled = true
	return cfg
}

// ClientTLS returns the configuration of a client: TLS 1.3 only, and the server
// must have exactly that path in the same trust domain. A path that is none lets
// no server through.
func (i *Identity) ClientTLS(peerPath string) *tls.Config {
	cfg := tlsconfig.MTLSClientConfig(i, i.bundle, i.authorizePath(peerPath))
	cfg.MinVersion = tls.VersionTLS13
	return cfg
}

func (i *Identity) authorizePath(path string) tlsconfig.Authorizer {
	id, err := spiffeid.FromPath(i.bundle.TrustDomain(), path)
	if err != nil {
		return tlsconfig.AuthorizeOneOf()
	}
	return tlsconfig.AuthorizeID(id)
}

// GetX509SVID returns the current key and certificate. With it an Identity is a
// source for go-spiffe, which asks once for each handshake.
func (i *Identity) GetX509SVID() (*x509svid.SVID, error) {
	return i.svid.Load(), nil
}
