package main

import (
	"context"
	"fmt"
	"strings"
)

// versionHeader is how the site of the rollback tells its revisions apart.
const versionHeader = "X-Revision"

// rollbackServed: visitors get the first revision again after a rollback from the
// second, as a third one that says what it repeats.
func rollbackServed(ctx context.Context, d *demo) error {
	created, err := d.cli.site(ctx, nil, "create", "versions", "--origin", d.origin.address,
		"--response-header", versionHeader+": one", "--wait", "--timeout", "30s")
	if err != nil {
		return err
	}
	site := created.GetSite()
	if err := d.serves(ctx, site.GetPrimaryDomain().GetHostname(), "one"); err != nil {
		return err
	}
	if _, err := d.cli.show(ctx, nil, "site", "update", site.GetSiteId(), "--response-header", versionHeader+": two", "--wait", "--timeout", "30s"); err != nil {
		return err
	}
	if err := d.serves(ctx, site.GetPrimaryDomain().GetHostname(), "two"); err != nil {
		return err
	}
	difference, err := d.cli.show(ctx, nil, "site", "diff", site.GetSiteId(), "1", "2")
	if err != nil {
		return err
	}
	if !strings.Contains(difference, "one") || !strings.Contains(difference, "two") {
		return fmt.Errorf("the difference does not show both values: %s", difference)
	}
	rolled, err := d.cli.site(ctx, nil, "rollback", site.GetSiteId(), "--to", "1", "--wait", "--timeout", "30s")
	if err != nil {
		return err
	}
	if got := rolled.GetSite(); got.GetRevision() != 3 || got.GetConfirmedRevision() != 3 {
		return fmt.Errorf("after the rollback revision %d is wanted and %d confirmed, not 3", got.GetRevision(), got.GetConfirmedRevision())
	}
	return d.serves(ctx, site.GetPrimaryDomain().GetHostname(), "one")
}

// serves demands that visitors get a site's revision. What the command line waited for
// must be there at once.
func (d *demo) serves(ctx context.Context, hostname, revision string) error {
	got, err := d.visitor.fetch(ctx, edgeAddress, hostname)
	if err != nil {
		return err
	}
	if got.body != d.origin.page || got.header.Get(versionHeader) != revision {
		return fmt.Errorf("%s answers %d with %s %q, not %q", hostname, got.status, versionHeader, got.header.Get(versionHeader), revision)
	}
	return nil
}
