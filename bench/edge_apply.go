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
	edgeRounds = 7
	// edgeTarget is the wanted ratio of an apply to the baseline.
	edgeTarget = 0.12
)

// edgeApply10k changes one site among 10,000: from the Apply call to the new
// generation proved. Baseline: one server block per site, rendered, tested,
// reloaded and proved the same way. Rounds alternate, so that noise of the
// machine hits both.
func edgeApply10k(ctx context.Context) (measured result, err error) {
	const sites = 10_000
	dir, err := os.MkdirTemp("", "siteplane-bench-")
	if err != nil {
		return result{}, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// The nginx workers must get to their sockets.
	if err := os.Chmod(dir, 0o711); err != nil {
		return result{}, fmt.Errorf("open the directory to nginx: %w", err)
	}
	baseline, err := startPlainNginx(ctx, filepath.Join(dir, "plain"), sites)
	if err != nil {
		return result{}, fmt.Errorf("start the baseline: %w", err)
	}
	defer func() { err = errors.Join(err, baseline.stop()) }()
	agent, err := startAgent(ctx, dir, sites)
	if err != nil {
		return result{}, fmt.Errorf("start the agent: %w", err)
	}
	defer func() { err = errors.Join(err, agent.stop()) }()
	return compare(ctx, agent, baseline)
}

func compare(ctx context.Context, agent *agent, baseline *plainNginx) (result, error) {
	var ours, plain []time.Duration
	for range edgeRounds {
		took, err := agent.changeOneSite(ctx)
		if err != nil {
			return result{}, fmt.Errorf("apply: %w", err)
		}
		ours = append(ours, took)
		if took, err = baseline.changeOneSite(ctx); err != nil {
			return result{}, fmt.Errorf("run the baseline: %w", err)
		}
		plain = append(plain, took)
	}
	value, base := median(ours).Seconds(), median(plain).Seconds()
	ratio := value / base
	return result{
		Value: value, Unit: "s", Baseline: base, Ratio: ratio,
		Target: fmt.Sprintf("ratio <= %v", edgeTarget), OK: ratio <= edgeTarget,
	}, nil
}
