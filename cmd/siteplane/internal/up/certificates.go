package up

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/siteplane/siteplane/internal/platform/identity"
)

const (
	// certificateTTL is short enough for a leaked key to age, and long enough
	// for a host that sleeps over a weekend.
	certificateTTL = 7 * 24 * time.Hour
	// renewEvery leaves several tries before a certificate ends.
	renewEvery = 24 * time.Hour
)

// publicHosts are the names that the public listeners answer to.
var publicHosts = []string{"127.0.0.1", "::1", "localhost"}

// certificates are what the CA has issued for this run, renewed while it lasts.
type certificates struct {
	ca *identity.CA

	mu         sync.Mutex
	identities []*identity.Identity
	public     *tls.Certificate
}

// issue makes the identity of a service.
func (c *certificates) issue(path string) (*identity.Identity, error) {
	issued, err := c.ca.Issue(path, certificateTTL)
	if err != nil {
		return nil, fmt.Errorf("issue the certificate of %s: %w", path, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.identities = append(c.identities, issued)
	return issued, nil
}

// publicTLS is the configuration of the public listeners.
func (c *certificates) publicTLS() (*tls.Config, error) {
	if err := c.renewPublic(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.public, nil
		},
	}, nil
}

func (c *certificates) renewPublic() error {
	issued, err := c.ca.IssueServer(publicHosts, certificateTTL)
	if err != nil {
		return fmt.Errorf("issue the public certificate: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.public = &issued
	return nil
}

// renew gives every certificate a fresh key; connections take it from their
// next handshake on.
func (c *certificates) renew() error {
	c.mu.Lock()
	identities := c.identities
	c.mu.Unlock()
	problems := []error{c.renewPublic()}
	for _, i := range identities {
		problems = append(problems, c.ca.Renew(i, certificateTTL))
	}
	return errors.Join(problems...)
}

// keepRenewing renews until the context is done. What fails is tried again the
// next day; the old certificates hold for days yet.
func (c *certificates) keepRenewing(ctx context.Context, logger *slog.Logger) error {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := c.renew(); err != nil {
				logger.ErrorContext(ctx, "certificates not renewed", "error", err)
			}
		}
	}
}
