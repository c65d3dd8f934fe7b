package main

import (
	"context"
	"fmt"
	"slices"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// timelineComplete: every step of both operations has its intent and outcome,
// and the statuses of site and domain are unbroken chains.
func timelineComplete(ctx context.Context, d *demo) error {
	site := d.hello.GetSite()
	entries, err := d.cli.timeline(ctx, site.GetSiteId())
	if err != nil {
		return err
	}
	for _, kind := range []string{"create_site", "activate_domain"} {
		if !slices.ContainsFunc(entries, func(entry *lifecyclev1.TimelineEntry) bool {
			return entry.GetOperationKind() == kind && entry.GetStep() != nil
		}) {
			return fmt.Errorf("it has no step of %s", kind)
		}
	}
	if err := judgeSteps(entries); err != nil {
		return err
	}
	for _, id := range []string{site.GetSiteId(), site.GetPrimaryDomain().GetDomainId()} {
		if err := judgeChain(changesOf(entries, id), "ACTIVE"); err != nil {
			return fmt.Errorf("the statuses of %s: %w", id, err)
		}
	}
	return nil
}
