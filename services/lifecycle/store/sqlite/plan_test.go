package sqlite

import (
	"context"
	"database/sql"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// growing are the tables that grow with the number of sites or with time.
var growing = regexp.MustCompile(
	`\bSCAN (site|site_revision|endpoint|domain|claim|contest|instruction|evidence|condition|edge_change|tunnel_change|` +
		`operation|journal|history|outbox|audit|tenant|api_key|work|request|pin|drift|hold|[sderoph])\b`)

// scanning are parts of the statements that may read a table from end
// to end, and the index by which they do.
var scanning = map[string]string{
	// A whole snapshot is of all sites that are wanted.
	`SELECT s.id, s.tenant_id, CASE WHEN `:          "site_present",
	`SELECT e.site_id, e.pool, e.address, e.weight`: "site_present",
	`SELECT d.site_id, d.hostname`:                  "site_present",
	// So is what a whole tunnel shall hold.
	`FROM domain INDEXED BY domain_routed`: "domain_routed",
	// A list of drifts ends after so many, one of holds has those that wait.
	` FROM drift ORDER BY`:                         "drift_found",
	` FROM drift WHERE closed_at IS NULL ORDER BY`: "drift_found_open",
	` FROM hold WHERE ended_at IS NULL ORDER BY`:   "hold_listed",
	// A prune looks at so many of the oldest.
	`SELECT seq, at FROM outbox WHERE seq > 0 ORDER BY seq LIMIT`: "outbox",
	// The domains that were lost are few.
	`SELECT count(DISTINCT d.id) FROM domain d`: "domain_lost",
	// The next due time is the first entry of an index.
	`SELECT coalesce(lease_until, due_at) FROM work`: "work_ready",
}

// checkPlans asks SQLite how it would run each statement that the suite caused.
func checkPlans(t *testing.T, seen *statements) {
	if len(seen.args) < 50 {
		t.Fatalf("only %d statements seen", len(seen.args))
	}
	s := openTest(t, Config{})
	for query, args := range seen.args {
		for _, step := range plan(t, s, query, args) {
			if growing.MatchString(step) && !allowed(query, step) {
				t.Errorf("%s\n%s", step, query)
			}
		}
	}
}

// walking are parts of the statements that run often or page through much, and
// the index in whose order they walk; none of them sorts.
var walking = map[string]string{
	`FROM site WHERE tenant_id = ? AND status <> 'DELETED' ORDER BY`:    "site_live",
	`FROM domain WHERE tenant_id = ? AND status <> 'RELEASED' ORDER BY`: "domain_listed",
	`FROM domain WHERE tenant_id = ? AND status <> 'RELEASED' AND id <`: "domain_listed",
	`FROM domain WHERE tenant_id = ? AND status <> 'RELEASED' AND id >`: "domain_listed",
	`FROM site WHERE tenant_id = ? AND status <> 'DELETED' AND id >`:    "site_live",
	`WHERE name > ? AND deleted_at IS NULL`:                             "sqlite_autoindex_tenant",
	`FROM api_key WHERE tenant_id = ? ORDER BY`:                         "api_key_tenant",
	`FROM api_key WHERE tenant_id = ? AND id <`:                         "api_key_tenant",
	`FROM audit WHERE seq < ? ORDER BY`:                                 "PRIMARY KEY",
	`FROM audit WHERE seq < ? AND tenant_id = ? ORDER BY`:               "audit_tenant",
	`FROM audit WHERE seq < ? AND object_id = ? ORDER BY`:               "audit_object",
	`FROM audit WHERE seq < ? AND actor = ? ORDER BY`:                   "audit_actor",
	`WHERE seq > ? AND seq <= ? ORDER BY`:                               "PRIMARY KEY",
	`WHERE seq > ? AND seq <= ? AND tenant_id = ? ORDER BY`:             "outbox_tenant",
	`SELECT seq, at FROM outbox WHERE seq > 0 ORDER BY`:                 "outbox",
	`AND number < ? ORDER BY number DESC`:                               "PRIMARY KEY",
	`FROM domain INDEXED BY`:                                            "domain_routed",
	`FROM edge_change WHERE edge_id = ?`:                                "edge_change_edge",
	`FROM tunnel_change WHERE tunnel_id = ?`:                            "tunnel_change_tunnel",
	`FROM tunnel_change WHERE domain_id = ?`:                            "tunnel_change_domain",
	`FROM contest WHERE hostname = ?`:                                   "contest_hostname",
	`FROM instruction WHERE domain_id = ?`:                              "PRIMARY KEY",
	`FROM work WHERE wanted_seq > done_seq ORDER BY`:                    "work_ready",
	`FROM pin WHERE edge_id = ?`:                                        "PRIMARY KEY",
	`FROM pin WHERE site_id = ? ORDER BY`:                               "pin_site",
	`closed_at IS NULL ORDER BY place`:                                  "drift_open",
	`FROM drift ORDER BY`:                                               "drift_found",
	`FROM drift WHERE closed_at IS NULL ORDER BY`:                       "drift_found_open",
	`FROM hold WHERE ended_at IS NULL ORDER BY`:                         "hold_listed",
	`FROM hold WHERE target_kind = ?`:                                   "hold_active",
	`FROM domain WHERE status = 'ACTIVE' AND kind = ?`:                  "domain_active",
}

// checkWalks asks the same of those that must not sort.
func checkWalks(t *testing.T, seen *statements) {
	s := openTest(t, Config{})
	for part, index := range walking {
		query, args, ok := seen.containing(part)
		if !ok {
			t.Errorf("no statement has %q", part)
			continue
		}
		if steps := plan(t, s, query, args); len(steps) != 1 || !strings.Contains(steps[0], index) {
			t.Errorf("%q is not a walk along %s\n%s", steps, index, query)
		}
	}
}

// looking are parts of the statements that look into several places, and the index of
// each.
var looking = map[string][]string{
	`SELECT count(*) FROM site WHERE tenant_id = tenant.id`: {"sqlite_autoindex_tenant", "site_live", "domain_listed", "domain_pending"},
	`DELETE FROM request WHERE`:                             {"PRIMARY KEY", "request_created"},
	// An object has fewer events than its tenant.
	`seq <= ? AND (object_id = ? OR site_id = ? AND site_id <> '') ORDER BY`:                         {"outbox_object", "outbox_site"},
	`seq <= ? AND tenant_id || '' = ? AND (object_id = ? OR site_id = ? AND site_id <> '') ORDER BY`: {"outbox_object", "outbox_site"},
	`seq <= ? AND tenant_id || '' = ? AND site_id IN (SELECT value FROM json_each(?))`:               {"outbox_site"},
	`WHERE site_id = ? AND revision IN`:                                                              {"PRIMARY KEY (site_id=? AND revision=?)"},
}

// checkLooks asks the same of those that need several indexes.
func checkLooks(t *testing.T, seen *statements) {
	s := openTest(t, Config{})
	for part, indexes := range looking {
		query, args, ok := seen.containing(part)
		if !ok {
			t.Errorf("no statement has %q", part)
			continue
		}
		var found []string
		for _, step := range plan(t, s, query, args) {
			if strings.HasPrefix(step, "SEARCH ") {
				found = append(found, step)
			}
		}
		if !slices.EqualFunc(found, indexes, strings.Contains) {
			t.Errorf("%q is not a look into %q\n%s", found, indexes, query)
		}
	}
}

func allowed(query, step string) bool {
	for part, index := range scanning {
		if strings.Contains(query, part) && strings.HasSuffix(step, index) {
			return true
		}
	}
	return searches(query, step)
}

// plan returns the steps of a statement's plan.
func plan(t *testing.T, s *Store, query string, args []any) (steps []string) {
	t.Helper()
	rows, err := s.writer.Query("EXPLAIN QUERY PLAN "+query, args...)
	must(t, err)
	defer func() { must(t, rows.Close()) }()
	for rows.Next() {
		var step string
		var node, parent, unused int
		must(t, rows.Scan(&node, &parent, &unused, &step))
		steps = append(steps, step)
	}
	must(t, rows.Err())
	return steps
}

// statements notes every statement, each with arguments that it was given.
type statements struct {
	mu   sync.Mutex
	args map[string][]any
}

func (s *statements) record(c statementConn) statementConn { return recorder{c, s} }

func (s *statements) note(query string, args []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.args[query] = args
}

// containing returns a statement that has a part.
func (s *statements) containing(part string) (query string, args []any, ok bool) {
	for query, args := range s.args {
		if strings.Contains(query, part) {
			return query, args, true
		}
	}
	return "", nil, false
}

type recorder struct {
	statementConn
	seen *statements
}

func (r recorder) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r.seen.note(query, args)
	return r.statementConn.ExecContext(ctx, query, args...)
}

func (r recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.seen.note(query, args)
	return r.statementConn.QueryContext(ctx, query, args...)
}
