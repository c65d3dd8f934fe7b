package main

import (
	"context"
	"fmt"
	"strings"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// poison is a request header that the API allows and nginx refuses: a name of 64
// bytes does not fit into its proxy_headers_hash of default size.
var poison = "X-" + strings.Repeat("p", 62)

// poisonValue must not come back in what tenants are told.
const poisonValue = "secret-of-the-tenant"

// poisonSiteIsolated: a site whose new revision nginx refuses keeps serving the one
// before and says why; others go on meanwhile.
func poisonSiteIsolated(ctx context.Context, d *demo) error {
	created, err := d.cli.site(ctx, nil, "create", "careless", "--origin", d.origin.address, "--wait", "--timeout", "30s")
	if err != nil {
		return err
	}
	careless := created.GetSite()
	if _, err := d.cli.show(ctx, nil, "site", "update", careless.GetSiteId(), "--request-header", poison+": "+poisonValue); err != nil {
		return err
	}
	other, err := d.cli.site(ctx, nil, "create", "innocent", "--origin", d.origin.address, "--wait", "--timeout", "30s")
	if err != nil {
		return err
	}
	if err := d.awaitReason(ctx, careless.GetSiteId(), "CONFIG_REJECTED"); err != nil {
		return err
	}
	if err := d.saysNoSecret(ctx, careless.GetSiteId()); err != nil {
		return err
	}
	for _, site := range []*lifecyclev1.Site{careless, other.GetSite()} {
		if err := d.servesOrigin(ctx, edgeAddress, site.GetPrimaryDomain().GetHostname()); err != nil {
			return err
		}
	}
	return d.mended(ctx, careless.GetSiteId())
}

// saysNoSecret demands that the refusal names the revision and no contents of files.
func (d *demo) saysNoSecret(ctx context.Context, siteID string) error {
	got, err := d.cli.site(ctx, nil, "get", siteID)
	if err != nil {
		return err
	}
	site := got.GetSite()
	if site.GetRevision() != 2 || site.GetConfirmedRevision() != 1 || site.GetStatus() != lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE {
		return fmt.Errorf("it is %s with revision %d and %d confirmed", site.GetStatus(), site.GetRevision(), site.GetConfirmedRevision())
	}
	for _, c := range site.GetConditions() {
		if text := c.String(); strings.Contains(text, poisonValue) || strings.Contains(text, "/") {
			return fmt.Errorf("the condition tells contents or places of files: %s", text)
		}
	}
	return nil
}

// mended demands that another revision runs.
func (d *demo) mended(ctx context.Context, siteID string) error {
	_, err := d.cli.site(ctx, nil, "update", siteID, "--clear-request-headers", "--wait", "--timeout", "30s")
	return err
}
