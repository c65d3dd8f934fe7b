package memory

import (
	"context"
	"errors"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// PurgeSite removes every row that bears the id of a site or of one of its domains, but
// the tombstones and what is history: history, operations, journals, events and the
// audit; nor claims, which outlive their domains, answers to requests, which are kept for
// their time whatever becomes of the object, and keys, which may go on naming a site that
// is gone.
func (t *tx) PurgeSite(ctx context.Context, tenant id.Tenant, siteID id.Site) error {
	domains, err := t.DomainsOfSite(ctx, tenant, siteID)
	if err != nil {
		return err
	}
	err = errors.Join(
		t.revisions.clear(t, t.revisions.key, site.Revision{SiteID: siteID}),
		t.changes.clear(t, changeOfSite, edge.Change{SiteID: siteID}),
		t.pins.clear(t, pinOfSite, edge.Pin{SiteID: siteID}),
		t.purgeObject(string(siteID)),
	)
	for _, d := range domains {
		err = errors.Join(err, t.purgeDomain(d.ID))
	}
	return err
}

func (t *tx) purgeDomain(domain id.Domain) error {
	return errors.Join(
		t.tunnelChanges.clear(t, tunnelChangeOf, tunnel.Change{DomainID: domain}),
		t.contests.clear(t, t.contests.key, network.Contest{ContenderID: domain}),
		t.contests.clear(t, contestHolder, network.Contest{HolderID: domain}),
		t.instructions.clear(t, t.instructions.key, instructions{domain: domain}),
		t.evidence.clear(t, t.evidence.key, network.Evidence{DomainID: domain}),
		t.purgeObject(string(domain)),
	)
}

// purgeObject removes what sites and domains both have.
func (t *tx) purgeObject(object string) error {
	return errors.Join(
		t.conditions.clear(t, t.conditions.key, condition.Condition{ObjectID: object}),
		t.work.clear(t, t.work.key, workRow{Work: worker.Work{Key: object}}),
	)
}
