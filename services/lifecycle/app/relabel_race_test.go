package app_test

import (
	"testing"

	"github.com/siteplane/siteplane/services/lifecycle/edge"
)

func TestUpdateEdge_while_a_whole_snapshot_is_on_its_way(t *testing.T) {
	s, bare, eu2, canary := fleet(t)
	s.put(eu())
	s.put(edge.Placement{Name: "us", EdgeLabels: edge.Labels{"region": "us"}})
	shop := s.placed("Shop", "eu")
	s.Settle()
	s.wantOn(shop, eu2, canary)
	s.Edges.Host(bare).During(func() { s.label(bare, edge.Labels{"region": "eu"}) })
	s.label(bare, edge.Labels{"region": "us"})
	s.Settle()
	t.Log(s.Edge(bare).NeedsWhole, s.Edge(bare).Labels)
	s.wantOn(shop, bare, eu2, canary)
}
