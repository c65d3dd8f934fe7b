package edge_test

import (
	"slices"
	"testing"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/edge"
)

func TestPlacement_Edges(t *testing.T) {
	edges := []edge.Edge{
		{Name: "bare"},
		{Name: "eu", Labels: edge.Labels{"region": "eu"}},
		{Name: "fast", Labels: edge.Labels{"region": "eu", "disk": "fast"}},
		{Name: "blank", Labels: edge.Labels{"region": ""}},
		{Name: "gone", Labels: edge.Labels{"region": "eu"}, EvictedAt: time.Unix(1, 0)},
	}
	for name, test := range map[string]struct {
		labels edge.Labels
		want   []string
	}{
		"no label selects all that are not evicted": {nil, []string{"bare", "eu", "fast", "blank"}},
		"a label selects those that have it":        {edge.Labels{"region": "eu"}, []string{"eu", "fast"}},
		"labels select those that have them all":    {edge.Labels{"region": "eu", "disk": "fast"}, []string{"fast"}},
		"no value is a value":                       {edge.Labels{"region": ""}, []string{"blank"}},
		"a label that nobody has selects none":      {edge.Labels{"tier": "free"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, e := range (edge.Placement{EdgeLabels: test.labels}).Edges(edges) {
				got = append(got, e.Name)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("selects %v, want %v", got, test.want)
			}
		})
	}
}

func TestEdge_Soak(t *testing.T) {
	placements := []edge.Placement{
		{Name: "default", CanarySoak: time.Second},
		{Name: "eu", EdgeLabels: edge.Labels{"region": "eu"}, CanarySoak: time.Minute},
		{Name: "us", EdgeLabels: edge.Labels{"region": "us"}, CanarySoak: time.Hour},
	}
	for name, test := range map[string]struct {
		labels edge.Labels
		want   time.Duration
	}{
		"the longest of those that select it": {edge.Labels{"canary": "true", "region": "eu"}, time.Minute},
		"the only one that selects it":        {edge.Labels{"canary": "true"}, time.Second},
		"none of what is no canary":           {edge.Labels{"region": "eu"}, 0},
		"none of what is a canary by halves":  {edge.Labels{"canary": "yes", "region": "eu"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (edge.Edge{Labels: test.labels}).Soak(placements); got != test.want {
				t.Errorf("soaks %s, want %s", got, test.want)
			}
		})
	}
}
