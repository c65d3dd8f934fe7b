package sqlite

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/monitor"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// sharedTables are those without a tenant.
const sharedTables = `
	SELECT name AS object_id, '' AS tenant_id, name AS seen, NULL AS since FROM sqlite_master made
	WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%' AND name NOT IN (?texts)
		AND NOT EXISTS (SELECT 1 FROM pragma_table_info(made.name) has WHERE has.name = 'tenant_id')`

// Suspects returns what has a fault. An event has its place with its row.
func (t *tx) Suspects(ctx context.Context, f monitor.Fault, q monitor.Query) ([]monitor.Suspect, int, error) {
	if f == monitor.Shared {
		return relational.Suspects(ctx, t.conn, sharedTables, []any{relational.CommonTables()}, q.Limit)
	}
	return t.Tx.Suspects(ctx, f, q)
}
