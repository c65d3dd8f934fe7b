package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// cloudflareAddress is where the simulated Cloudflare takes visitors.
var cloudflareAddress = netip.MustParseAddr("127.0.1.1")

// The names of the demo's tenants.
const (
	managedName = "www.managed.test"
	customName  = "www.customer.test"
	directName  = "www.direct.test"
	extraName   = "www.extra.test"
	misledName  = "www.misled.test"
	victimName  = "www.victim.test"
)

const activeDomain = lifecyclev1.DomainStatus_DOMAIN_STATUS_ACTIVE

// customManagedActive: a name in a zone that is granted needs nothing of its
// tenant and ends ACTIVE, served through the tunnel.
func customManagedActive(ctx context.Context, d *demo) error {
	shop, err := d.cli.site(ctx, nil, "create", "shop", "--origin", d.origin.address, "--wait", "--timeout", "30s")
	if err != nil {
		return err
	}
	d.shop = shop.GetSite()
	if _, err := d.cli.domain(ctx, "add", "shop", managedName); err != nil {
		return err
	}
	found, err := d.cli.awaitDomain(ctx, managedName, isDomain(activeDomain))
	if err != nil {
		return err
	}
	if found.GetMode() != lifecyclev1.DomainMode_DOMAIN_MODE_MANAGED || len(found.GetInstructions()) > 0 {
		return fmt.Errorf("it is in mode %s and its tenant must write %v", found.GetMode(), found.GetInstructions())
	}
	return d.servedAt(ctx, cloudflareAddress, managedName)
}

// customHostnameActive: a name whose zone is somebody else's ends ACTIVE once its
// tenant has written the records that it is told to write, and nothing else.
func customHostnameActive(ctx context.Context, d *demo) error {
	found, err := d.bring(ctx, customName)
	if err != nil {
		return err
	}
	if found.GetMode() != lifecyclev1.DomainMode_DOMAIN_MODE_CUSTOM_HOSTNAME {
		return fmt.Errorf("it is in mode %s", found.GetMode())
	}
	return d.servedAt(ctx, cloudflareAddress, customName)
}

// directActive: the same for a name that leads to the edges itself.
func directActive(ctx context.Context, d *demo) error {
	found, err := d.bring(ctx, directName, "--direct")
	if err != nil {
		return err
	}
	if found.GetMode() != lifecyclev1.DomainMode_DOMAIN_MODE_DIRECT {
		return fmt.Errorf("it is in mode %s", found.GetMode())
	}
	return d.servedAt(ctx, edgeAddress, directName)
}

// bring adds a domain to the shop, does as told, and waits until it is ACTIVE.
func (d *demo) bring(ctx context.Context, hostname string, flags ...string) (*lifecyclev1.Domain, error) {
	if _, err := d.cli.domain(ctx, append([]string{"add", "shop", hostname}, flags...)...); err != nil {
		return nil, err
	}
	found, err := d.cli.awaitDomain(ctx, hostname, hasRecords(traffic))
	if err != nil {
		return nil, err
	}
	if found.GetStatus() != lifecyclev1.DomainStatus_DOMAIN_STATUS_PENDING_DNS {
		return nil, fmt.Errorf("before any record is there, it is %s", found.GetStatus())
	}
	if err := d.editor.add(ctx, told(found, ownership, traffic)...); err != nil {
		return nil, err
	}
	return d.cli.awaitDomain(ctx, hostname, isDomain(activeDomain))
}

// servedAt demands that a name leads to one address and serves the origin there.
func (d *demo) servedAt(ctx context.Context, at netip.Addr, hostname string) error {
	addresses, err := d.visitor.resolve(ctx, hostname)
	if err != nil {
		return err
	}
	if len(addresses) != 1 || addresses[0] != at {
		return fmt.Errorf("%s leads to %v, not to %s", hostname, addresses, at)
	}
	return d.servesOrigin(ctx, at, hostname)
}

// wrongCNAMESitePending: a site whose primary leads elsewhere waits, says exactly
// what to change, and is ACTIVE once that is done to the letter.
func wrongCNAMESitePending(ctx context.Context, d *demo) error {
	created, err := d.cli.site(ctx, nil, "create", "misled", "--origin", d.origin.address, "--domain", misledName, "--direct")
	if err != nil {
		return err
	}
	found, err := d.mislead(ctx, misledName)
	if err != nil {
		return err
	}
	site, err := d.cli.site(ctx, nil, "get", created.GetSite().GetSiteId())
	if err != nil {
		return err
	}
	if got := site.GetSite().GetStatus(); got != lifecyclev1.SiteStatus_SITE_STATUS_DOMAIN_PENDING_DNS {
		return fmt.Errorf("the site is %s, not DOMAIN_PENDING_DNS", got)
	}
	if err := d.misdirected(ctx, misledName); err != nil {
		return err
	}
	if err := d.followFixes(ctx, found); err != nil {
		return err
	}
	if _, err := d.cli.awaitDomain(ctx, misledName, isDomain(activeDomain)); err != nil {
		return fmt.Errorf("after doing as told: %w", err)
	}
	return d.isActive(ctx, created.GetSite().GetSiteId())
}

// wrongCNAMEExtraDomain: another domain that leads elsewhere keeps nothing from
// its site.
func wrongCNAMEExtraDomain(ctx context.Context, d *demo) error {
	if _, err := d.cli.domain(ctx, "add", "shop", extraName, "--direct"); err != nil {
		return err
	}
	if _, err := d.mislead(ctx, extraName); err != nil {
		return err
	}
	if err := d.isActive(ctx, d.shop.GetSiteId()); err != nil {
		return err
	}
	return d.servesOrigin(ctx, edgeAddress, d.shop.GetPrimaryDomain().GetHostname())
}

// mislead proves a name and makes it lead elsewhere by CNAME, until the
// installation sees that.
func (d *demo) mislead(ctx context.Context, hostname string) (*lifecyclev1.Domain, error) {
	found, err := d.cli.awaitDomain(ctx, hostname, hasRecords(traffic))
	if err != nil {
		return nil, err
	}
	wrong := []string{hostname + ". 60 IN CNAME parking." + hostname + ".", "parking." + hostname + ". 60 IN A 127.0.0.77"}
	if err := d.editor.add(ctx, append(told(found, ownership), wrong...)...); err != nil {
		return nil, err
	}
	return d.cli.awaitDomain(ctx, hostname, says("Resolves", "DNS_WRONG_TARGET"))
}

// followFixes does what the first condition that does not hold tells a stranger to
// do, as `siteplane domain get` prints it.
func (d *demo) followFixes(ctx context.Context, found *lifecyclev1.Domain) error {
	page, err := d.cli.show(ctx, nil, "domain", "get", found.GetHostname())
	if err != nil {
		return err
	}
	done := 0
	for line := range strings.Lines(page) {
		var err error
		if _, record, ok := strings.Cut(line, "Delete: "); ok {
			done++
			err = d.editor.remove(ctx, strings.TrimSpace(record))
		} else if _, record, ok := strings.Cut(line, "Add: "); ok {
			done++
			err = d.editor.add(ctx, strings.TrimSpace(record))
		}
		if err != nil {
			return err
		}
	}
	if done < 2 {
		return fmt.Errorf("the page names %d records to change:\n%s", done, page)
	}
	return nil
}
