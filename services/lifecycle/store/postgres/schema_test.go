package postgres

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// column returns a query's single column.
func column(t *testing.T, s *Store, text string, args ...any) []string {
	t.Helper()
	found, err := s.pool.Query(t.Context(), text, args...)
	must(t, err)
	out, err := pgx.CollectRows(found, pgx.RowTo[string])
	must(t, err)
	return out
}

func words[T ~string](values ...T) (out []string) {
	for _, v := range values {
		out = append(out, string(v))
	}
	slices.Sort(out)
	return out
}

// quoted returns the texts in a definition.
func quoted(definition string) (out []string) {
	for _, word := range regexp.MustCompile(`'([^']*)'::text`).FindAllStringSubmatch(definition, -1) {
		out = append(out, word[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// The lists of words that the schema has are those of the code.
func TestSchema_lists(t *testing.T) {
	s := openTest(t, Config{})
	targets := words(drift.Edge, drift.Tunnel, hold.DNSLost)
	for constraint, want := range map[string][]string{
		"site_status":         words(site.Machine.States()...),
		"site_wanted":         words(site.Absent, site.Present),
		"domain_status":       words(network.Machine.States()...),
		"domain_kind":         words(network.Platform, network.Custom),
		"domain_mode":         words(network.ModeUnknown, network.Managed, network.CustomHostname, network.Direct),
		"domain_wanted":       words(network.Hidden, network.OnEdge, network.Public),
		"evidence_kind":       words(network.EvidenceOwnership, network.EvidenceResolves, network.EvidenceNonce),
		"contest_outcome":     words(network.ContestOpen, network.ContestKept, network.ContestLost),
		"instruction_purpose": words(network.Keep, network.Ownership, network.Traffic, network.Preparation),
		"condition_status":    words(condition.True, condition.False, condition.Unknown, condition.NotApplicable),
		"api_key_role":        words(auth.Viewer, auth.Operator, auth.Admin, auth.PlatformAdmin),
		"operation_state": words(saga.Pending, saga.Running, saga.Waiting, saga.Compensating,
			saga.Succeeded, saga.Failed, saga.Cancelled, saga.NeedsAttention),
		"journal_phase":     words(saga.Intent, saga.Outcome, saga.Compensation),
		"journal_result":    words("", saga.Made, saga.Found, saga.OK, saga.Wait, saga.Again, saga.Broken),
		"work_kind":         words(worker.Site, worker.Domain, worker.Edge, worker.Tunnel),
		"mark_kind":         words(worker.Site, worker.Domain, worker.Edge, worker.Tunnel),
		"drift_target_kind": targets,
		"hold_target_kind":  targets,
		"drift_outcome":     words(drift.Repaired, drift.Gone),
	} {
		definition := column(t, s, `SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = $1`, constraint)
		if len(definition) != 1 {
			t.Errorf("there are %d constraints %s", len(definition), constraint)
			continue
		}
		if got := quoted(definition[0]); !slices.Equal(got, want) {
			t.Errorf("%s allows %v, the code knows %v", constraint, got, want)
		}
	}
}

// The conditions of indexes are those of the code.
func TestSchema_indexes(t *testing.T) {
	s := openTest(t, Config{})
	for index, want := range map[string][]string{
		"operation_active": words(saga.Pending, saga.Running, saga.Waiting, saga.Compensating),
		"domain_verified":  words(statuses(network.Status.Verified)...),
		"domain_live":      words(statuses(func(s network.Status) bool { return !s.Live() })...), // NOT IN
		"domain_routed":    words(routed()...),
	} {
		definition := column(t, s, `SELECT indexdef FROM pg_indexes WHERE indexname = $1`, index)
		if len(definition) != 1 {
			t.Errorf("there are %d indexes %s", len(definition), index)
			continue
		}
		list, _, _ := strings.Cut(definition[0], " AND (wanted") // domain_routed has a second condition
		if got := quoted(list); !slices.Equal(got, want) {
			t.Errorf("%s lists %v, the code knows %v", index, got, want)
		}
	}
}

func statuses(are func(network.Status) bool) []network.Status {
	return slices.DeleteFunc(network.Machine.States(), func(s network.Status) bool { return !are(s) })
}

// routed returns the modes whose domains have a route through a tunnel.
func routed() (modes []network.Mode) {
	for _, mode := range []network.Mode{network.ModeUnknown, network.Managed, network.CustomHostname, network.Direct} {
		if _, ok := desired.RouteOf(network.Domain{Mode: mode}); ok {
			modes = append(modes, mode)
		}
	}
	return modes
}

func TestSchema_columns(t *testing.T) {
	s := openTest(t, Config{})
	for _, c := range column(t, s, `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`) {
		t.Errorf("%s is compared by the database's locale", c)
	}
	for _, c := range column(t, s, `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%' AND data_type = 'timestamp without time zone'`) {
		t.Errorf("%s is a time that depends on the session", c)
	}
}

// TestSchema_refuses breaks each rule that SQL keeps, behind the store's back.
func TestSchema_refuses(t *testing.T) {
	history := `INSERT INTO history (tenant_id, object_id, prev, from_status, event, to_status,
		actor, reason, operation_id, trace_id, at) SELECT tenant_id, object_id, `
	tail := `, 'x', 'y', 'z', 'o', 't', at FROM history WHERE object_id = @site`
	drifts := `INSERT INTO drift (id, detail, cause, is_foreign, found_at, trace_id,
		target_kind, target_id, kind, place, closed_at, outcome) VALUES ('drift_1', '', '', false, now(), '', `
	holds := `INSERT INTO hold (names, count, held, since, id, target_kind, target_id, confirmed_by, confirmed_at)
		VALUES ('[]', 1, 1, now(), `
	audit := `INSERT INTO audit (address, before, after, trace_id, request_id, at, object_id, actor, action, tenant_id)
		VALUES ('', '', '', '', '', now(), `
	operation := `INSERT INTO operation (id, tenant_id, kind, object_kind, object_id, state, step, intent, failed_attempts,
		reason, message, waiting_for, actor, trace_parent, created_at, updated_at)
		SELECT id || 'x', tenant_id, kind, object_kind, object_id, 'RUNNING', 0, false, 0, '', '', '', '', '', created_at, updated_at FROM operation`
	databases := newDatabases(t)
	for name, test := range map[string]struct{ statement, says string }{
		"a second first history row":                  {history + `NULL, '', 'create'` + tail + ` AND prev IS NULL`, "history_first"},
		"a history row that follows a followed one":   {history + `seq, to_status, 'provision'` + tail + ` AND prev IS NULL`, "history_object_id_prev_key"},
		"a history row that starts elsewhere":         {history + `seq, 'ACTIVE', 'delete'` + tail + ` AND prev IS NOT NULL`, "foreign key"},
		"a history row that follows another object":   {strings.Replace(history, "SELECT tenant_id, object_id", "SELECT tenant_id, @domain", 1) + `seq, to_status, 'x'` + tail + ` AND prev IS NOT NULL`, "foreign key"},
		"a changed history row":                       {`UPDATE history SET reason = 'x' WHERE object_id = @site`, "append-only"},
		"a deleted history row":                       {`DELETE FROM history WHERE object_id = @site`, "append-only"},
		"an emptied history":                          {`TRUNCATE history`, "append-only"},
		"a second active operation":                   {operation + ` WHERE state = 'PENDING' LIMIT 1`, "operation_active"},
		"a primary domain that is not the site's":     {`UPDATE site SET primary_domain_id = 'dom_1' WHERE id = @site`, "site_primary"},
		"a domain of a tenant that is not the site's": {`UPDATE domain SET tenant_id = 'ten_other' WHERE id = @domain`, "foreign key"},
		"a contest of a tenant with itself":           {`UPDATE contest SET contender_id = @domain, contender_tenant_id = holder_tenant_id WHERE holder_id = @domain`, "contest_check"},
		"an instruction of another tenant":            {`UPDATE instruction SET tenant_id = 'ten_other' WHERE domain_id = @domain`, "foreign key"},
		"a tunnel change of another tenant":           {`UPDATE tunnel_change SET tenant_id = 'ten_other' WHERE domain_id = @domain`, "foreign key"},
		"a claim of an unknown tenant":                {`UPDATE claim SET tenant_id = 'ten_nobody'`, "foreign key"},
		"a mark of an unknown tenant":                 {`INSERT INTO mark (kind, key, tenant_id, trace_parent, due_at) VALUES ('site', 'x', 'ten_nobody', '', now())`, "foreign key"},
		"an installation id of other letters":         {`UPDATE meta SET installation_id = '0123456789ABCDEF'`, "installation_id"},
		"a second installation":                       {`INSERT INTO meta (one, era, installation_id) VALUES (2, 1, '0123456789abcdef')`, "one"},
		"an era below 1":                              {`UPDATE meta SET era = 0`, "era"},
		"a pin of another tenant":                     {`UPDATE pin SET tenant_id = 'ten_other' WHERE site_id = @site`, "foreign key"},
		"a pin of no revision":                        {`UPDATE pin SET revision = 0 WHERE site_id = @site`, "revision"},
		"an edge without a drift policy":              {`UPDATE edge SET drift_policy = ''`, "drift_policy"},
		"fewer than no failures":                      {`UPDATE work SET failures = -1 WHERE key = @site`, "failures"},
		"a journal row of another tenant":             {`UPDATE journal SET tenant_id = 'ten_other'`, "foreign key"},
		"an event of an unknown tenant":               {`UPDATE outbox SET tenant_id = 'ten_nobody'`, "foreign key"},
		"a place that is given twice":                 {`UPDATE outbox SET seq = 7`, "outbox_seq_key"},
		"a drift without a kind":                      {drifts + `'edge', 'e', '', '', NULL, NULL)`, "kind"},
		"an open drift with an outcome":               {drifts + `'edge', 'e', 'K', '', NULL, 'gone')`, "drift_ended"},
		"a closed drift without an outcome":           {drifts + `'edge', 'e', 'K', '', now(), NULL)`, "drift_ended"},
		"a hold that nobody confirmed":                {holds + `'h', 'edge', 'e', '', now())`, "hold_confirmed"},
		"a hold that somebody confirmed at no time":   {holds + `'h', 'edge', 'e', 'key:1', NULL)`, "hold_confirmed"},
		"a changed entry of the audit":                {`UPDATE audit SET actor = 'x' WHERE object_id = @site`, "append-only"},
		"a deleted entry of the audit":                {`DELETE FROM audit WHERE object_id = @site`, "append-only"},
		"an entry of the audit by nobody":             {audit + `@site, '', 'x', 'ten_other')`, "actor"},
		"a limit below 0":                             {`UPDATE tenant SET limit_sites = -1`, "limit_sites"},
		"a key for sites that are no list":            {`UPDATE api_key SET site_ids = 'null'`, "site_ids"},
		"work done that nobody wanted":                {`UPDATE work SET done_seq = wanted_seq + 1 WHERE key = @site`, "work_check"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := databases.open(t, Config{})
			owner, domain := storetest.Everything(t, s)
			_, _, err := s.ClaimWork(t.Context(), worker.Claim{Owner: "me", Lease: 1, Limit: 10}) // folds the marks
			must(t, err)
			_, err = s.pool.Exec(t.Context(), `INSERT INTO tenant (id, name, created_at, suspend_reason) VALUES ('ten_other', 'other', now(), '')`)
			must(t, err)
			statement := strings.NewReplacer("@site", "'"+string(owner.ID)+"'", "@domain", "'"+string(domain.ID)+"'").Replace(test.statement)
			if _, err = s.pool.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("got %v, want something about %q", err, test.says)
			}
		})
	}
}
