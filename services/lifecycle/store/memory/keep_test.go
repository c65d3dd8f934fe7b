package memory_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/hold"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/memory"
	"github.com/siteplane/siteplane/services/lifecycle/store/storetest"
)

// A caller may change what it gave and what it got: nobody else has it.
func TestStore_keeps_copies(t *testing.T) {
	at := time.Unix(1, 0).UTC()
	s := memory.New(memory.Config{})
	owner, domain := storetest.Everything(t, s)
	tenant := owner.TenantID
	t.Run("of limits", func(t *testing.T) {
		row := admin.Tenant{ID: "ten_1", Name: "one", Limits: admin.Limits{Sites: new(int64(7))}, CreatedAt: at}
		keepsCopies(t, s, row, store.Tx.InsertTenant, func(tx store.Tx) (admin.Tenant, error) { return tx.GetTenant(t.Context(), "ten_1") },
			func(row admin.Tenant) { *row.Limits.Sites = 8 })
	})
	t.Run("of the sites of a key", func(t *testing.T) {
		row := auth.Key{ID: "key_1", TenantID: tenant, Role: auth.Viewer, Sites: []id.Site{"site_1"}, CreatedAt: at}
		keepsCopies(t, s, row, store.Tx.InsertKey, func(tx store.Tx) (auth.Key, error) { return tx.GetKey(t.Context(), "key_1") },
			func(row auth.Key) { row.Sites[0] = "site_2" })
	})
	t.Run("of specs", func(t *testing.T) {
		row := site.Revision{SiteID: owner.ID, Number: 2, CreatedAt: at, Spec: site.Spec{
			Origin:   &site.Origin{Targets: []site.Target{{Address: "192.0.2.1:80"}}},
			Redirect: &site.Redirect{BaseURL: "https://www.example.com"},
			Routes:   []site.Route{{PathPrefix: "/a/", Origin: site.Origin{Targets: []site.Target{{Weight: 1}}}}},
			Options:  site.Options{ResponseHeaders: []site.Header{{Name: "a"}}, RequestHeaders: []site.Header{{Name: "b"}}},
		}}
		put := func(tx store.Tx, ctx context.Context, r site.Revision) error {
			_, err := tx.AddRevision(ctx, tenant, r)
			return err
		}
		keepsCopies(t, s, row, put, func(tx store.Tx) (site.Revision, error) { return tx.GetRevision(t.Context(), tenant, owner.ID, 2) },
			func(row site.Revision) {
				row.Spec.Origin.Targets[0].Weight, row.Spec.Routes[0].Origin.Targets[0].Weight = 9, 9
				row.Spec.Origin.Targets, row.Spec.Routes[0].PathPrefix = nil, "/b/"
				row.Spec.Redirect.StatusCode = 301
				row.Spec.Options.ResponseHeaders[0].Name, row.Spec.Options.RequestHeaders[0].Name = "c", "d"
			})
	})
	t.Run("of conditions", func(t *testing.T) {
		row := condition.Condition{
			ObjectID: string(domain.ID), Type: "A", Status: condition.True, Since: at,
			Evidence: []string{"seen"}, Fix: []string{"do"},
		}
		get := func(tx store.Tx) (condition.Condition, error) {
			all, err := tx.Conditions(t.Context(), row.ObjectID)
			return all[0], err
		}
		keepsCopies(t, s, row, store.Tx.PutCondition, get, func(row condition.Condition) { row.Evidence[0], row.Fix[0] = "", "" })
	})
	t.Run("of edges", func(t *testing.T) {
		row := edge.Edge{ID: "edge_1", PublicAddresses: []string{"192.0.2.1"}, ProbePublicKey: []byte{1}, DriftPolicy: drift.Hold}
		keepsCopies(t, s, row, store.Tx.PutEdge, func(tx store.Tx) (edge.Edge, error) { return tx.GetEdge(t.Context(), "edge_1") },
			func(row edge.Edge) { row.PublicAddresses[0], row.ProbePublicKey[0] = "", 2 })
	})
	t.Run("of holds", func(t *testing.T) {
		row := hold.Hold{ID: "hold_1", Target: drift.Target{Kind: hold.DNSLost}, Names: []string{"a"}, Since: at}
		keepsCopies(t, s, row, store.Tx.InsertHold, func(tx store.Tx) (hold.Hold, error) { return tx.GetHold(t.Context(), "hold_1") },
			func(row hold.Hold) { row.Names[0] = "b" })
	})
	t.Run("of instructions", func(t *testing.T) {
		row := []network.Instruction{{Purpose: network.Keep, Value: "a"}}
		put := func(tx store.Tx, ctx context.Context, list []network.Instruction) error {
			return tx.PutInstructions(ctx, domain, list)
		}
		keepsCopies(t, s, row, put, func(tx store.Tx) ([]network.Instruction, error) { return tx.Instructions(t.Context(), domain.ID) },
			func(row []network.Instruction) { row[0].Value = "b" })
	})
}

// keepsCopies writes a row, spoils it, reads it, spoils that and reads it again.
func keepsCopies[R any](
	t *testing.T, s *memory.Store, row R,
	put func(tx store.Tx, ctx context.Context, row R) error, get func(tx store.Tx) (R, error), spoil func(row R),
) {
	t.Helper()
	must(t, s.Update(t.Context(), func(tx store.Tx) error { return put(tx, t.Context(), row) }))
	read := func() (got R) {
		must(t, s.View(t.Context(), func(tx store.Tx) (err error) {
			got, err = get(tx)
			return err
		}))
		return got
	}
	text := func() string {
		raw, err := json.Marshal(read())
		must(t, err)
		return string(raw)
	}
	if diff := cmp.Diff(row, read()); diff != "" {
		t.Errorf("not as written (-want +got):\n%s", diff)
	}
	want := text()
	spoil(row)
	spoil(read())
	if got := text(); got != want {
		t.Errorf("somebody else changed it to %s from %s", got, want)
	}
}
