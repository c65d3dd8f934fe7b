package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/siteplane/siteplane/internal/platform/pgtest"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// growing are the tables that grow with the number of sites or with time.
var growing = strings.Fields(`site site_revision endpoint domain claim contest instruction evidence condition edge_change
	tunnel_change operation journal history outbox audit tenant api_key work mark request pin drift hold guard`)

// scanning are parts of the statements that may read a table from end to end, and how.
var scanning = map[string][]string{
	// A whole snapshot is of all sites that are wanted.
	`SELECT s.id, s.tenant_id, CASE WHEN `:          {"Index Scan on site site_present"},
	`SELECT e.site_id, e.pool, e.address, e.weight`: {"Index Scan on site site_present"},
	`SELECT d.site_id, d.hostname`:                  {"Index Scan on site site_present"},
	// So is what a whole tunnel shall hold.
	`FROM domain WHERE mode IN ('managed', 'custom_hostname') AND wanted = 'ROUTED'`: {"Index Scan on domain domain_routed"},
	// The domains that were lost are few.
	`SELECT count(DISTINCT d.id) FROM domain d`: {"Index Scan on history history_object_id_prev_key"},
	// A list of drifts ends after so many.
	` FROM drift ORDER BY`:                         {"Index Scan on drift drift_found"},
	` FROM drift WHERE closed_at IS NULL ORDER BY`: {"Index Scan on drift drift_found_open"},
	// The next due time is the first entry of an index.
	`SELECT ` + ready + ` FROM work`: {"Index Scan on work work_ready"},
	// Marks are there until the next claim only.
	`FROM mark WHERE NOT EXISTS`:      {"Index Scan on mark mark_key"},
	`DELETE FROM mark WHERE seq IN`:   {"Index Scan on mark mark_pkey"},
	`DELETE FROM mark WHERE key = $1`: {"Seq Scan on mark"},
	// Monitors look at everything, now and then.
	`SELECT object_id, tenant_id, seen, since, count(*) OVER ()`: {
		"Seq Scan on site", "Seq Scan on domain", "Index Scan on domain domain_active", "Index Scan on mark mark_key",
	},
}

func allowed(text, read string) bool {
	text = strings.Join(strings.Fields(text), " ")
	for part, reads := range scanning {
		if strings.Contains(text, part) && slices.Contains(reads, read) {
			return true
		}
	}
	return false
}

// statements are the texts that the suite caused.
type statements struct {
	mu    sync.Mutex
	texts map[string]bool
}

// recordStatements notes every statement from now until the test ends.
func recordStatements(t *testing.T) *statements {
	seen, before := &statements{texts: map[string]bool{}}, translations
	translations = relational.NewTranslations(func(text string) string {
		text = translate(text)
		seen.mu.Lock()
		defer seen.mu.Unlock()
		seen.texts[text] = true
		return text
	})
	t.Cleanup(func() { translations = before })
	return seen
}

// step is a node of a plan.
type step struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	Cond     string `json:"Index Cond"`
	Recheck  string `json:"Recheck Cond"`
	Once     string `json:"One-Time Filter"`
	Plans    []step
}

// reads are the steps of a plan that read a growing table from end to end.
func (s step) reads() (found []string) {
	if s.Once == "false" {
		return nil // what is below is never done
	}
	whole := s.Type == "Seq Scan" || strings.Contains(s.Type, "Index") && s.Type != "Bitmap Index Scan" && s.Cond == ""
	if whole && slices.Contains(growing, s.Relation) {
		found = append(found, strings.TrimSpace(fmt.Sprintf("%s on %s %s", s.Type, s.Relation, s.Index)))
	}
	for _, below := range s.Plans {
		found = append(found, below.reads()...)
	}
	return found
}

var argument = regexp.MustCompile(`\$(\d+)`)

// plan asks how the server would run a statement, whatever its arguments.
func plan(ctx context.Context, conn *pgx.Conn, text string) (step, error) {
	most := 0
	for _, found := range argument.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(found[1]) // digits
		most = max(most, n)
	}
	call := "p"
	if most > 0 {
		call += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", most), ", ") + ")"
	}
	if _, err := conn.Exec(ctx, "PREPARE p AS "+text); err != nil {
		return step{}, err
	}
	defer func() { _, _ = conn.Exec(ctx, "DEALLOCATE p") }()
	var answer string
	if err := conn.QueryRow(ctx, "EXPLAIN (FORMAT JSON) EXECUTE "+call, pgx.QueryExecModeSimpleProtocol).Scan(&answer); err != nil {
		return step{}, err
	}
	var plans []struct{ Plan step }
	err := json.Unmarshal([]byte(answer), &plans)
	return plans[0].Plan, err
}

// checkPlans asks the server how it would run each statement that the suite caused: for
// who passes the wall between tenants, and for who is before and behind it.
func checkPlans(t *testing.T, seen *statements) {
	if len(seen.texts) < 50 {
		t.Fatalf("only %d statements seen", len(seen.texts))
	}
	dsn := pgtest.New(t, migrateAsOrdinary)
	for name, test := range map[string]struct{ dsn, tenant string }{
		"as a superuser": {dsn, ""}, "as an ordinary role": {pgtest.Ordinary(dsn), ""}, "for a tenant": {pgtest.Ordinary(dsn), "ten_1"},
	} {
		t.Run(name, func(t *testing.T) {
			on, err := pgx.Connect(t.Context(), test.dsn)
			must(t, err)
			defer func() { must(t, on.Close(context.WithoutCancel(t.Context()))) }()
			_, err = on.Exec(t.Context(), "SELECT set_config('siteplane.tenant', $1, false)", test.tenant)
			must(t, err)
			checkPlansOf(t, seen, on)
		})
	}
}

func checkPlansOf(t *testing.T, seen *statements, on *pgx.Conn) {
	t.Helper()
	// Tables are empty here, where reading all of one costs nothing: the question is whether
	// there is another way.
	for _, setting := range []string{
		"enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off", "plan_cache_mode = force_generic_plan",
	} {
		_, err := on.Exec(t.Context(), "SET "+setting)
		must(t, err)
	}
	for text := range seen.texts {
		how, err := plan(t.Context(), on, text)
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		for _, read := range how.reads() {
			if allowed(text, read) {
				continue
			}
			t.Errorf("%s\n%s", read, text)
		}
	}
}
