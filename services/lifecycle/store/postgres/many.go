package postgres

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// DueTimes returns when each object is due next, marks included.
func (t *tx) DueTimes(ctx context.Context, keys []string) (map[string]time.Time, error) {
	rows, err := relational.All(ctx, t.conn, "read the due times", relational.ScanDue, `
		SELECT key, min(due_at) FROM (
			SELECT key, due_at FROM work WHERE key IN (?texts) AND wanted_seq > done_seq
			UNION ALL
			SELECT key, due_at FROM mark WHERE key IN (?texts) AND NOT EXISTS (
				SELECT 1 FROM work WHERE work.kind = mark.kind AND work.key = mark.key AND work.lease_until IS NOT NULL)
		) AS due GROUP BY key`, relational.Texts(keys), relational.Texts(keys))
	return relational.DueByKey(rows), err
}
