package sqlite

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/monitor"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
)

// searching are parts of the statements of monitors, and the step by which each reads
// all of what it is about.
var searching = map[string]string{
	`(SELECT hostname FROM domain WHERE status IN`:   "SCAN domain USING INDEX domain_verified",
	`(SELECT object_id FROM operation WHERE state`:   "SCAN operation USING INDEX operation_active",
	`FROM domain d INDEXED BY domain_active`:         "SCAN d USING INDEX domain_active",
	`FROM operation o INDEXED BY operation_active`:   "SCAN o USING INDEX operation_active",
	`FROM site s WHERE s.status <> coalesce((SELECT`: "SCAN s",
	`FROM domain d WHERE d.status <> coalesce((`:     "SCAN d",
}

// searches reports whether a statement of a monitor may do a step.
func searches(query, step string) bool {
	for part, allowed := range searching {
		if strings.Contains(query, part) && step == allowed {
			return true
		}
	}
	return false
}

// TestMonitors plants behind the store's back what its constraints refuse.
func TestMonitors(t *testing.T) {
	lost := map[string]string{
		"domain_verified":  `CREATE INDEX domain_verified ON domain (hostname) WHERE status IN ('VALIDATED', 'ROUTED', 'ACTIVE')`,
		"operation_active": `CREATE INDEX operation_active ON operation (object_id) WHERE state IN ('PENDING', 'RUNNING', 'WAITING', 'COMPENSATING')`,
	}
	for name, test := range map[string]struct {
		// without is a unique index that is an ordinary one here.
		without, statement string
		fault              monitor.Fault
		accept             []string
		// seen is of each suspect.
		seen []string
	}{
		"two domains hold a hostname": {
			"domain_verified", `UPDATE domain SET status = 'ACTIVE' WHERE hostname = 'shop.example.com'`,
			monitor.TwiceVerified, nil, []string{"shop.example.com", "shop.example.com"},
		},
		"two operations of an object have not ended": {
			"operation_active", `UPDATE operation SET state = 'RUNNING', object_id = 'site_1'`,
			monitor.Competing, nil, []string{"site_1", "site_1"},
		},
		"a row of history begins elsewhere": {
			"", `INSERT INTO history (tenant_id, object_id, prev, from_status, event, to_status, actor, reason, operation_id, trace_id, at)
				SELECT tenant_id, object_id, seq, 'ERROR', 'retry', 'PROVISIONING', 'x', 'y', 'z', 't', at FROM history
				WHERE object_id = @site ORDER BY seq DESC LIMIT 1`,
			monitor.Unchained, nil, []string{"ERROR to PROVISIONING by retry"},
		},
		"a history does not begin with a creation": {
			"", `INSERT INTO history (tenant_id, object_id, prev, from_status, event, to_status, actor, reason, operation_id, trace_id, at)
				VALUES ('ten_other', 'site_other', 1, 'ERROR', 'retry', 'PROVISIONING', 'x', 'y', 'z', 't', 1)`,
			monitor.Unchained, nil, []string{"ERROR to PROVISIONING by retry"},
		},
		"a status was written by hand": {
			"", `UPDATE site SET status = 'DELETING' WHERE id = @site`,
			monitor.Unwritten, nil, []string{"DELETING"},
		},
		"the status of a domain was written by hand": {
			"", `UPDATE domain SET status = 'ERROR' WHERE id = @domain`,
			monitor.Unwritten, nil, []string{"ERROR"},
		},
		"evidence is another tenant's": {
			"", `UPDATE domain SET status = 'ACTIVE' WHERE id = @domain;
				UPDATE evidence SET kind = 'nonce', positive_at = 1, tenant_id = 'ten_other' WHERE domain_id = @domain`,
			monitor.Unproved, []string{"nonce"}, []string{"shop.example.com"},
		},
		"a table has no tenant": {
			"", `CREATE TABLE loose (id TEXT PRIMARY KEY) STRICT`,
			monitor.Shared, nil, []string{"loose"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Config{})
			_, domain := storetest.Everything(t, s)
			_, err := s.writer.Exec(`PRAGMA foreign_keys = OFF`)
			must(t, err)
			if index, ok := lost[test.without]; ok {
				_, err = s.writer.Exec(`DROP INDEX ` + test.without + `; ` + index)
				must(t, err)
			}
			_, err = s.writer.Exec(strings.NewReplacer("@site", "'"+string(domain.SiteID)+"'", "@domain", "'"+string(domain.ID)+"'").Replace(test.statement))
			must(t, err)
			for _, newest := range []int{0, 1000} {
				found := suspects(t, s, test.fault, monitor.Query{Limit: 10, Newest: newest, Accept: test.accept})
				same := func(suspect monitor.Suspect, seen string) bool { return strings.Contains(suspect.Seen, seen) }
				if !slices.EqualFunc(found, test.seen, same) {
					t.Errorf("of the newest %d found %q, want %q", newest, found, test.seen)
				}
			}
		})
	}
}

// TestMonitors_of_one_writer says what this store cannot have.
func TestMonitors_of_one_writer(t *testing.T) {
	s := openTest(t, Config{})
	must(t, s.View(t.Context(), func(tx store.Tx) error {
		report, err := monitor.Run(t.Context(), tx, monitor.Settings{Config: lifecycle.Defaults(), Now: time.Now()})
		for _, result := range report.Results {
			if unplaced := result.Monitor.ID == "M6"; result.Applies == unplaced {
				t.Errorf("%s applies: %v", result.Monitor.Name, result.Applies)
			}
		}
		return err
	}))
}

func suspects(t *testing.T, s *Store, fault monitor.Fault, q monitor.Query) (found []monitor.Suspect) {
	t.Helper()
	must(t, s.View(t.Context(), func(tx store.Tx) (err error) {
		found, _, err = tx.Suspects(t.Context(), fault, q)
		return err
	}))
	return found
}
