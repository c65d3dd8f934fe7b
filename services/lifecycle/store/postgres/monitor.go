package postgres

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/monitor"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

const (
	unplaced = `
		SELECT object_id, coalesce(tenant_id, '') AS tenant_id, type AS seen, at AS since
		FROM outbox WHERE seq IS NULL AND at < ?`

	sharedTables = `
		SELECT table_name::text AS object_id, '' AS tenant_id, table_name::text AS seen, NULL::timestamptz AS since
		FROM information_schema.tables made
		WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'goose%'
			AND table_name::text NOT IN (?texts) AND NOT EXISTS (
				SELECT 1 FROM information_schema.columns has WHERE has.table_schema = made.table_schema
				AND has.table_name = made.table_name AND has.column_name = 'tenant_id')`

	// What is marked is as late as what is folded, unless its object is being worked on.
	lateOrMarked = `(
			SELECT kind, key, tenant_id, due_at, lease_until FROM work WHERE wanted_seq > done_seq
			UNION ALL
			SELECT kind, key, tenant_id, due_at, NULL FROM mark WHERE NOT EXISTS (
				SELECT 1 FROM work WHERE work.kind = mark.kind AND work.key = mark.key AND work.lease_until IS NOT NULL)
		) due WHERE ` + relational.Ready + ` < ?`
)

// Suspects returns what has a fault, marks included.
func (t *tx) Suspects(ctx context.Context, f monitor.Fault, q monitor.Query) ([]monitor.Suspect, int, error) {
	switch f {
	case monitor.Unplaced:
		return relational.Suspects(ctx, t.conn, unplaced, []any{relational.Stamp(q.Before)}, q.Limit)
	case monitor.Shared:
		return relational.Suspects(ctx, t.conn, sharedTables, []any{relational.CommonTables()}, q.Limit)
	case monitor.Late:
		return relational.Suspects(ctx, t.conn, relational.LateIn(lateOrMarked), []any{relational.Stamp(q.Before)}, q.Limit)
	}
	return t.Tx.Suspects(ctx, f, q)
}
