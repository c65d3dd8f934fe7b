package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	memoryEdges = 10
	// memoryTarget is the most resident memory that is wanted, in megabytes.
	memoryTarget = 300
	// memoryLimit bounds the time until all edges have their snapshots.
	memoryLimit = 3 * time.Minute
)

// memory100k is the resident memory of lifecycle, a program of its own on PostgreSQL,
// with 100,000 ACTIVE sites, after its start, when each of ten edges has been sent one
// whole snapshot over gRPC and has confirmed it. The edges' agents are in this process,
// take every site of a snapshot and hold none. The most that it was on the way, and the
// time that it took, are in the note.
//
// Baseline: the same program on an empty database, without edges.
func (e *estates) memory100k(ctx context.Context) (measured result, err error) {
	estate, err := e.get(ctx)
	if err != nil {
		return result{}, err
	}
	dir, err := os.MkdirTemp("", "siteplane-bench-")
	if err != nil {
		return result{}, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	programs, err := buildPrograms(ctx, dir, memoryEdges)
	if err != nil {
		return result{}, err
	}
	for _, statement := range []string{"CREATE DATABASE empty", "CREATE DATABASE memory TEMPLATE " + estateName} {
		if err := estate.Exec(ctx, "postgres", statement); err != nil {
			return result{}, fmt.Errorf("copy the estate: %w", err)
		}
	}
	empty, _, _, err := programs.weigh(ctx, estate.DSN("empty"), nil, 0)
	if err != nil {
		return result{}, fmt.Errorf("run the baseline: %w", err)
	}
	agents, err := startFakeAgents(programs)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, agents.stop()) }()
	full, most, took, err := programs.weigh(ctx, estate.DSN("memory"), agents, estate.sites)
	if err != nil {
		return result{}, err
	}
	return memoryResult(full, most, empty, estate.sites, took), nil
}

// memoryResult is the result of bytes.
func memoryResult(full, most, empty int64, sites int, took time.Duration) result {
	return result{
		Value: megabytes(full), Unit: "MB", Baseline: megabytes(empty), Ratio: float64(full) / float64(empty),
		Target: fmt.Sprintf("<= %d MB", memoryTarget), OK: megabytes(full) <= memoryTarget,
		Note: fmt.Sprintf("at most %s MB; %d snapshots of %d sites took %s", short(megabytes(most)), memoryEdges, sites, took.Round(100*time.Millisecond)),
	}
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// weigh starts lifecycle, waits until all agents have their snapshots, and returns its
// memory then.
func (p programs) weigh(ctx context.Context, dsn string, agents *fakeAgents, sites int) (now, most int64, took time.Duration, err error) {
	begun := time.Now()
	running, err := p.start(ctx, dsn, agents.flags()...)
	if err != nil {
		return 0, 0, 0, err
	}
	defer func() { err = errors.Join(err, running.Terminate()) }()
	if err := agents.await(ctx, sites); err != nil {
		return 0, 0, 0, err
	}
	took = time.Since(begun)
	now, most, err = memoryOf(running.Pid())
	return now, most, took, err
}
