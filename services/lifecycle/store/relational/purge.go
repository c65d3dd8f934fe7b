package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// purges delete, in the order that their references demand, the rows that bear
// one of the ids of a JSON list. What is history is not among them: history,
// operations, journals, events, the audit and the tombstones; nor are claims, which
// outlive their domains, answers to requests, which are kept for their time whatever
// becomes of the object, and keys, which may go on naming a site that is gone.
var purges = []string{
	`DELETE FROM endpoint WHERE site_id IN (?texts)`,
	`DELETE FROM site_revision WHERE site_id IN (?texts)`,
	`DELETE FROM edge_change WHERE site_id IN (?texts)`,
	`DELETE FROM pin WHERE site_id IN (?texts)`,
	`DELETE FROM tunnel_change WHERE domain_id IN (?texts)`,
	`DELETE FROM contest WHERE contender_id IN (?texts)`,
	`DELETE FROM contest WHERE holder_id IN (?texts)`,
	`DELETE FROM instruction WHERE domain_id IN (?texts)`,
	`DELETE FROM evidence WHERE domain_id IN (?texts)`,
	`DELETE FROM condition WHERE object_id IN (?texts)`,
	`DELETE FROM work WHERE key IN (?texts)`,
}

// PurgeSite removes every row that bears the id of a site or of one of its
// domains, but the tombstones and what is history.
func (t *Tx) PurgeSite(ctx context.Context, tenant id.Tenant, siteID id.Site) error {
	domains, err := t.DomainsOfSite(ctx, tenant, siteID)
	if err != nil {
		return err
	}
	ids := []string{string(siteID)}
	for _, d := range domains {
		ids = append(ids, string(d.ID))
	}
	for _, purge := range purges {
		if err := t.later(ctx, "purge the site", purge, Texts(ids)); err != nil {
			return err
		}
	}
	return nil
}
