package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	table := []benchmark{{name: "a.b"}, {name: "c.d"}}
	if all, err := choose(table, ""); err != nil || len(all) != 2 {
		t.Errorf("no name: %v, %v", all, err)
	}
	if one, err := choose(table, "c.d"); err != nil || len(one) != 1 || one[0].name != "c.d" {
		t.Errorf("c.d: %v, %v", one, err)
	}
	if _, err := choose(table, "x"); err == nil || !strings.Contains(err.Error(), "a.b, c.d") {
		t.Errorf("unknown name: %v", err)
	}
}

func TestMedian(t *testing.T) {
	if got := median([]time.Duration{9, 1, 5}); got != 5 {
		t.Errorf("got %d", got)
	}
}

func TestPercentile(t *testing.T) {
	twenty := make([]time.Duration, 20)
	for i := range twenty {
		twenty[i] = time.Duration(20 - i)
	}
	for _, test := range []struct {
		list    []time.Duration
		percent int
		want    time.Duration
	}{{twenty, 95, 19}, {twenty, 96, 20}, {twenty, 100, 20}, {twenty, 50, 10}, {twenty, 0, 1}, {[]time.Duration{7}, 95, 7}} {
		if got := percentile(test.list, test.percent); got != test.want {
			t.Errorf("percentile %d of %d is %d, want %d", test.percent, len(test.list), got, test.want)
		}
	}
	if twenty[0] != 20 {
		t.Error("the list was sorted in place")
	}
}

func TestCreated(t *testing.T) {
	ms := time.Millisecond
	applies := []time.Duration{100 * ms, 90 * ms, 500 * ms}
	for _, test := range []struct {
		name string
		ours []time.Duration
		ok   bool
	}{
		{"both within", []time.Duration{400 * ms, 300 * ms, 800 * ms}, true},
		{"the median too slow", []time.Duration{401 * ms, 401 * ms, 401 * ms}, false},
		{"the slowest too slow", []time.Duration{100 * ms, 100 * ms, 801 * ms}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := created(test.ours, applies); got.OK != test.ok || got.Baseline != 0.1 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// The names are published with their targets, so they do not change unnoticed.
func TestTable(t *testing.T) {
	var names []string
	for _, row := range benchmarks(&estates{}) {
		names = append(names, row.name)
	}
	want := "edge.apply.10k lifecycle.activate.sqlite lifecycle.activate.postgres lifecycle.read.100k " +
		"lifecycle.memory.100k desired.snapshot.100k e2e.create_to_active"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestResults_append_or_rewrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out", "results.jsonl")
	line := `{"name":"n","value":1,"unit":"s","baseline":2,"ratio":0.5,"target":"ratio <= 1","ok":true}` + "\n"
	for _, step := range []struct {
		appending bool
		want      string
	}{{false, line}, {true, line + line}, {false, line}} {
		results, err := openResults(path, step.appending)
		if err != nil {
			t.Fatal(err)
		}
		if err := results.add(result{Name: "n", Value: 1, Unit: "s", Baseline: 2, Ratio: 0.5, Target: "ratio <= 1", OK: true}); err != nil {
			t.Fatal(err)
		}
		if err := results.close(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != step.want {
			t.Errorf("file holds %q, %v, want %q", got, err, step.want)
		}
	}
}
