package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// EnsureClaim returns the tenant's claim on a hostname, and writes the given one
// if there is none.
func (t *Tx) EnsureClaim(ctx context.Context, c network.Claim) (network.Claim, error) {
	err := t.later(ctx, "insert the claim", `
		INSERT INTO claim (tenant_id, hostname, token, created_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (tenant_id, hostname) DO NOTHING`,
		c.TenantID, c.Hostname, c.Token, stamp(c.CreatedAt))
	switch {
	case breaks(err, ForeignKey):
		return network.Claim{}, &lifecycle.NotFoundError{Kind: "tenant", ID: string(c.TenantID)}
	case err != nil:
		return network.Claim{}, err
	}
	return t.GetClaim(ctx, c.TenantID, c.Hostname)
}

// GetClaim returns the tenant's claim on a hostname.
func (t *Tx) GetClaim(ctx context.Context, tenant id.Tenant, hostname string) (network.Claim, error) {
	c, ok, err := one(ctx, t, "read the claim", scanClaim, `
		SELECT tenant_id, hostname, token, created_at FROM claim WHERE tenant_id = ? AND hostname = ?`, tenant, hostname)
	if err == nil && !ok {
		err = &lifecycle.NotFoundError{Kind: "claim", ID: hostname}
	}
	return c, err
}

func scanClaim(r Row) (c network.Claim, err error) {
	err = r.Scan(&c.TenantID, &c.Hostname, &c.Token, moment{&c.CreatedAt})
	return c, err
}

// ClaimsOn returns the domains of any tenant, oldest first, that are not RELEASED
// and have one of the hostnames.
func (t *Tx) ClaimsOn(ctx context.Context, hostnames []string) ([]network.Domain, error) {
	return all(ctx, t, "read the claims", scanDomain, `
		SELECT `+domainColumns+` FROM domain
		WHERE hostname IN (?texts) AND status <> 'RELEASED'
		ORDER BY created_at, id`, texts(hostnames))
}
