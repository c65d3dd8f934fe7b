package sqlite

import (
	"context"
	"database/sql"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// growing are the tables that grow with the number of sites or with time.
var growing = regexp.MustCompile(
	`\bSCAN (site|site_revision|endpoint|domain|evidence|condition|edge_change|operation|journal|history|outbox|work|request|[sdero])\b`)

// scanning are the beginnings of the statements that may read a table from end
// to end, and the index by which they do.
var scanning = map[string]string{
	// A whole snapshot is of all sites that are wanted.
	`SELECT s.id, s.wanted, s.wanted_revision, r.spec`: "site_present",
	`SELECT e.site_id, e.pool, e.address, e.weight`:    "site_present",
	`SELECT d.site_id, d.hostname`:                     "site_present",
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

func allowed(query, step string) bool {
	for beginning, index := range scanning {
		if strings.HasPrefix(strings.TrimSpace(query), beginning) && strings.HasSuffix(step, index) {
			return true
		}
	}
	return false
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

func (s *statements) record(c conn) conn { return recorder{c, s} }

func (s *statements) note(query string, args []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.args[query] = args
}

type recorder struct {
	conn
	seen *statements
}

func (r recorder) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r.seen.note(query, args)
	return r.conn.ExecContext(ctx, query, args...)
}

func (r recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.seen.note(query, args)
	return r.conn.QueryContext(ctx, query, args...)
}
