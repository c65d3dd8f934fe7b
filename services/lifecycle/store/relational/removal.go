package relational

import (
	"context"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/id"
)

// removes says of an operation o that it takes away: it is of a kind that does, or
// of one that makes and it did not succeed.
const removes = `(o.kind IN (?texts) OR o.state <> 'SUCCEEDED')`

// lastFirst puts the last operation first.
const lastFirst = ` ORDER BY op.created_at DESC, op.id DESC LIMIT 1`

// kinds are all that take away or make; the last of them decides.
func kinds(by desired.Removers) Texts { return texts(slices.Concat(by.Taking, by.Making)) }

// RemovedSites returns those of the sites that are wanted ABSENT, with the last
// operation on each that took it away. However many there are, it takes one query.
func (t *Tx) RemovedSites(ctx context.Context, sites []id.Site, by desired.Removers) (map[id.Site]id.Operation, error) {
	rows, err := all(ctx, t, "read the removed sites", scanRemovedSite, `
		SELECT s.id, o.id
		FROM ?texts asked
		CROSS JOIN site s ON s.id = asked.value AND s.wanted = 'ABSENT'
		CROSS JOIN operation o ON o.id = (SELECT op.id FROM operation op
			WHERE op.object_id = s.id AND op.kind IN (?texts)`+lastFirst+`)
		WHERE `+removes, texts(sites), kinds(by), texts(by.Taking))
	out := make(map[id.Site]id.Operation, len(rows))
	for _, r := range rows {
		out[r.siteID] = r.operation
	}
	return out, err
}

type removedSite struct {
	siteID    id.Site
	operation id.Operation
}

func scanRemovedSite(r Row) (v removedSite, err error) {
	err = r.Scan(&v.siteID, &v.operation)
	return v, err
}

// RemovedHostnames returns how far each hostname is wanted, with the last operation
// on it, whosever it was, if that took it away. However many there are, it takes one
// query.
func (t *Tx) RemovedHostnames(ctx context.Context, hostnames []string, by desired.Removers) (map[string]desired.Removal, error) {
	rows, err := all(ctx, t, "read the removed hostnames", scanRemovedHostname, `
		SELECT d.hostname, coalesce((SELECT shown.wanted FROM domain shown
			WHERE shown.hostname = d.hostname AND shown.wanted <> 'HIDDEN'), d.wanted), o.id
		FROM ?texts asked
		CROSS JOIN operation o ON o.id = (SELECT op.id FROM domain dd CROSS JOIN operation op ON op.object_id = dd.id
			WHERE dd.hostname = asked.value AND op.kind IN (?texts)`+lastFirst+`)
		CROSS JOIN domain d ON d.id = o.object_id
		WHERE `+removes, texts(hostnames), kinds(by), texts(by.Taking))
	out := make(map[string]desired.Removal, len(rows))
	for _, r := range rows {
		out[r.hostname] = r.Removal
	}
	return out, err
}

type removedHostname struct {
	hostname string
	desired.Removal
}

func scanRemovedHostname(r Row) (v removedHostname, err error) {
	err = r.Scan(&v.hostname, &v.Wanted, &v.OperationID)
	return v, err
}
