package identity_test

import (
	"crypto/tls"
	"testing"
	"testing/synctest"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
)

func TestJoinTLS(t *testing.T) {
	ca, other := newCA(t), newCA(t)
	lifecycle := issue(t, ca, "/service/lifecycle", time.Hour)
	for name, c := range map[string]struct {
		server *tls.Config
		digest [32]byte
		says   string
	}{
		"lets the installation's lifecycle be believed": {server: lifecycle.EnrolmentTLS(ca), digest: ca.Digest()},
		"refuses another CA's digest":                   {server: lifecycle.EnrolmentTLS(ca), digest: other.Digest(), says: "does not present the CA"},
		"refuses the leaf of another path":              {server: issue(t, ca, "/service/tunnel", time.Hour).EnrolmentTLS(ca), digest: ca.Digest(), says: "/service/tunnel"},
		"refuses an edge that claims to be lifecycle":   {server: issue(t, ca, "/edge/one", time.Hour).EnrolmentTLS(ca), digest: ca.Digest(), says: "/edge/one"},
		"refuses a chain without the CA":                {server: withoutClients(lifecycle.ServerTLS()), digest: ca.Digest(), says: "does not present the CA"},
		"refuses a leaf that only stands beside the CA": {server: issue(t, other, "/service/lifecycle", time.Hour).EnrolmentTLS(ca), digest: ca.Digest(), says: "unknown authority"},
		"refuses TLS 1.2":                               {server: atMost12(lifecycle.EnrolmentTLS(ca)), digest: ca.Digest(), says: "protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			err := handshake(c.server, identity.JoinTLS(c.digest, "/service/lifecycle"))
			if c.says != "" {
				wantSays(t, err, c.says)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestJoinTLS_refuses_an_expired_server(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newCA(t)
		server := issue(t, ca, "/service/lifecycle", time.Hour).EnrolmentTLS(ca)
		time.Sleep(time.Hour + time.Second)
		wantSays(t, handshake(server, identity.JoinTLS(ca.Digest(), "/service/lifecycle")), "expired")
	})
}

// withoutClients has a server ask for no client certificate.
func withoutClients(cfg *tls.Config) *tls.Config {
	cfg.ClientAuth, cfg.VerifyPeerCertificate = tls.NoClientCert, nil
	return cfg
}

func TestIdentity_EnrolmentTLS(t *testing.T) {
	ca, other := newCA(t), newCA(t)
	server := issue(t, ca, "/service/lifecycle", time.Hour).EnrolmentTLS(ca)
	edge := issue(t, ca, "/edge/one", time.Hour)

	t.Run("takes a client with a certificate of ours", func(t *testing.T) {
		if err := handshake(server, edge.ClientTLS("/service/lifecycle")); err != nil {
			t.Error(err)
		}
	})
	t.Run("takes one without", func(t *testing.T) {
		if err := handshake(server, identity.JoinTLS(ca.Digest(), "/service/lifecycle")); err != nil {
			t.Error(err)
		}
	})
	t.Run("refuses a certificate of another CA", func(t *testing.T) {
		stranger := issue(t, other, "/edge/one", time.Hour)
		client := identity.JoinTLS(ca.Digest(), "/service/lifecycle")
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			svid, err := stranger.GetX509SVID()
			return &tls.Certificate{Certificate: [][]byte{svid.Certificates[0].Raw}, PrivateKey: svid.PrivateKey}, err
		}
		wantSays(t, handshake(server, client), "unknown authority")
	})
}
