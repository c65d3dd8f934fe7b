package e2e

import (
	"strings"
	"testing"

	diagnosisv1 "github.com/siteplane/siteplane/gen/siteplane/diagnosis/v1"
	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// I10: a name that does not lead to our edges, in each way that a name can. The
// platform's names are the operator's to mend.
func TestSite_waits_for_DNS_that_leads_elsewhere(t *testing.T) {
	t.Parallel()
	i := startInstallation(t)
	origin := startOrigin(t, "main")
	cases := map[string]struct {
		records        []string
		reason, remedy string
	}{
		"elsewhere": {[]string{"A 127.0.0.77"}, "DNS_WRONG_TARGET", "Delete: elsewhere.siteplane.localhost. A 127.0.0.77"},
		"both":      {[]string{"A 127.0.0.1", "A 127.0.0.77"}, "DNS_WRONG_TARGET", "Delete: both.siteplane.localhost. A 127.0.0.77"},
		"bare":      {[]string{"TXT nothing"}, "DNS_NO_ADDRESS", "Add: bare.siteplane.localhost. 300 IN A 127.0.0.1"},
		"missing":   {nil, "DNS_NXDOMAIN", "Add: missing.siteplane.localhost. 300 IN A 127.0.0.1"},
	}
	i.setRecords("*") // or it would stand in for the name that is missing
	ids := map[string]string{}
	for slug, c := range cases {
		i.setRecords(slug, c.records...)
		ids[slug] = i.create(slug, "--origin", origin)
	}
	for slug, c := range cases {
		t.Run(slug, func(t *testing.T) {
			i := i.in(t)
			site, resolves := i.awaitCondition(ids[slug], "Resolves", c.reason)
			wantStatus(t, site, lifecyclev1.SiteStatus_SITE_STATUS_DOMAIN_PENDING_DNS)
			if resolves.GetStatus() != lifecyclev1.ConditionStatus_CONDITION_STATUS_FALSE || resolves.GetActor() != diagnosisv1.Actor_ACTOR_OPERATOR {
				t.Errorf("Resolves is %v", resolves)
			}
			if fix := strings.Join(resolves.GetFix(), "\n"); !strings.Contains(fix, c.remedy) {
				t.Errorf("the remedy is %q, want %q", fix, c.remedy)
			}
			i.wantUnknown(slug)
		})
	}
	i.setRecords("*", "A 127.0.0.1")
	for slug, c := range cases {
		if c.records != nil {
			i.setRecords(slug, "A 127.0.0.1")
		}
	}
	for slug, id := range ids {
		i.awaitActive(id)
		i.wantServed(slug, "main")
	}
}
