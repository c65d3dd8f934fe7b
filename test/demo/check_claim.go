package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// impostorRefused: another tenant gets neither a name that leads to the edge
// already, nor one whose record bears somebody else's token.
func impostorRefused(ctx context.Context, d *demo) error {
	config := filepath.Join(d.dir, "impostor.json")
	if _, err := d.cli.show(ctx, nil, "tenant", "create", "impostor", "--write-config", config); err != nil {
		return err
	}
	d.impostor = &cli{program: d.cli.program, config: config}
	if _, err := d.impostor.site(ctx, nil, "create", "thief", "--origin", d.origin.address); err != nil {
		return err
	}
	if _, err := d.impostor.domain(ctx, "add", "thief", victimName, "--direct"); err != nil {
		return err
	}
	ours, err := d.cli.domain(ctx, "get", directName)
	if err != nil {
		return err
	}
	stolen := strings.ReplaceAll(strings.Join(told(ours, ownership), ""), directName, victimName)
	if err := d.editor.add(ctx, stolen, victimName+". 60 IN A "+edgeAddress.String()); err != nil {
		return err
	}
	found, err := d.impostor.awaitDomain(ctx, victimName, says("Owned", "OWNERSHIP_TXT_WRONG"))
	if err != nil {
		return err
	}
	if found.GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_PENDING_DNS {
		return fmt.Errorf("the impostor's name is %s", found.GetStatus())
	}
	return d.misdirected(ctx, victimName)
}

// takenOnlyAfterProof: who wants a name that another tenant holds hears nothing of
// that before proving it; then the holder has time to prove it again, does, and
// keeps it.
func takenOnlyAfterProof(ctx context.Context, d *demo) error {
	if _, err := d.impostor.domain(ctx, "add", "thief", directName, "--direct"); err != nil {
		return err
	}
	wanted, err := d.impostor.awaitDomain(ctx, directName, says("Owned", "OWNERSHIP_TXT_WRONG", "OWNERSHIP_TXT_MISSING"))
	if err != nil {
		return err
	}
	if err := d.editor.add(ctx, told(wanted, ownership)...); err != nil {
		return err
	}
	if _, err := d.impostor.awaitDomain(ctx, directName, says("Owned", "TRANSFER_PENDING")); err != nil {
		return err
	}
	held, err := d.cli.awaitDomain(ctx, directName, hasRecords(keep))
	if err != nil {
		return err
	}
	if err := d.editor.add(ctx, told(held, keep)...); err != nil {
		return err
	}
	kept := func(found *lifecyclev1.Domain) error {
		if hasRecords(keep)(found) == nil {
			return fmt.Errorf("%s is still contested", directName)
		}
		return isDomain(activeDomain)(found)
	}
	if _, err := d.cli.awaitDomain(ctx, directName, kept); err != nil {
		return err
	}
	if _, err := d.impostor.awaitDomain(ctx, directName, says("Owned", "DOMAIN_TAKEN")); err != nil {
		return err
	}
	return d.servedAt(ctx, edgeAddress, directName)
}

// primarySwapped: an ACTIVE site takes another ACTIVE domain as its primary and
// none that is not.
func primarySwapped(ctx context.Context, d *demo) error {
	before := d.shop.GetPrimaryDomain().GetHostname()
	if _, err := d.cli.show(ctx, nil, "site", "set-primary", "shop", extraName); err == nil {
		return fmt.Errorf("%s became the primary although it leads elsewhere", extraName)
	}
	if _, err := d.cli.show(ctx, nil, "site", "set-primary", "shop", directName); err != nil {
		return err
	}
	now, err := d.cli.site(ctx, nil, "get", d.shop.GetSiteId())
	if err != nil {
		return err
	}
	if got := now.GetSite().GetPrimaryDomain().GetHostname(); got != directName || got == before {
		return fmt.Errorf("the primary is %s, it was %s", got, before)
	}
	return d.isActive(ctx, d.shop.GetSiteId())
}
