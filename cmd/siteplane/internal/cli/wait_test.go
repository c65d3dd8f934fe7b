package cli_test

import (
	"context"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/siteplane/siteplane/cmd/siteplane/internal/cli"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	created      = lifecyclev1.SiteStatus_SITE_STATUS_CREATED
	provisioning = lifecyclev1.SiteStatus_SITE_STATUS_PROVISIONING
	pendingDNS   = lifecyclev1.SiteStatus_SITE_STATUS_DOMAIN_PENDING_DNS
	failed       = lifecyclev1.SiteStatus_SITE_STATUS_ERROR
	deleting     = lifecyclev1.SiteStatus_SITE_STATUS_DELETING
	deleted      = lifecyclev1.SiteStatus_SITE_STATUS_DELETED
)

func TestWait(t *testing.T) {
	silent := look{err: status.Error(codes.Unavailable, "try later")}
	gone := look{err: status.Error(codes.NotFound, "there is no site site_01")}
	create := []string{"site", "create", "shop", "--origin", "127.0.0.1:9000", "--wait"}
	own := append(create, "--domain", "www.shop.example")
	stuck := siteWith(domainIn(domainPending, unowned("www.shop.example")))
	busy := siteWith(domainIn(domainPending, unowned("www.shop.example")))
	busy.Operation = siteIn(created).Operation
	remove := []string{"site", "delete", "site_01", "--wait"}
	tests := []struct {
		name  string
		args  []string
		begun lifecyclev1.SiteStatus
		looks []look
		code  int
	}{
		{"wait_active", create, created, []look{
			{found: siteIn(provisioning)},
			{found: siteIn(provisioning, unproven())},
			{found: siteIn(provisioning, unproven())},
			{found: withDomain(siteIn(pendingDNS, confirmed("EdgeSynced")),
				lifecyclev1.DomainStatus_DOMAIN_STATUS_PENDING_DNS, unresolved())},
			{found: activeSite()},
		}, cli.ExitOK},
		{"wait_active_json", append(create, "-o", "json"), created, []look{{found: activeSite()}}, cli.ExitOK},
		{"wait_already_active", create, lifecyclev1.SiteStatus_SITE_STATUS_ACTIVE, nil, cli.ExitOK},
		{"wait_error", create, created, []look{{found: siteIn(failed, unproven())}}, cli.ExitSiteError},
		{"wait_deleted_meanwhile", create, created, []look{{found: siteIn(deleting)}}, cli.ExitConflict},
		{"wait_timeout", append(create, "--timeout", "1s"), created, []look{{found: pendingSite()}}, cli.ExitTimeout},
		{"wait_timeout_silent", append(create, "--timeout", "1s"), created, []look{silent}, cli.ExitTimeout},
		{"wait_through_silence", create, created, []look{silent, silent, {found: activeSite()}}, cli.ExitOK},
		{"wait_vanished", create, created, []look{gone}, cli.ExitNotFound},
		{"wait_hostile", create, created, []look{{found: siteIn(failed, hostileSite().Site.Conditions[0])}}, cli.ExitSiteError},
		{"wait_stuck", own, created, []look{{found: siteIn(provisioning)}, {found: busy}, {found: stuck}}, cli.ExitMustAct},
		{"wait_not_stuck", own, created, []look{{found: busy}, {found: activeSite()}}, cli.ExitOK},
		{"wait_retry_stuck", []string{"site", "retry", "site_01", "--wait"}, provisioning, []look{{found: stuck}}, cli.ExitMustAct},
		{"wait_retry", []string{"site", "retry", "site_01", "--wait"}, provisioning, []look{{found: siteIn(failed, unproven())}}, cli.ExitSiteError},
		{"wait_delete", remove, deleting, []look{{found: siteIn(deleting)}, {found: siteIn(deleted)}}, cli.ExitOK},
		{"wait_delete_gone", remove, deleting, []look{gone}, cli.ExitOK},
		{"wait_delete_timeout", append(remove, "--timeout", "500ms"), deleting, []look{{found: siteIn(deleting, unproven())}}, cli.ExitTimeout},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := setup(t)
			r.sites.begun, r.sites.looks = siteIn(test.begun), test.looks
			r.golden(test.name, test.code, test.args...)
		})
	}
}

// siteWith is a site that the edges have, under a hostname of its tenant's own.
func siteWith(domain *lifecyclev1.GetDomainResponse) *lifecyclev1.GetSiteResponse {
	found := siteIn(pendingDNS, confirmed("EdgeSynced"))
	found.Site.PrimaryDomain, found.Operation = domain.GetDomain(), nil
	return found
}

func TestWait_ends_when_interrupted(t *testing.T) {
	r := setup(t)
	r.sites.begun = siteIn(created)
	ctx, interrupt := context.WithCancel(t.Context())
	r.ctx, r.clock.onPause = ctx, interrupt
	r.golden("wait_interrupted", cli.ExitInterrupted, "site", "create", "shop", "--origin", "127.0.0.1:9000", "--wait")
}
