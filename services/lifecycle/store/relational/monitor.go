package relational

import (
	"context"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle/monitor"
)

// CommonTables returns the tables that belong to the installation, and those whose rows
// name their tenant in another way than tenant_id.
func CommonTables() Texts {
	return Texts{
		"meta", "guard", "tenant", "edge", "placement", "join_token", "tunnel", "drift", "hold", "contest",
		"site_status", "domain_status", "evidence_kind", "work_kind", "contest_outcome", "instruction_purpose",
		"target_kind", "drift_outcome", "journal_phase", "journal_result",
	}
}

// Suspects returns what has a fault. Those that a database has in its own way, its
// store looks for: events without a place, work that is not in the table of work yet,
// tables.
func (t *Tx) Suspects(ctx context.Context, f monitor.Fault, q monitor.Query) ([]monitor.Suspect, int, error) {
	search, ok := searches[f]
	if !ok {
		return nil, 0, monitor.ErrDoesNotApply
	}
	text, args := search(q)
	return Suspects(ctx, t.conn, text, args, q.Limit)
}

// Suspects returns the rows of a query for suspects, whose columns are object_id,
// tenant_id, seen and since, and how many there are.
func Suspects(ctx context.Context, on Conn, text string, args []any, limit int) (found []monitor.Suspect, total int, err error) {
	rows, err := All(ctx, on, "look for a fault", scanSuspect,
		`SELECT object_id, tenant_id, seen, since, count(*) OVER () FROM (`+text+`) found
		ORDER BY since, object_id LIMIT ?`, append(args, limit)...)
	for _, row := range rows {
		found, total = append(found, row.Suspect), row.total
	}
	return found, total, err
}

type suspectRow struct {
	monitor.Suspect
	total int
}

func scanSuspect(r Row) (s suspectRow, err error) {
	err = r.Scan(&s.ObjectID, &s.TenantID, &s.Seen, moment{&s.Since}, &s.total)
	return s, err
}

// searches are the statements that look for each fault.
var searches = map[monitor.Fault]func(q monitor.Query) (text string, args []any){
	monitor.TwiceVerified: func(monitor.Query) (string, []any) { return twiceVerified, nil },
	monitor.Unproved:      func(q monitor.Query) (string, []any) { return unproved, []any{Texts(q.Accept)} },
	monitor.Contradicted: func(q monitor.Query) (string, []any) {
		return contradicted, []any{stamp(q.Before), Texts(q.Accept)}
	},
	monitor.Competing: func(monitor.Query) (string, []any) { return competing, nil },
	monitor.Unchained: ofHistory(`h.from_status <> coalesce((SELECT p.to_status FROM history p
		WHERE p.object_id = h.object_id AND p.seq < h.seq ORDER BY p.seq DESC LIMIT 1), '')`),
	monitor.Forbidden: ofHistory(transition + ` NOT IN (?texts)`),
	monitor.Uncaused:  ofHistory(`(h.actor = '' OR h.reason = '' OR h.trace_id = '')`),
	monitor.Unwritten: unwritten,
	monitor.Abandoned: beforeTime(abandoned),
	monitor.Forgotten: beforeTime(forgotten),
	monitor.Ahead:     func(monitor.Query) (string, []any) { return ahead, nil },
	monitor.Behind: func(q monitor.Query) (string, []any) {
		before := stamp(q.Before)
		return behind, []any{before, before, before}
	},
	monitor.Drifted: beforeTime(drifted),
	monitor.Late: func(q monitor.Query) (string, []any) {
		return LateIn(`work WHERE wanted_seq > done_seq AND ` + Ready + ` < ?`), []any{stamp(q.Before)}
	},
}

func beforeTime(text string) func(q monitor.Query) (string, []any) {
	return func(q monitor.Query) (string, []any) { return text, []any{stamp(q.Before)} }
}

// The groups are read along the index that should make them impossible, if it is
// there.
const (
	twiceVerified = `
		SELECT d.id AS object_id, d.tenant_id AS tenant_id, d.hostname AS seen, d.updated_at AS since
		FROM (SELECT hostname FROM domain WHERE ` + verified + ` GROUP BY hostname HAVING count(*) > 1) twice
		CROSS JOIN domain d ON d.hostname = twice.hostname AND d.` + verified
	verified = `status IN ('VALIDATED', 'ROUTED', 'ACTIVE')`

	competing = `
		SELECT o.id AS object_id, o.tenant_id AS tenant_id, o.object_id AS seen, o.created_at AS since
		FROM (SELECT object_id FROM operation WHERE ` + active + ` GROUP BY object_id HAVING count(*) > 1) twice
		CROSS JOIN operation o ON o.object_id = twice.object_id AND o.` + active
)

const (
	unproved = `
		SELECT d.id AS object_id, d.tenant_id AS tenant_id, d.hostname AS seen, d.updated_at AS since
		FROM domain d INDEXED BY domain_active
		WHERE d.status = 'ACTIVE' AND NOT EXISTS (SELECT 1 FROM evidence e
			WHERE e.domain_id = d.id AND e.kind IN (?texts) AND e.tenant_id = d.tenant_id AND e.positive_at IS NOT NULL)`

	contradicted = `
		SELECT d.id AS object_id, d.tenant_id AS tenant_id, d.hostname AS seen, min(e.contradicted_at) AS since
		FROM evidence e CROSS JOIN domain d ON d.id = e.domain_id
		WHERE e.contradicted_at < ? AND e.kind IN (?texts) AND d.status = 'ACTIVE' AND d.kind = 'CUSTOM'
		GROUP BY d.id, d.tenant_id, d.hostname`
)

