package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

var claimSchema = &schema[network.Claim]{
	key: &index[network.Claim]{
		unique: "claim.hostname",
		by: func(a, b *network.Claim) int {
			return cmp.Or(cmp.Compare(a.TenantID, b.TenantID), cmp.Compare(a.Hostname, b.Hostname))
		},
	},
	keep: func(c *network.Claim) { micro(&c.CreatedAt) },
	rules: []rule[network.Claim]{
		{"claim.token", func(c *network.Claim) bool { return c.Token != "" }},
		{"claim.created_at", func(c *network.Claim) bool { return set(c.CreatedAt) }},
	},
	refers: func(t *tx, c *network.Claim) error { return t.knows(c.TenantID) },
}

// EnsureClaim returns the tenant's claim on a hostname, and writes the given one
// if there is none.
func (t *tx) EnsureClaim(ctx context.Context, c network.Claim) (network.Claim, error) {
	if !t.claims.has(c) {
		if err := t.claims.insert(t, c); err != nil {
			return network.Claim{}, err
		}
	}
	return t.GetClaim(ctx, c.TenantID, c.Hostname)
}

// GetClaim returns the tenant's claim on a hostname.
func (t *tx) GetClaim(_ context.Context, tenant id.Tenant, hostname string) (network.Claim, error) {
	c, ok := t.claims.get(network.Claim{TenantID: tenant, Hostname: hostname})
	if !ok {
		return c, &lifecycle.NotFoundError{Kind: "claim", ID: hostname}
	}
	return c, nil
}

// ClaimsOn returns the domains of any tenant, oldest first, that are not RELEASED
// and have one of the hostnames.
func (t *tx) ClaimsOn(_ context.Context, hostnames []string) (claims []network.Domain, err error) {
	for _, hostname := range unique(hostnames) {
		named := t.domains.in(domainNamed, network.Domain{Hostname: hostname})
		claims = append(claims, t.domains.list(named, all, domainListed.of)...)
	}
	slices.SortFunc(claims, func(a, b network.Domain) int { return cmp.Or(byCreation(&a, &b), cmp.Compare(a.ID, b.ID)) })
	return claims, nil
}

// unique returns each item once.
func unique[T cmp.Ordered](items []T) []T { return slices.Compact(slices.Sorted(slices.Values(items))) }
