package app_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestApply_logs_intent_and_outcome_of_each_step(t *testing.T) {
	e := startEdge(t)
	e.mustPut(7, newSite(1, "127.0.0.1:9", "shop.example.com"))
	var traces []string
	seen := map[string][]string{}
	for line := range strings.Lines(e.log.String()) {
		var entry struct {
			Msg, Step  string
			TraceID    string `json:"trace_id"`
			Generation uint64
		}
		check(t, json.Unmarshal([]byte(line), &entry))
		if entry.Step == "" || entry.Generation != 7 {
			continue
		}
		seen[entry.Step] = append(seen[entry.Step], entry.Msg)
		traces = append(traces, entry.TraceID)
	}
	for _, step := range []string{"render", "nginx.test", "nginx.reload", "prove", "save"} {
		if got := strings.Join(seen[step], ", "); got != "edge step begins, edge step done" {
			t.Errorf("%s: %q", step, got)
		}
	}
	for _, trace := range traces {
		if len(trace) != 32 || trace != traces[0] {
			t.Errorf("traces are %v, want one", traces)
			break
		}
	}
}
