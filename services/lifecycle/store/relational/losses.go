package relational

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// Losses says how many of the tenants' own names are being lost in all.
func (t *Tx) Losses(ctx context.Context, contradictedBefore, lostAfter time.Time) (l network.Losses, err error) {
	l.Contradicted, err = all(ctx, t, "list the contradicted domains", scanText, `
		SELECT DISTINCT d.hostname FROM evidence e CROSS JOIN domain d ON d.id = e.domain_id
		WHERE e.contradicted_at < ? AND e.kind IN (?, ?) AND d.status = 'ACTIVE' AND d.kind = ?
		ORDER BY d.hostname`,
		stamp(contradictedBefore), network.EvidenceResolves, network.EvidenceNonce, network.Custom)
	if err != nil {
		return l, err
	}
	l.Lost, _, err = one(ctx, t, "count the lost domains", scanCount, `
		SELECT count(DISTINCT d.id) FROM domain d CROSS JOIN history h ON h.object_id = d.id
		WHERE d.lost IS TRUE AND h.event = ? AND h.at > ?`,
		network.DNSLost, stamp(lostAfter))
	if err != nil {
		return l, err
	}
	l.Active, _, err = one(ctx, t, "count the ACTIVE domains", scanCount, `
		SELECT count(*) FROM domain WHERE status = 'ACTIVE' AND kind = ?`, network.Custom)
	return l, err
}

func scanCount(r Row) (n int, err error) {
	err = r.Scan(&n)
	return n, err
}
