package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/test/process"
)

var createdID = regexp.MustCompile(`(?m)^created (site_[0-9a-z]+)$`)

// tsSDKOK: the example of the TypeScript SDK drives a site to ACTIVE, and visitors
// reach it.
func tsSDKOK(ctx context.Context, d *demo) error {
	var said bytes.Buffer
	cmd := process.Command(exec.CommandContext(ctx, "node", d.config.typescript,
		"--config", d.cli.config, "--origin", d.origin.address, "--keep"))
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", d.config.typescript, err, said.String())
	}
	created := createdID.FindStringSubmatch(said.String())
	if created == nil {
		return fmt.Errorf("%s named no site: %s", d.config.typescript, said.String())
	}
	found, err := d.cli.site(ctx, nil, "get", created[1])
	if err != nil {
		return err
	}
	if got := found.GetSite().GetStatus(); got != lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE {
		return fmt.Errorf("the example's site is %s", got)
	}
	return d.servesOrigin(ctx, edgeAddress, found.GetSite().GetPrimaryDomain().GetHostname())
}
