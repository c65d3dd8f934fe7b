package postgres

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/monitor"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
)

// TestMonitors plants behind the store's back what its constraints refuse, and what only
// this store can have.
func TestMonitors(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		statement string
		fault     monitor.Fault
		accept    []string
		// seen is a part of what is seen of each suspect.
		seen []string
	}{
		"two domains hold a hostname": {
			`DROP INDEX domain_verified; UPDATE domain SET status = 'ACTIVE' WHERE hostname = 'shop.example.com'`,
			monitor.TwiceVerified, nil, []string{"shop.example.com", "shop.example.com"},
		},
		"two operations of an object have not ended": {
			`DROP INDEX operation_active; UPDATE operation SET state = 'RUNNING', object_id = 'site_1'`,
			monitor.Competing, nil, []string{"site_1", "site_1"},
		},
		"a row of history begins elsewhere": {
			`INSERT INTO history (tenant_id, object_id, prev, from_status, event, to_status, actor, reason, operation_id, trace_id, at)
				SELECT tenant_id, object_id, seq, 'ERROR', 'retry', 'PROVISIONING', 'x', 'y', 'z', 't', at FROM history
				WHERE object_id = @site ORDER BY seq DESC LIMIT 1`,
			monitor.Unchained, nil, []string{"ERROR to PROVISIONING by retry"},
		},
		"a status was written by hand": {
			`UPDATE site SET status = 'DELETING' WHERE id = @site`,
			monitor.Unwritten, nil, []string{"DELETING"},
		},
		"evidence is another tenant's": {
			`UPDATE domain SET status = 'ACTIVE' WHERE id = @domain;
				UPDATE evidence SET kind = 'nonce', positive_at = now(), tenant_id = 'ten_other' WHERE domain_id = @domain`,
			monitor.Unproved, []string{"nonce"}, []string{"shop.example.com"},
		},
		"an event has no place": {
			`UPDATE outbox SET seq = row_number FROM (SELECT id AS numbered, row_number() OVER () FROM outbox) n
				WHERE id = numbered AND id > 1; UPDATE outbox SET type = 'site.lost' WHERE id = 1`,
			monitor.Unplaced, nil, []string{"site.lost"},
		},
		"a table has no tenant": {
			`CREATE TABLE loose (id text PRIMARY KEY)`,
			monitor.Shared, nil, []string{"loose"},
		},
		"a mark that nobody folded is late": {
			`DELETE FROM mark WHERE kind <> 'site'; UPDATE mark SET due_at = now() - interval '1 hour'`,
			monitor.Late, nil, []string{"site"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Config{Clock: func() time.Time { return now }})
			_, domain := storetest.Everything(t, s)
			statement := strings.NewReplacer("@site", "'"+string(domain.SiteID)+"'", "@domain", "'"+string(domain.ID)+"'").Replace(test.statement)
			_, err := s.pool.Exec(t.Context(), `SET session_replication_role = replica; `+statement)
			must(t, err)
			for _, newest := range []int{0, 1000} {
				var found []monitor.Suspect
				must(t, s.View(t.Context(), func(tx store.Tx) (err error) {
					q := monitor.Query{Limit: 10, Newest: newest, Accept: test.accept, Before: now}
					found, _, err = tx.Suspects(t.Context(), test.fault, q)
					return err
				}))
				same := func(suspect monitor.Suspect, seen string) bool { return strings.Contains(suspect.Seen, seen) }
				if !slices.EqualFunc(found, test.seen, same) {
					t.Errorf("of the newest %d found %q, want %q", newest, found, test.seen)
				}
			}
		})
	}
}
