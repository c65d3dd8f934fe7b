package app_test

import (
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
)

func TestEvictEdge(t *testing.T) {
	s := withTunnel(t)
	first := s.EdgeIDs()[0]
	before := s.Dump()
	view, err := s.App.EvictEdge(t.Context(), s.Caller, first, "")
	must(t, err)
	if !view.Edge.Evicted() || !s.Edge(first).Evicted() {
		t.Errorf("the edge is %+v", view.Edge)
	}
	if added := s.Dump().Added(before); added["outbox"] != 1 || added["audit"] != 1 {
		t.Errorf("added were %v", added)
	}
	entries, err := s.App.ListAudit(t.Context(), s.PlatformAdmin(), admin.AuditPage{ObjectID: string(first), Limit: 10}, true)
	must(t, err)
	if len(entries) != 1 || entries[0].Action != "EvictEdge" || entries[0].Actor != s.Caller.Subject {
		t.Errorf("the audit says %+v", entries)
	}
	t.Run("again changes nothing", func(t *testing.T) {
		before := s.Dump()
		again, err := s.App.EvictEdge(t.Context(), s.Caller, first, "")
		must(t, err)
		if !again.Edge.EvictedAt.Equal(view.Edge.EvictedAt) {
			t.Errorf("it was evicted at %s, now at %s", view.Edge.EvictedAt, again.Edge.EvictedAt)
		}
		if added := s.Dump().Added(before); added["outbox"] != 0 {
			t.Errorf("added were %v", added)
		}
	})
	t.Run("of what is no edge is not found", func(t *testing.T) {
		_, err := s.App.EvictEdge(t.Context(), s.Caller, "edge_unknown", "")
		wantNotFound(t, err)
	})
	t.Run("is nothing that sites wait for", func(t *testing.T) {
		s.Edges.Host(first).SetDown(true)
		s.Create("Shop")
		s.Settle()
	})
}
