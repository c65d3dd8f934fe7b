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
	dir, err := nginxDir()
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	baseline, err := startPlainNginx(ctx, filepath.Join(dir, "plain"), sites)
	if err != nil {
		return result{}, fmt.Errorf("start the baseline: %w", err)
	}
	defer func() { err = errors.Join(err, baseline.stop()) }()
	agent, err := startAgent(ctx, dir, benchSites(sites))
	if err != nil {
		return result{}, fmt.Errorf("start the agent: %w", err)
	}
	defer func() { err = errors.Join(err, agent.stop()) }()
	return compare(ctx, agent, baseline)
}

// nginxDir makes a directory that nginx's workers, who are somebody else, may enter
// for their sockets. Its path is short, as the paths of sockets must be.
func nginxDir() (string, error) {
	dir, err := os.MkdirTemp("", "sp-")
	if err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return "", errors.Join(fmt.Errorf("open the directory to nginx: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

func compare(ctx context.Context, agent *agent, baseline *plainNginx) (result, error) {
	var ours, plain []time.Duration
	for range edgeRounds {
		took, err := agent.changeSite(ctx, 4711)
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
