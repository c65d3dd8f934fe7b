package sqlite

import (
	"regexp"
	"slices"
	"strings"
	"testing"

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
func column(t *testing.T, s *Store, query string, args ...any) (out []string) {
	t.Helper()
	rows, err := s.reader.Query(query, args...)
	must(t, err)
	defer func() { must(t, rows.Close()) }()
	for rows.Next() {
		var v string
		must(t, rows.Scan(&v))
		out = append(out, v)
	}
	must(t, rows.Err())
	return out
}

// ours lists the tables that are not SQLite's or goose's.
func ours(t *testing.T, s *Store) []string {
	return column(t, s, `SELECT name FROM sqlite_master
		WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'`)
}

func words[T ~string](values ...T) (out []string) {
	for _, v := range values {
		out = append(out, string(v))
	}
	slices.Sort(out)
	return out
}

func TestSchema_lists(t *testing.T) {
	s := openTest(t, Config{})
	schema := strings.Join(column(t, s, `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL`), "\n")
	for constraint, want := range map[string][]string{
		"site_wanted":      words(site.Absent, site.Present),
		"domain_kind":      words(network.Platform, network.Custom),
		"domain_mode":      words(network.ModeUnknown, network.Managed, network.CustomHostname, network.Direct),
		"domain_wanted":    words(network.Hidden, network.OnEdge, network.Public),
		"condition_status": words(condition.True, condition.False, condition.Unknown, condition.NotApplicable),
		"api_key_role":     words(auth.Viewer, auth.Operator, auth.Admin, auth.PlatformAdmin),
		"operation_state": words(saga.Pending, saga.Running, saga.Waiting, saga.Compensating,
			saga.Succeeded, saga.Failed, saga.Cancelled, saga.NeedsAttention),
	} {
		if got := listed(schema, `CONSTRAINT `+constraint+` CHECK`); !slices.Equal(got, want) {
			t.Errorf("%s allows %v, the code knows %v", constraint, got, want)
		}
	}
	for index, want := range map[string][]string{
		"UNIQUE INDEX operation_active": words(saga.Pending, saga.Running, saga.Waiting, saga.Compensating),
		"UNIQUE INDEX domain_verified":  words(statuses(network.Status.Verified)...),
		"UNIQUE INDEX domain_live":      words(statuses(func(s network.Status) bool { return !s.Live() })...), // NOT IN
		"INDEX domain_routed":           words(routed()...),
	} {
		if got := listed(schema, `CREATE `+index+` `); !slices.Equal(got, want) {
			t.Errorf("%s lists %v, the code knows %v", index, got, want)
		}
	}
}

// statuses returns the statuses of a domain that are as asked for.
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

func TestSchema_rows(t *testing.T) {
	s := openTest(t, Config{})
	for rows, want := range map[string][]string{
		"status FROM site_status":          words(site.Machine.States()...),
		"status FROM domain_status":        words(network.Machine.States()...),
		"kind FROM evidence_kind":          words(network.EvidenceOwnership, network.EvidenceResolves, network.EvidenceNonce),
		"kind FROM work_kind":              words(worker.Site, worker.Domain, worker.Edge, worker.Tunnel),
		"outcome FROM contest_outcome":     words(network.ContestOpen, network.ContestKept, network.ContestLost),
		"purpose FROM instruction_purpose": words(network.Keep, network.Ownership, network.Traffic, network.Preparation),
		"kind FROM target_kind":            words(drift.Edge, drift.Tunnel, hold.DNSLost),
		"outcome FROM drift_outcome":       words(drift.Repaired, drift.Gone),
		"phase FROM journal_phase":         words(saga.Intent, saga.Outcome, saga.Compensation),
		"result FROM journal_result":       words("", saga.Made, saga.Found, saga.OK, saga.Wait, saga.Again, saga.Broken),
	} {
		if got := column(t, s, `SELECT `+rows+` ORDER BY 1`); !slices.Equal(got, want) {
			t.Errorf("%s holds %v, the code knows %v", rows, got, want)
		}
	}
}

// listed returns the quoted words of the first list after a text.
func listed(schema, after string) []string {
	list := regexp.MustCompile(`(?s)` + after + `[^']*?IN \(([^)]*)\)`).FindStringSubmatch(schema)
	if list == nil {
		return nil
	}
	var out []string
	for _, word := range regexp.MustCompile(`'([^']*)'`).FindAllStringSubmatch(list[1], -1) {
		out = append(out, word[1])
	}
	slices.Sort(out)
	return out
}

// common are the tables that belong to the installation.
var common = []string{
	"meta", "tenant", "edge", "placement", "join_token", "tunnel", "drift", "hold",
	"site_status", "domain_status", "evidence_kind", "work_kind", "contest_outcome", "instruction_purpose",
	"target_kind", "drift_outcome", "journal_phase", "journal_result",
}

func TestSchema_tables(t *testing.T) {
	s := openTest(t, Config{})
	for _, table := range ours(t, s) {
		if strict := column(t, s, `SELECT strict FROM pragma_table_list WHERE name = ?`, table); strict[0] != "1" {
			t.Errorf("%s is not strict", table)
		}
		owned := column(t, s, `SELECT name FROM pragma_table_info(?) WHERE name IN ('tenant_id', 'holder_tenant_id')`, table)
		if len(owned) == 0 && !slices.Contains(common, table) {
			t.Errorf("%s has no tenant_id", table)
		}
	}
}

// TestSchema_refuses breaks each rule that SQL keeps, behind the store's back.
func TestSchema_refuses(t *testing.T) {
	history := `INSERT INTO history (tenant_id, object_id, prev, from_status, event, to_status,
		actor, reason, operation_id, trace_id, at) SELECT tenant_id, object_id, `
	tail := `, 'x', 'y', 'z', 'o', 't', at FROM history WHERE object_id = @site`
	drifts := `INSERT INTO drift (id, detail, cause, is_foreign, found_at, trace_id,
		target_kind, target_id, kind, place, closed_at, outcome) VALUES ('drift_1', '', '', 0, 1, '', `
	holds := `INSERT INTO hold (names, count, held, since, id, target_kind, target_id, confirmed_by, confirmed_at)
		VALUES ('[]', 1, 1, 1, `
	audit := `INSERT INTO audit (address, before, after, trace_id, request_id, at, object_id, actor, action, tenant_id)
		VALUES ('', '', '', '', '', 1, `
	for name, test := range map[string]struct{ statement, says string }{
		"a second first history row":                  {history + `NULL, '', 'create'` + tail + ` AND prev IS NULL`, "history.object_id"},
		"a history row that follows a followed one":   {history + `seq, to_status, 'provision'` + tail + ` AND prev IS NULL`, "history.prev"},
		"a history row that starts elsewhere":         {history + `seq, 'ACTIVE', 'delete'` + tail + ` AND prev IS NOT NULL`, "FOREIGN KEY"},
		"a history row that follows another object":   {strings.Replace(history, "SELECT tenant_id, object_id", "SELECT tenant_id, @domain", 1) + `seq, to_status, 'x'` + tail + ` AND prev IS NOT NULL`, "FOREIGN KEY"},
		"a changed history row":                       {`UPDATE history SET reason = 'x' WHERE object_id = @site`, "append-only"},
		"a deleted history row":                       {`DELETE FROM history WHERE object_id = @site`, "append-only"},
		"an unknown status":                           {`UPDATE site SET status = 'FINE' WHERE id = @site`, "FOREIGN KEY"},
		"a primary domain that is not the site's":     {`UPDATE site SET primary_domain_id = 'dom_1' WHERE id = @site`, "FOREIGN KEY"},
		"a domain of a tenant that is not the site's": {`UPDATE domain SET tenant_id = 'ten_other' WHERE id = @domain`, "FOREIGN KEY"},
		"a text where a number belongs":               {`UPDATE site SET version = 'one' WHERE id = @site`, "cannot store TEXT"},
		"an evidence of an unknown kind":              {`UPDATE evidence SET kind = 'fun' WHERE domain_id = @domain`, "FOREIGN KEY"},
		"work of an unknown kind":                     {`UPDATE work SET kind = 'fun' WHERE key = @site`, "FOREIGN KEY"},
		"a contest with an unknown outcome":           {`UPDATE contest SET outcome = 'fun' WHERE holder_id = @domain`, "FOREIGN KEY"},
		"a contest of a tenant with itself":           {`UPDATE contest SET contender_id = @domain, contender_tenant_id = holder_tenant_id WHERE holder_id = @domain`, "contender_tenant_id"},
		"an instruction for an unknown purpose":       {`UPDATE instruction SET purpose = 'fun' WHERE domain_id = @domain`, "FOREIGN KEY"},
		"an instruction of another tenant":            {`UPDATE instruction SET tenant_id = 'ten_other' WHERE domain_id = @domain`, "FOREIGN KEY"},
		"a tunnel change of another tenant":           {`UPDATE tunnel_change SET tenant_id = 'ten_other' WHERE domain_id = @domain`, "FOREIGN KEY"},
		"a claim of an unknown tenant":                {`UPDATE claim SET tenant_id = 'ten_nobody'`, "FOREIGN KEY"},
		"a flag of a domain that is neither 0 nor 1":  {`UPDATE domain SET lost = 2 WHERE id = @domain`, "lost"},
		"an installation id that is too short":        {`UPDATE meta SET installation_id = 'abc'`, "installation_id"},
		"an installation id of other letters":         {`UPDATE meta SET installation_id = '0123456789ABCDEF'`, "installation_id"},
		"a second installation":                       {`INSERT INTO meta (one, era, installation_id) VALUES (2, 1, '0123456789abcdef')`, "one"},
		"an era below 1":                              {`UPDATE meta SET era = 0`, "era"},
		"a pin of another tenant":                     {`UPDATE pin SET tenant_id = 'ten_other' WHERE site_id = @site`, "FOREIGN KEY"},
		"a pin of no revision":                        {`UPDATE pin SET revision = 0 WHERE site_id = @site`, "revision"},
		"an edge without a drift policy":              {`UPDATE edge SET drift_policy = ''`, "drift_policy"},
		"a tunnel without a drift policy":             {`UPDATE tunnel SET drift_policy = ''`, "drift_policy"},
		"fewer than no failures":                      {`UPDATE work SET failures = -1 WHERE key = @site`, "failures"},
		"fewer than no claims without an end":         {`UPDATE work SET unended = -1 WHERE key = @site`, "unended"},
		"a journal row of an unknown phase":           {`UPDATE journal SET phase = 'fun'`, "FOREIGN KEY"},
		"a journal row of an unknown result":          {`UPDATE journal SET result = 'fun'`, "FOREIGN KEY"},
		"a journal row of another tenant":             {`UPDATE journal SET tenant_id = 'ten_other'`, "FOREIGN KEY"},
		"an event of an unknown tenant":               {`UPDATE outbox SET tenant_id = 'ten_nobody'`, "FOREIGN KEY"},
		"a drift of an unknown kind of target":        {drifts + `'fun', 'e', 'K', '', NULL, NULL)`, "FOREIGN KEY"},
		"a drift of an unknown outcome":               {drifts + `'edge', 'e', 'K', '', 2, 'fun')`, "FOREIGN KEY"},
		"a drift without a kind":                      {drifts + `'edge', 'e', '', '', NULL, NULL)`, "kind"},
		"an open drift with an outcome":               {drifts + `'edge', 'e', 'K', '', NULL, 'gone')`, "drift_ended"},
		"a closed drift without an outcome":           {drifts + `'edge', 'e', 'K', '', 2, NULL)`, "drift_ended"},
		"a hold of an unknown kind of target":         {holds + `'h', 'fun', '', '', NULL)`, "FOREIGN KEY"},
		"a hold without an id":                        {holds + `'', 'edge', 'e', '', NULL)`, "id"},
		"a hold that nobody confirmed":                {holds + `'h', 'edge', 'e', '', 2)`, "hold_confirmed"},
		"a hold that somebody confirmed at no time":   {holds + `'h', 'edge', 'e', 'key:1', NULL)`, "hold_confirmed"},
		"a changed entry of the audit":                {`UPDATE audit SET actor = 'x' WHERE object_id = @site`, "append-only"},
		"a deleted entry of the audit":                {`DELETE FROM audit WHERE object_id = @site`, "append-only"},
		"an entry of the audit by nobody":             {audit + `@site, '', 'x', 'ten_other')`, "actor"},
		"an entry of the audit about nothing":         {audit + `@site, 'x', '', 'ten_other')`, "action"},
		"an entry of the audit of an unknown tenant":  {audit + `@site, 'x', 'x', 'ten_nobody')`, "FOREIGN KEY"},
		"a limit below 0":                             {`UPDATE tenant SET limit_sites = -1`, "limit_sites"},
		"a limit of no request":                       {`UPDATE tenant SET limit_requests_per_second = 0`, "limit_requests_per_second"},
		"a key of an unknown role":                    {`UPDATE api_key SET role = 'fun'`, "api_key_role"},
		"a key for sites that are no list":            {`UPDATE api_key SET site_ids = 'null'`, "site_ids"},
		"a rollback to a revision below 0":            {`UPDATE site_revision SET rollback_of = -1 WHERE site_id = @site`, "rollback_of"},
		"work done that nobody wanted":                {`UPDATE work SET done_seq = wanted_seq + 1 WHERE key = @site`, "done_seq"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Config{})
			owner, domain := storetest.Everything(t, s)
			_, err := s.writer.Exec(`INSERT INTO tenant (id, name, created_at) VALUES ('ten_other', 'other', 1)`)
			must(t, err)
			statement := strings.NewReplacer("@site", "'"+string(owner.ID)+"'", "@domain", "'"+string(domain.ID)+"'").Replace(test.statement)
			_, err = s.writer.Exec(statement)
			contains(t, err, test.says)
		})
	}
}
