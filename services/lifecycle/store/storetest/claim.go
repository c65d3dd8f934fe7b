package storetest

import (
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

var claimTests = []test{
	{"a claim is kept as it was first written", claimIsKept},
	{"of two first claims at once both get the one that is kept", firstClaimsRace},
	{"each tenant has a claim of its own on a hostname", claimsAreApart},
	{"a claim that is not there is not found", unknownClaim},
	{"a claim of an unknown tenant is refused", claimOfUnknownTenant},
	{"a claim without a token is refused", claimWithoutToken},
	{"the claims on hostnames are the domains of any tenant, oldest first", claimsOnAreListed},
	{"a released domain is no claim, one on its way out is", releasedIsNoClaim},
	{"no hostnames have no claims", claimsOnNothing},
}

func (f *fixture) blankClaim(hostname, token string) network.Claim {
	return network.Claim{TenantID: f.tenant, Hostname: hostname, Token: token, CreatedAt: f.now}
}

func (f *fixture) ensureClaim(c network.Claim) (kept network.Claim) {
	f.Helper()
	f.update(func(tx store.Tx) (err error) {
		kept, err = tx.EnsureClaim(f.ctx, c)
		return err
	})
	return kept
}

func (f *fixture) getClaim(tenant id.Tenant, hostname string) network.Claim {
	f.Helper()
	return read(f, func(tx store.Tx) (network.Claim, error) { return tx.GetClaim(f.ctx, tenant, hostname) })
}

func (f *fixture) claimsOn(hostnames ...string) []network.Domain {
	f.Helper()
	return read(f, func(tx store.Tx) ([]network.Domain, error) { return tx.ClaimsOn(f.ctx, hostnames) })
}

func claimIsKept(f *fixture) {
	first := f.blankClaim("shop.example.com", "one")
	equal(f, f.ensureClaim(first), first)
	f.after(time.Hour)
	equal(f, f.ensureClaim(f.blankClaim("shop.example.com", "other")), first)
	equal(f, f.getClaim(f.tenant, "shop.example.com"), first)
}

func firstClaimsRace(f *fixture) {
	kept := make(chan network.Claim)
	for _, token := range []string{"one", "other"} {
		go func() {
			var c network.Claim
			err := f.try(func(tx store.Tx) (err error) {
				c, err = tx.EnsureClaim(f.ctx, f.blankClaim("shop.example.com", token))
				return err
			})
			if err != nil {
				f.Error(err)
			}
			kept <- c
		}()
	}
	first, second := <-kept, <-kept
	equal(f, first, second)
	equal(f, f.getClaim(f.tenant, "shop.example.com"), first)
}

func claimsAreApart(f *fixture) {
	other := f.as("stranger")
	mine, theirs := f.blankClaim("shop.example.com", "mine"), other.blankClaim("shop.example.com", "theirs")
	blog := f.blankClaim("blog.example.com", "blog")
	for _, c := range []network.Claim{mine, theirs, blog} {
		equal(f, f.ensureClaim(c), c)
	}
	equal(f, f.getClaim(f.tenant, "shop.example.com"), mine)
	equal(f, f.getClaim(other.tenant, "shop.example.com"), theirs)
}

func unknownClaim(f *fixture) {
	f.ensureClaim(f.blankClaim("shop.example.com", "mine"))
	get := func(tenant id.Tenant, hostname string) error {
		return f.try(func(tx store.Tx) error { _, err := tx.GetClaim(f.ctx, tenant, hostname); return err })
	}
	f.notFound(get(f.newTenant("stranger"), "shop.example.com"), "claim", "shop.example.com")
	f.notFound(get(f.tenant, "blog.example.com"), "claim", "blog.example.com")
}

func claimOfUnknownTenant(f *fixture) {
	c := f.blankClaim("shop.example.com", "one")
	c.TenantID = "ten_1"
	f.notFound(f.try(func(tx store.Tx) error { _, err := tx.EnsureClaim(f.ctx, c); return err }), "tenant", "ten_1")
}

func claimWithoutToken(f *fixture) {
	f.refused(func(tx store.Tx) error {
		_, err := tx.EnsureClaim(f.ctx, f.blankClaim("shop.example.com", ""))
		return err
	})
}

func claimsOnAreListed(f *fixture) {
	theirs := f.rival("stranger", "shop.example.com")
	f.after(time.Minute)
	s := f.newSite("shop")
	parent := f.moveDomain(f.newDomain(s, "example.com"), network.Validated)
	f.after(time.Minute)
	mine := f.newDomain(s, "shop.example.com")
	f.newDomain(s, "blog.example.com")
	equal(f, f.claimsOn("shop.example.com"), []network.Domain{theirs, mine})
	equal(f, f.claimsOn("shop.example.com", "example.com", "nobody.example.com"), []network.Domain{theirs, parent, mine})
}

func releasedIsNoClaim(f *fixture) {
	d := f.moveDomain(f.newDomain(f.newSite("shop"), "shop.example.com"), network.Releasing)
	equal(f, f.claimsOn("shop.example.com"), []network.Domain{d})
	f.moveDomain(d, network.Released)
	equal(f, f.claimsOn("shop.example.com"), nil)
}

func claimsOnNothing(f *fixture) {
	f.newDomain(f.newSite("shop"), "shop.example.com")
	equal(f, f.claimsOn(), nil)
	equal(f, f.claimsOn("example.com"), nil)
}
