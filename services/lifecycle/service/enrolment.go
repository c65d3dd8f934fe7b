package service

import (
	"bytes"
	"errors"
	"net"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// DefaultEdgeCertificateLifetime is how long the certificates of edges hold that renew
// them by themselves.
const DefaultEdgeCertificateLifetime = 7 * 24 * time.Hour

// Enrolment is what hosts need to become edges here.
type Enrolment struct {
	// Listener is where they ask; the service closes it.
	Listener net.Listener
	// CA is the one that all certificates of the installation come from.
	CA *identity.CA
	// CertificateLifetime of zero: DefaultEdgeCertificateLifetime.
	CertificateLifetime time.Duration
}

// check refuses a CA that others would not believe.
func (e *Enrolment) check(self *identity.Identity) error {
	if !bytes.Equal(e.CA.CertificatePEM(), self.CertificatePEM()) {
		return errors.New("the issuing CA is not the one that lifecycle's own certificate comes from: give the directory of the `siteplane pki init` that made both")
	}
	return nil
}

// Issuer returns what signs the certificates of edges.
func (e *Enrolment) Issuer() app.Issuer {
	lifetime := e.CertificateLifetime
	if lifetime == 0 {
		lifetime = DefaultEdgeCertificateLifetime
	}
	return issuer{CA: e.CA, lifetime: lifetime}
}

// issuer is an app.Issuer on a CA.
type issuer struct {
	*identity.CA
	lifetime time.Duration
}

// KeyHash implements app.Issuer.
func (issuer) KeyHash(request []byte) ([32]byte, error) { return identity.RequestKeyHash(request) }

// Issue implements app.Issuer.
func (i issuer) Issue(edgeID id.Edge, request []byte) (identity.Issued, error) {
	return i.IssueRequest(EdgePath(edgeID), request, i.lifetime)
}
