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
	want := "edge.apply.10k edge.apply.100k edge.memory.100k edge.burst edge.poison edge.serve lifecycle.activate.sqlite lifecycle.activate.postgres lifecycle.read.100k " +
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

func TestMostWithin(t *testing.T) {
	var moments []time.Time
	for _, ms := range []int{0, 300, 600, 900, 1000, 1350, 5000} {
		moments = append(moments, time.UnixMilli(int64(ms)))
	}
	if got := mostWithin(moments, time.Second); got != 4 {
		t.Errorf("got %d in a second", got)
	}
	if got := mostWithin(moments, time.Second+time.Millisecond); got != 5 {
		t.Errorf("got %d in a little more", got)
	}
	if got := mostWithin(nil, time.Second); got != 0 {
		t.Errorf("got %d of none", got)
	}
}

func TestRequestsPerSecond(t *testing.T) {
	const said = "Running 3s test @ http://127.0.0.1:80/\n  1 threads and 32 connections\nRequests/sec:  20123.45\nTransfer/sec:      3.10MB\n"
	if got, err := requestsPerSecond(said); err != nil || got != 20123.45 {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"  Non-2xx or 3xx responses: 7\n", "  Socket errors: connect 0, read 3, write 0, timeout 0\n"} {
		if _, err := requestsPerSecond(bad + said); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(bad)) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := requestsPerSecond("unable to connect"); err == nil {
		t.Error("there is no rate")
	}
}

func TestServed(t *testing.T) {
	for _, test := range []struct {
		busiest, tail float64
		ok            bool
	}{{90, 60, true}, {89, 60, false}, {90, 59, false}} {
		if got := served(100, test.busiest, test.tail, test.busiest); got.OK != test.ok || got.Value != test.busiest {
			t.Errorf("%+v gives %+v", test, got)
		}
	}
}

func TestEdgeMemoryResult(t *testing.T) {
	few := edgeWeight{agent: 30 << 20, nginx: 6 << 20}
	for _, test := range []struct {
		agent, nginx int64
		ok           bool
	}{{400, 120, true}, {401, 120, false}, {400, 121, false}} {
		if got := edgeMemoryResult(edgeWeight{agent: test.agent << 20, nginx: test.nginx << 20}, few); got.OK != test.ok {
			t.Errorf("%+v gives %+v", test, got)
		}
	}
}

// What is asked for as the tail has no block of its own, as the busiest have.
func TestHostnames(t *testing.T) {
	if got := hostnames(98, 102); strings.Join(got, " ") != strings.Join([]string{hostname(98), hostname(99), hostname(101)}, " ") {
		t.Errorf("got %v", got)
	}
}
