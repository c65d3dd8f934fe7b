package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// benchmark is one row of the table.
type benchmark struct {
	name string
	// measure returns the measured result with everything but Name.
	measure func(ctx context.Context) (result, error)
}

// benchmarks returns the table; the names are those of PERFORMANCE.md.
func benchmarks(shared *estates) []benchmark {
	return []benchmark{
		{name: "edge.apply.10k", measure: edgeApply10k},
		{name: "edge.apply.100k", measure: edgeApply100k},
		{name: "edge.memory.100k", measure: edgeMemory100k},
		{name: "edge.burst", measure: edgeBurst},
		{name: "edge.poison", measure: edgePoison},
		{name: "edge.serve", measure: edgeServe},
		{name: "lifecycle.activate.sqlite", measure: activateSQLite},
		{name: "lifecycle.activate.postgres", measure: activatePostgres},
		{name: "lifecycle.read.100k", measure: shared.read100k},
		{name: "lifecycle.memory.100k", measure: shared.memory100k},
		{name: "desired.snapshot.100k", measure: shared.snapshot100k},
		{name: "e2e.create_to_active", measure: createToActive},
	}
}

// run runs the benchmark called name and appends its result to the file out, or
// runs all of them and writes out anew.
func run(ctx context.Context, name, out string, screen io.Writer) (err error) {
	shared := &estates{}
	defer func() { err = errors.Join(err, shared.close()) }()
	chosen, err := choose(benchmarks(shared), name)
	if err != nil {
		return err
	}
	results, err := openResults(out, name != "")
	if err != nil {
		return err
	}
	for _, row := range chosen {
		measured, err := row.measure(ctx)
		if err != nil {
			return fmt.Errorf("run %s: %w", row.name, err)
		}
		measured.Name = row.name
		if err := results.add(measured); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(screen, measured); err != nil {
			return fmt.Errorf("print result: %w", err)
		}
	}
	return results.close()
}

func choose(table []benchmark, name string) ([]benchmark, error) {
	if name == "" {
		return table, nil
	}
	names := make([]string, 0, len(table))
	for _, row := range table {
		if row.name == name {
			return []benchmark{row}, nil
		}
		names = append(names, row.name)
	}
	return nil, fmt.Errorf("no benchmark is called %q; there are: %s", name, strings.Join(names, ", "))
}

// median of a list that is not empty.
func median(durations []time.Duration) time.Duration { return percentile(durations, 50) }

// percentile returns the least of the durations that is not below so many per cent of
// them (nearest rank). The list is not empty.
func percentile(durations []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(durations))
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1]
}

// middle is the median of a list that is not empty.
func middle(numbers []float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	return sorted[(len(sorted)-1)/2]
}
