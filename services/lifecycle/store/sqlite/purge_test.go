package sqlite

import (
	"fmt"
	"slices"
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
)

// TestPurgeSite_leftovers looks into every column of every table, so that a table
// made later cannot be forgotten.
func TestPurgeSite_leftovers(t *testing.T) {
	s := openTest(t, Config{})
	owner, domain := storetest.Everything(t, s)
	before := bearers(t, s, owner, domain)
	for _, table := range ours(t, s) {
		bare := append([]string{"zone_grant"}, common...)
		if !slices.Contains(bare, table) && !slices.Contains(before, table) {
			t.Errorf("%s bears none of the names before the purge, so the test shows nothing", table)
		}
	}
	must(t, s.Update(t.Context(), func(tx store.Tx) error {
		return tx.PurgeSite(t.Context(), owner.TenantID, owner.ID)
	}))
	kept := []string{"api_key", "audit", "claim", "domain", "history", "journal", "operation", "outbox", "request", "site"}
	after := bearers(t, s, owner, domain)
	for _, table := range after {
		if !slices.Contains(kept, table) {
			t.Errorf("%s bears a name of the site after the purge", table)
		}
	}
	for _, table := range []string{"site", "domain", "claim", "request", "audit"} {
		if !slices.Contains(after, table) {
			t.Errorf("only %v bear a name: what outlives the site is gone", after)
		}
	}
}

// bearers returns the tables in which any column holds a site's or domain's id
// or hostname. A journal bears them through its operation.
func bearers(t *testing.T, s *Store, owner site.Site, domain network.Domain) (tables []string) {
	for _, table := range ours(t, s) {
		for _, name := range column(t, s, `SELECT name FROM pragma_table_info(?)`, table) {
			query := fmt.Sprintf(`SELECT count(*) FROM %q WHERE instr(%[2]q, ?) OR instr(%[2]q, ?) OR instr(%[2]q, ?)`, table, name)
			if table == "journal" {
				query = fmt.Sprintf(`SELECT count(*) FROM journal JOIN operation o ON o.id = operation_id
					WHERE o.object_id IN (?, ?) OR instr(journal.%q, ?)`, name)
			}
			if found := column(t, s, query, owner.ID, domain.ID, domain.Hostname); found[0] != "0" {
				tables = append(tables, table)
			}
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}
