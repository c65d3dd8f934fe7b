package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

// JoinTLS returns the configuration of a client that knows nothing of the
// installation but the digest of its CA: TLS 1.3 only, without a client certificate.
// The server must present that CA in its chain, as EnrolmentTLS does, and have exactly
// that path.
func JoinTLS(digest [32]byte, peerPath string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		// VerifyConnection does it: there are no roots to verify by, and no host name.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if err := verifyJoined(state.PeerCertificates, digest, peerPath); err != nil {
				return fmt.Errorf("the server is not the one that the join token is for: %w", err)
			}
			return nil
		},
	}
}

func verifyJoined(chain []*x509.Certificate, digest [32]byte, peerPath string) error {
	if len(chain) == 0 {
		return errors.New("it has no certificate")
	}
	for _, ca := range chain[1:] {
		sum := sha256.Sum256(ca.Raw)
		if subtle.ConstantTimeCompare(sum[:], digest[:]) == 1 {
			return verifyPath(chain[0], ca, peerPath)
		}
	}
	return errors.New("it does not present the CA")
}

func verifyPath(leaf, ca *x509.Certificate, path string) error {
	id, err := verifyLeaf(leaf, ca)
	if err != nil {
		return err
	}
	if id.Path() != path {
		return fmt.Errorf("it is %s", id)
	}
	return nil
}

// verifyLeaf returns the id of a certificate that comes from the CA, is valid now,
// and is of the CA's trust domain.
func verifyLeaf(leaf, ca *x509.Certificate) (spiffeid.ID, error) {
	td, err := trustDomainOf(ca)
	if err != nil {
		return spiffeid.ID{}, err
	}
	id, _, err := x509svid.Verify([]*x509.Certificate{leaf}, bundleOf(td, ca))
	return id, err
}

// EnrolmentTLS returns the configuration of the listener where hosts ask for
// certificates: TLS 1.3 only, the chain holds the CA, and a client certificate may be
// missing; one that is there must be of the same trust domain.
func (i *Identity) EnrolmentTLS(ca *CA) *tls.Config {
	verify := tlsconfig.VerifyPeerCertificate(i.bundle, tlsconfig.AuthorizeMemberOf(i.bundle.TrustDomain()))
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true,
		ClientAuth:             tls.RequestClientCert,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			svid := i.svid.Load()
			return &tls.Certificate{
				Certificate: [][]byte{svid.Certificates[0].Raw, ca.cert.Raw},
				PrivateKey:  svid.PrivateKey,
				Leaf:        svid.Certificates[0],
			}, nil
		},
		VerifyPeerCertificate: func(raw [][]byte, chains [][]*x509.Certificate) error {
			if len(raw) == 0 {
				return nil
			}
			return verify(raw, chains)
		},
	}
}
