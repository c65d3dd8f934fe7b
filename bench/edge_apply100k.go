package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	edge100kSites = 100_000
	// edge100kTarget is the wanted ratio of an apply to the bare reload.
	edge100kTarget = 1.6
)

// edgeApply100k changes one site among 100,000: from the Apply call to the new
// generation proved.
//
// Baseline: a second nginx with a copy of the very files that the agent wrote for that
// generation, only paths and addresses are others: `nginx -t`, SIGHUP to the master and
// the same proof. The copy is written before the clock runs, so the ratio holds what an
// agent adds to what nginx charges: to read the change, to render, to write and sync the
// files, to keep the snapshot, the sandbox. `nginx -s reload` is not used, for it reads
// all files once more to find the master.
func edgeApply100k(ctx context.Context) (measured result, err error) {
	dir, err := nginxDir()
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	agent, err := startAgent(ctx, dir, benchSites(edge100kSites))
	if err != nil {
		return result{}, fmt.Errorf("start the agent: %w", err)
	}
	defer func() { err = errors.Join(err, agent.stop()) }()
	baseline, err := startCopiedNginx(ctx, filepath.Join(dir, "copy"), agent.config, agent.generation)
	if err != nil {
		return result{}, fmt.Errorf("start the baseline: %w", err)
	}
	defer func() { err = errors.Join(err, baseline.stop()) }()
	ours, bare, err := compareCopies(ctx, agent, baseline)
	if err != nil {
		return result{}, err
	}
	value, base := median(ours).Seconds(), median(bare).Seconds()
	return result{
		Value: value, Unit: "s", Baseline: base, Ratio: value / base,
		Target: fmt.Sprintf("<= %v x", edge100kTarget), OK: value <= edge100kTarget*base,
	}, nil
}

// compareCopies takes the times of rounds, both in turn.
func compareCopies(ctx context.Context, agent *agent, baseline *copiedNginx) (ours, bare []time.Duration, err error) {
	for range edgeRounds {
		took, err := agent.changeSite(ctx, 4711)
		if err != nil {
			return nil, nil, fmt.Errorf("apply: %w", err)
		}
		ours = append(ours, took)
		if took, err = baseline.takeOver(ctx, agent.generation); err != nil {
			return nil, nil, fmt.Errorf("run the baseline: %w", err)
		}
		bare = append(bare, took)
	}
	return ours, bare, nil
}