const (
	// newest limits history to so many of its newest rows.
	newest = `seq > (SELECT coalesce(max(seq), 0) - ? FROM history)`
	// everything is more than there are.
	everything = 1 << 62
	// transition is a row of history as monitor.Transition writes it.
	transition = `replace(substr(h.object_id, 1, 4), '_', '') || '/' || h.from_status || '/' || h.event || '/' || h.to_status`
)

func newestOf(q monitor.Query) int64 {
	if q.Newest == 0 {
		return everything
	}
	return int64(q.Newest)
}

// ofHistory looks for rows of history that meet a condition, which may ask for the
// accepted values.
func ofHistory(condition string) func(q monitor.Query) (string, []any) {
	text := `
		SELECT h.object_id AS object_id, h.tenant_id AS tenant_id, h.at AS since,
			'row ' || h.seq || ', ' || h.from_status || ' to ' || h.to_status || ' by ' || h.event || ',' AS seen
		FROM history h WHERE h.` + newest + ` AND ` + condition
	return func(q monitor.Query) (string, []any) {
		args := []any{newestOf(q)}
		if q.Accept != nil {
			args = append(args, Texts(q.Accept))
		}
		return text, args
	}
}

// unwritten looks at the objects of the newest rows of history, or at all.
func unwritten(q monitor.Query) (string, []any) {
	of := func(table, name, among string) string {
		return fmt.Sprintf(`
			SELECT %[2]s.id AS object_id, %[2]s.tenant_id AS tenant_id, %[2]s.status AS seen, %[2]s.updated_at AS since
			FROM %[1]s %[2]s WHERE %[3]s%[2]s.status <> coalesce((SELECT h.to_status FROM history h
				WHERE h.object_id = %[2]s.id ORDER BY h.seq DESC LIMIT 1), '')`, table, name, among)
	}
	if q.Newest == 0 {
		return of("site", "s", "") + ` UNION ALL ` + of("domain", "d", ""), nil
	}
	among := `%s.id IN (SELECT object_id FROM history WHERE ` + newest + `) AND `
	return of("site", "s", fmt.Sprintf(among, "s")) + ` UNION ALL ` + of("domain", "d", fmt.Sprintf(among, "d")),
		[]any{newestOf(q), newestOf(q)}
}

const (
	abandoned = `
		SELECT o.id AS object_id, o.tenant_id AS tenant_id, o.object_id AS seen, ` + Ready + ` AS since
		FROM work w CROSS JOIN operation o ON o.object_id = w.key AND o.object_kind = w.kind AND o.` + active + `
		WHERE w.wanted_seq > w.done_seq AND ` + Ready + ` < ? AND o.state IN ('RUNNING', 'COMPENSATING')`

	forgotten = `
		SELECT o.id AS object_id, o.tenant_id AS tenant_id, o.object_id AS seen, o.updated_at AS since
		FROM operation o INDEXED BY operation_active
		WHERE o.` + active + ` AND o.updated_at < ? AND NOT EXISTS (SELECT 1 FROM work w
			WHERE w.kind = o.object_kind AND w.key = o.object_id AND w.wanted_seq > w.done_seq)`
)

const (
	ahead = `
		SELECT id AS object_id, '' AS tenant_id, name AS seen, last_seen_at AS since
		FROM edge WHERE proven_generation > generation
		UNION ALL
		SELECT id AS object_id, '' AS tenant_id, name AS seen, last_seen_at AS since
		FROM tunnel WHERE proven_generation > generation`

	// A change has no time; that of its operation is no earlier. The oldest changes
	// tell enough.
	behind = `
		SELECT id AS object_id, '' AS tenant_id, name AS seen,
			CASE WHEN changed_at < ? THEN changed_at ELSE last_seen_at END AS since
		FROM (
			SELECT id, name, generation, proven_generation, last_seen_at, (SELECT min(o.updated_at)
				FROM (SELECT operation_id FROM edge_change WHERE edge_id = edge.id ORDER BY seq LIMIT 100) change
				CROSS JOIN operation o ON o.id = change.operation_id) AS changed_at FROM edge
			UNION ALL
			SELECT id, name, generation, proven_generation, last_seen_at, (SELECT min(o.updated_at)
				FROM (SELECT operation_id FROM tunnel_change WHERE tunnel_id = tunnel.id ORDER BY seq LIMIT 100) change
				CROSS JOIN operation o ON o.id = change.operation_id) AS changed_at FROM tunnel
		) target
		WHERE changed_at < ? OR generation > proven_generation AND last_seen_at < ?`

	drifted = `
		SELECT id AS object_id, '' AS tenant_id, kind || ' of ' || target_id AS seen, found_at AS since
		FROM drift WHERE closed_at IS NULL AND is_foreign IS FALSE AND found_at < ?`
)

// LateIn looks for the oldest of each tenant's work in FROM and WHERE of a query of
// rows that have the columns of work.
func LateIn(rows string) string {
	return `
		SELECT key AS object_id, tenant_id, kind AS seen, since FROM (
			SELECT key, kind, coalesce(tenant_id, '') AS tenant_id, ` + Ready + ` AS since,
				row_number() OVER (PARTITION BY coalesce(tenant_id, '') ORDER BY ` + Ready + `, key) AS place
			FROM ` + rows + `
		) late WHERE place = 1`
}

var _ monitor.Store = (*Tx)(nil)
