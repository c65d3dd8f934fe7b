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
