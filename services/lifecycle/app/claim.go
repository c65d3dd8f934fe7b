package app

import (
	"context"
	"errors"
	"strings"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/infra"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// newClaim is a hostname that a tenant asks for, before the transaction that
// writes it down.
type newClaim struct {
	hostname string
	direct   bool
	// token is for a first claim; the tenant's earlier one on the hostname wins.
	token string
}

// checkHostname turns what a caller wrote into a claim. What is wrong with it is
// noted under the field.
func (c *ControlPlane) checkHostname(problems *lifecycle.Violations, field, input string, direct bool) newClaim {
	name, err := network.ParseName(input, network.NamePolicy{AllowReservedTLDs: c.cfg.AllowReservedTLDs})
	var wrong *network.NameError
	switch {
	case errors.As(err, &wrong):
		problems.AddReason(field, wrong.Code, "%s", wrong.Message)
	case err != nil:
		problems.AddReason(field, network.CodeNameInvalid, "%v", err)
	case within(name.ASCII, c.cfg.PlatformDomain):
		problems.AddReason(field, infra.CodeDomainParentTaken, "names below %s are got by slug", c.cfg.PlatformDomain)
	}
	return newClaim{hostname: name.ASCII, direct: direct, token: network.NewToken()}
}

// within reports whether a hostname is a domain or below it; nothing is within
// the empty one.
func within(hostname, domain string) bool {
	return domain != "" && (hostname == domain || strings.HasSuffix(hostname, "."+domain))
}

// insertClaim writes a custom domain of a site down, with the record that proves
// it. One that the tenant claims already is a *lifecycle.TakenError.
func insertClaim(ctx context.Context, tx store.Tx, s site.Site, claim newClaim, cause lifecycle.Cause) (network.Domain, error) {
	d := network.Domain{
		ID: id.NewDomain(), TenantID: s.TenantID, SiteID: s.ID, Hostname: claim.hostname, Kind: network.Custom,
		PreferDirect: claim.direct, Status: network.Machine.Initial, Wanted: network.Hidden,
		CreatedAt: cause.At, UpdatedAt: cause.At,
	}
	if err := tx.InsertDomain(ctx, d, cause); err != nil {
		return d, err
	}
	kept, err := tx.EnsureClaim(ctx, network.Claim{
		TenantID: s.TenantID, Hostname: claim.hostname, Token: claim.token, CreatedAt: cause.At,
	})
	if err != nil {
		return d, err
	}
	if err := tx.PutInstructions(ctx, d, []network.Instruction{network.OwnershipRecord(d.Hostname, kept.Token)}); err != nil {
		return d, err
	}
	return d, condition.Set(ctx, tx, condition.Condition{
		ObjectID: string(d.ID), Type: condition.Owned, Status: condition.Unknown, Reason: condition.ReasonWaiting,
		Message: "not looked at yet", Since: cause.At, TraceID: cause.TraceID,
	})
}
