package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// released are the versions of the schema that installations may have.
var released = []int64{1, 2, 3, 4, 5}

func TestMigrate(t *testing.T) {
	for _, version := range released {
		t.Run(fmt.Sprintf("keeps every row of version %d", version), func(t *testing.T) {
			s := written(t, version)
			before := shapes(t, s)
			want := contents(t, s, before)
			for table, rows := range want {
				if len(rows) == 0 {
					t.Errorf("%s is empty before, so the test shows nothing", table)
				}
			}
			must(t, s.migrate(t.Context()))
			got := contents(t, s, before)
			for table, columns := range before {
				if len(columns) == 1 { // a list of words, to which a migration may add
					got[table] = slices.DeleteFunc(got[table], func(row string) bool { return !slices.Contains(want[table], row) })
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rows differ (-before +after):\n%s", diff)
			}
			if broken := column(t, s, `SELECT "table" FROM pragma_foreign_key_check`); len(broken) > 0 {
				t.Errorf("references of %v are broken", broken)
			}
		})
		t.Run(fmt.Sprintf("keeps every index, trigger and column of version %d", version), func(t *testing.T) {
			s := written(t, version)
			columns := shapes(t, s)
			named := func() []string {
				return column(t, s, `SELECT sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL`)
			}
			before := named()
			must(t, s.migrate(t.Context()))
			for _, sql := range before {
				if !slices.Contains(named(), sql) {
					t.Errorf("gone: %s", sql)
				}
			}
			after := shapes(t, s)
			for table, shape := range columns {
				if got := after[table][:len(shape)]; !slices.Equal(got, shape) {
					t.Errorf("%s has the columns %v, before %v", table, got, shape)
				}
			}
		})
	}
}

func TestMigrate_from1(t *testing.T) {
	t.Run("leaves what the store reads", func(t *testing.T) {
		s := written(t, 1)
		must(t, s.migrate(t.Context()))
		must(t, s.View(t.Context(), func(tx store.Tx) error {
			got, err := tx.GetDomain(t.Context(), "ten_1", "dom_1")
			want := network.Domain{
				ID: "dom_1", TenantID: "ten_1", SiteID: "site_1", Hostname: "shop.siteplane.localhost", Kind: network.Platform,
				Mode: network.Direct, Status: network.Active, Wanted: network.Public, Attempts: 1, Version: 5,
				CreatedAt: time.UnixMicro(10).UTC(), UpdatedAt: time.UnixMicro(20).UTC(),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("not as wanted (-want +got):\n%s", diff)
			}
			return err
		}))
	})
	t.Run("takes the new kinds", func(t *testing.T) {
		s := written(t, 1)
		must(t, s.migrate(t.Context()))
		must(t, s.Update(t.Context(), func(tx store.Tx) error {
			must(t, tx.MarkWork(t.Context(), worker.Mark{Kind: worker.Tunnel, Key: "tun_1", DueAt: time.UnixMicro(1)}))
			return tx.PutEvidence(t.Context(), network.Evidence{
				DomainID: "dom_1", TenantID: "ten_1", Kind: network.EvidenceOwnership, Detail: "{}",
			})
		}))
	})
	t.Run("takes what a siteplane of version 1 inserts", func(t *testing.T) {
		s := written(t, 1)
		must(t, s.migrate(t.Context()))
		_, err := s.writer.Exec(`
			INSERT INTO domain (id, tenant_id, site_id, hostname, kind, mode, status, wanted, attempts,
				reserved_until, version, created_at, updated_at)
			VALUES ('dom_3', 'ten_1', 'site_1', 'new.example.com', 'CUSTOM', '', 'PENDING_DNS', 'HIDDEN', 0, NULL, 1, 1, 1)`)
		must(t, err)
	})
}

func TestMigrate_installationID(t *testing.T) {
	read := func(s *Store) (installation string) {
		must(t, s.View(t.Context(), func(tx store.Tx) (err error) {
			installation, err = tx.InstallationID(t.Context())
			return err
		}))
		return installation
	}
	t.Run("differs between databases", func(t *testing.T) {
		one, other := written(t, 1), written(t, 1)
		must(t, one.migrate(t.Context()))
		must(t, other.migrate(t.Context()))
		if read(one) == read(other) {
			t.Errorf("two databases have the installation id %s", read(one))
		}
	})
	t.Run("stays when the database is opened again", func(t *testing.T) {
		s := openTest(t, Config{})
		again, err := Open(t.Context(), Config{Path: s.path})
		must(t, err)
		defer func() { must(t, again.Close()) }()
		if got, want := read(again), read(s); got != want {
			t.Errorf("the installation id is %s, was %s", got, want)
		}
	})
}

// written opens a database with the schema of a released version and rows in every
// table.
func written(t *testing.T, version int64) *Store {
	t.Helper()
	s := &Store{path: filepath.Join(t.TempDir(), "siteplane.db"), clock: time.Now, onMark: func() {}, onEvent: func() {}}
	must(t, s.connect(Config{Path: s.path, synchronous: "OFF"}))
	t.Cleanup(func() { must(t, s.Close()) })
	provider, err := s.migrator()
	must(t, err)
	_, err = provider.UpTo(t.Context(), version)
	must(t, err)
	rows, err := os.ReadFile(fmt.Sprintf("testdata/version_%d.sql", version))
	must(t, err)
	_, err = s.writer.Exec(string(rows))
	must(t, err)
	return s
}

// shapes returns the columns of each table.
func shapes(t *testing.T, s *Store) map[string][]string {
	out := map[string][]string{}
	for _, table := range ours(t, s) {
		out[table] = column(t, s, `SELECT name FROM pragma_table_info(?)`, table)
	}
	return out
}

// contents returns the rows of each table, in the given columns only.
func contents(t *testing.T, s *Store, shapes map[string][]string) map[string][]string {
	out := map[string][]string{}
	for table, names := range shapes {
		quoted := make([]string, len(names))
		for i, name := range names {
			quoted[i] = fmt.Sprintf("quote(%q)", name)
		}
		out[table] = column(t, s, fmt.Sprintf(`SELECT concat_ws(', ', %s) FROM %q ORDER BY 1`, strings.Join(quoted, ", "), table))
	}
	return out
}
