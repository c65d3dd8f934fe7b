package sqlite

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

func TestMigrate_from3(t *testing.T) {
	t.Run("opens as it is, with the tenants, keys, revisions, events and requests that there were", func(t *testing.T) {
		old := written(t, 3)
		s, err := Open(t.Context(), Config{Path: old.path})
		must(t, err)
		defer func() { must(t, s.Close()) }()
		must(t, s.View(t.Context(), func(tx store.Tx) error { keeps3(t, tx); return nil }))
	})
	t.Run("goes on with the numbers of events", func(t *testing.T) {
		s := written(t, 3)
		must(t, s.migrate(t.Context()))
		must(t, s.Update(t.Context(), func(tx store.Tx) error {
			must(t, tx.Emit(t.Context(), event.Event{Type: event.SiteUpdated, TenantID: "ten_1", ObjectID: "site_1", Data: "{}", At: time.UnixMicro(30)}))
			return nil
		}))
		first, last, err := s.Sequence(t.Context())
		must(t, err)
		if first != 5 || last != 82 {
			t.Errorf("the events go from %d to %d, want 5 to 82", first, last)
		}
	})
	t.Run("takes what a siteplane of version 3 inserts", func(t *testing.T) {
		s := written(t, 3)
		must(t, s.migrate(t.Context()))
		_, err := s.writer.Exec(`
			INSERT INTO tenant (id, name, created_at) VALUES ('ten_3', 'three', 1);
			INSERT INTO api_key (id, tenant_id, name, role, hash, created_at, revoked_at) VALUES ('key_3', 'ten_3', 'x', 'viewer', zeroblob(32), 1, NULL);
			INSERT INTO site_revision (site_id, number, tenant_id, spec, created_at) VALUES ('site_1', 3, 'ten_1', '{}', 1);
			INSERT INTO outbox (type, tenant_id, object_id, data, at) VALUES ('site.created', 'ten_1', 'site_1', '{}', 1);
			INSERT INTO request (tenant_id, id, hash, object_id, created_at) VALUES ('ten_1', 'r2', zeroblob(32), 'site_1', 1)`)
		must(t, err)
		must(t, s.View(t.Context(), func(tx store.Tx) error {
			key, err := tx.GetKey(t.Context(), "key_3")
			if key.Sites != nil || !key.Valid(time.Now()) {
				t.Errorf("got %+v", key)
			}
			return err
		}))
	})
}

// keeps3 checks what the store reads of a database of version 3.
func keeps3(t *testing.T, tx store.Tx) {
	t.Helper()
	at := func(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
	tenants, err := tx.ListTenants(t.Context(), admin.Page{Limit: 10})
	must(t, err)
	usage, err := tx.Usage(t.Context(), "ten_1")
	must(t, err)
	keys, err := tx.ListKeys(t.Context(), "ten_2", auth.Page{All: true, Limit: 10})
	must(t, err)
	revisions, err := tx.ListRevisions(t.Context(), "ten_1", "site_1", 2, 10)
	must(t, err)
	request, ok, err := tx.GetRequest(t.Context(), "ten_1", "r1")
	must(t, err)
	events, err := tx.Events(t.Context(), event.Query{Limit: 10})
	must(t, err)
	entries, err := tx.ListAudit(t.Context(), admin.AuditPage{Limit: 10})
	must(t, err)
	if diff := cmp.Diff([]any{
		[]admin.Tenant{{ID: "ten_2", Name: "acme", CreatedAt: at(2)}, {ID: "ten_1", Name: "default", CreatedAt: at(1)}},
		admin.Usage{Sites: 1, Domains: 2},
		[]auth.Key{{ID: "key_2", TenantID: "ten_2", Name: "gone", Role: auth.Viewer, CreatedAt: at(2), RevokedAt: at(3)}},
		[]site.Revision{{SiteID: "site_1", Number: 1, CreatedAt: at(10)}},
		store.Request{TenantID: "ten_1", ID: "r1", ObjectID: "site_1", CreatedAt: at(10)}, true,
		[]event.Event{
			{Seq: 5, Type: "site.created", TenantID: "ten_1", ObjectID: "site_1", SiteID: "site_1", Data: "{}", At: at(10)},
			{Seq: 6, Type: "domain.status_changed", TenantID: "ten_1", ObjectID: "dom_3", SiteID: "site_1", Data: `{"to":"ACTIVE"}`, At: at(11)},
			{Seq: 7, Type: "domain.status_changed", TenantID: "ten_2", ObjectID: "dom_2", SiteID: "site_2", Data: `{"to":"RELEASED"}`, At: at(12)},
			{Seq: 8, Type: "drift.found", ObjectID: "drift_1", Data: "{}", At: at(21)},
			{Seq: 9, Type: "site.status_changed", TenantID: "ten_2", ObjectID: "site_2", SiteID: "site_2", Data: `{"to":"DELETED"}`, At: at(21)},
		},
		[]admin.Entry(nil),
	}, []any{tenants, usage, keys, revisions, request, ok, events, entries}); diff != "" {
		t.Errorf("not as wanted (-want +got):\n%s", diff)
	}
}
