package up

import (
	"bytes"
	"crypto/tls"
	"testing"

	"github.com/siteplane/siteplane/internal/platform/identity"
)

func TestCertificates_renew(t *testing.T) {
	ca, err := identity.LoadOrCreateCA(t.TempDir(), "siteplane.local")
	if err != nil {
		t.Fatal(err)
	}
	c := &certificates{ca: ca}
	service, err := c.issue("/service/lifecycle")
	if err != nil {
		t.Fatal(err)
	}
	public, err := c.publicTLS()
	if err != nil {
		t.Fatal(err)
	}
	presented := func(cfg *tls.Config) []byte {
		certificate, err := cfg.GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return certificate.Certificate[0]
	}
	internal := service.ServerTLS()
	for name, cfg := range map[string]*tls.Config{"public": public, "service": internal} {
		before := presented(cfg)
		if err := c.renew(); err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(before, presented(cfg)) {
			t.Errorf("the %s listener presents the old certificate", name)
		}
	}
}
