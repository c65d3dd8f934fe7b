package sqlite

import (
	"github.com/siteplane/siteplane/services/lifecycle/desired"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/siteplane/siteplane/services/lifecycle/condition"
	"github.com/siteplane/siteplane/services/lifecycle/drift"
	"github.com/siteplane/siteplane/services/lifecycle/edge"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/saga"
	"github.com/siteplane/siteplane/services/lifecycle/site"
	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/tunnel"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

func TestMigrate_from2(t *testing.T) {
	t.Run("opens as it is, with the edges, sites and operations that there were", func(t *testing.T) {
		old := written(t, 2)
		s, err := Open(t.Context(), Config{Path: old.path})
		must(t, err)
		defer func() { must(t, s.Close()) }()
		must(t, s.View(t.Context(), func(tx store.Tx) error { keeps2(t, tx); return nil }))
	})
	t.Run("goes on where the operations were", func(t *testing.T) {
		s := written(t, 2)
		must(t, s.migrate(t.Context()))
		must(t, s.Update(t.Context(), func(tx store.Tx) error {
			op, ok, err := tx.ActiveOperation(t.Context(), "site_3")
			must(t, err)
			if !ok || op.State != saga.Compensating {
				t.Fatalf("got %v, %v", op, ok)
			}
			op.CompensatingSince = time.UnixMicro(30).UTC()
			must(t, tx.UpdateOperation(t.Context(), op))
			return tx.AppendJournal(t.Context(), saga.Entry{
				OperationID: op.ID, Step: "publish", Attempt: 1, Phase: saga.Intent, Result: saga.Made, At: time.UnixMicro(30),
			})
		}))
	})
	t.Run("counts the work from nothing", func(t *testing.T) {
		s := written(t, 2)
		must(t, s.migrate(t.Context()))
		work, _, err := s.ClaimWork(t.Context(), worker.Claim{Owner: "me", Lease: time.Minute, Limit: 10})
		must(t, err)
		for _, w := range work {
			if w.Failures != 0 || w.Unended != 1 {
				t.Errorf("claimed %+v", w)
			}
		}
		if len(work) != 2 {
			t.Errorf("claimed %d rows, want 2", len(work))
		}
	})
	t.Run("goes on with the numbers of events and journals", func(t *testing.T) {
		s := written(t, 2)
		must(t, s.migrate(t.Context()))
		for statement, want := range map[string]string{
			`INSERT INTO outbox (type, object_id, data, at) VALUES ('drift.found', 'drift_1', '{}', 1) RETURNING seq`: "82",
			`INSERT INTO journal (tenant_id, operation_id, step, attempt, phase, result, message, external_response, trace_id, at, duration)
			VALUES ('ten_1', 'op_1', 'publish', 1, 'intent', 'made', '', '', '', 1, 0) RETURNING seq`: "72",
		} {
			var got string
			must(t, s.writer.QueryRow(statement).Scan(&got))
			if got != want {
				t.Errorf("the next number is %s, want %s: %s", got, want, statement)
			}
		}
	})
	t.Run("takes what a siteplane of version 2 inserts", func(t *testing.T) {
		s := written(t, 2)
		must(t, s.migrate(t.Context()))
		_, err := s.writer.Exec(`
			INSERT INTO edge (id, name, address, public_addresses, probe_public_key, generation, proven_generation,
				proven_digest, needs_whole, last_seen_at, fault_reason, fault_message, fault_site_id)
			VALUES ('edge_3', 'three', '', '[]', NULL, 0, 0, '', 1, NULL, '', '', '');
			INSERT INTO tunnel (id, name, generation, proven_generation, proven_digest, fault_reason, fault_message, fault_actor)
			VALUES ('tun_2', 'two', 0, 0, '', '', '', '');
			INSERT INTO work (kind, key, trace_parent, due_at, wanted_seq, done_seq, epoch) VALUES ('site', 'site_9', '', 1, 1, 0, 0)`)
		must(t, err)
	})
}

// keeps2 checks what the store reads of a database of version 2.
func keeps2(t *testing.T, tx store.Tx) {
	t.Helper()
	at := func(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
	edges, err := tx.ListEdges(t.Context())
	must(t, err)
	tunnels, err := tx.ListTunnels(t.Context())
	must(t, err)
	owner, err := tx.GetSite(t.Context(), "ten_1", "site_1")
	must(t, err)
	op, err := tx.GetOperation(t.Context(), "op_2")
	must(t, err)
	events, err := tx.Events(t.Context(), event.Query{Limit: 10})
	must(t, err)
	removed, err := tx.RemovedSites(t.Context(), []id.Site{"site_1", "site_2"}, desired.Removers{Taking: []string{"delete_site"}})
	must(t, err)
	if diff := cmp.Diff([]any{
		[]edge.Edge{{
			ID: "edge_1", Name: "one", Address: "127.0.0.1:9000", PublicAddresses: []string{"127.0.0.1"}, ProbePublicKey: []byte{1, 2},
			Generation: 4, ProvenGeneration: 3, ProvenDigest: "abc", LastSeenAt: at(20),
			FaultReason: "CONFIG_REJECTED", FaultMessage: "bad header", FaultSiteID: "site_3", DriftPolicy: drift.Repair,
		}, {ID: "edge_2", Name: "two", Address: "127.0.0.1:9001", NeedsWhole: true, DriftPolicy: drift.Repair}},
		[]tunnel.Tunnel{{
			ID: "tun_1", Name: "one", Generation: 7, ProvenGeneration: 6, ProvenDigest: "def", LastSeenAt: at(20),
			FaultReason: "CF_TOKEN", FaultMessage: "refused", FaultActor: condition.Operator, DriftPolicy: drift.Repair,
		}},
		site.Site{
			ID: "site_1", TenantID: "ten_1", Name: "Shop", Slug: "shop", Status: site.Active, Wanted: site.Present, WantedRevision: 2,
			ConfirmedRevision: 1, PrimaryDomainID: "dom_1", Version: 7, CreatedAt: at(10), UpdatedAt: at(20),
		},
		saga.Operation{
			ID: "op_2", TenantID: "ten_2", Kind: "create_site", ObjectKind: worker.Site, ObjectID: "site_3", State: saga.Compensating,
			Step: 1, Intent: true, StepStartedAt: at(14), FailedAttempts: 5, Reason: "CONFIG_REJECTED", Message: "bad header",
			Actor: "key:key_2", CreatedAt: at(12), UpdatedAt: at(22),
		},
		[]event.Event{{Seq: 5, Type: "site.created", TenantID: "ten_1", ObjectID: "site_1", SiteID: "site_1", Data: "{}", At: at(10)}},
		map[id.Site]id.Operation{"site_2": "op_4"},
	}, []any{edges, tunnels, owner, op, events, removed}); diff != "" {
		t.Errorf("not as wanted (-want +got):\n%s", diff)
	}
}
