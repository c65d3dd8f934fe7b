package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	edgev1 "github.com/siteplane/siteplane/gen/siteplane/edge/v1"
)

const (
	poisonSites  = 10_000
	poisonNumber = 4711
	// poisonTarget is in how many times that of an apply without poison the others must
	// be served.
	poisonTarget = 2
)

// edgePoison changes all of 10,000 sites at once, and one of them is such that nginx
// refuses it although every grammar passes it (a header whose name does not fit into its
// hash): Value is the time from the Apply call until the 9,999 others are proved and the
// one is named. It holds the test that fails, the search for whom to blame and the
// apply of the rest.
//
// Baseline: the same change of all sites without poison. Rounds alternate. Any other
// outcome than that very site's rejection is an error.
func edgePoison(ctx context.Context) (measured result, err error) {
	dir, err := nginxDir()
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	agent, err := startAgent(ctx, dir, benchSites(poisonSites))
	if err != nil {
		return result{}, fmt.Errorf("start the agent: %w", err)
	}
	defer func() { err = errors.Join(err, agent.stop()) }()
	var poisoned, clean []time.Duration
	for range edgeRounds {
		took, err := agent.changeAll(ctx, false)
		if err != nil {
			return result{}, fmt.Errorf("run the baseline: %w", err)
		}
		clean = append(clean, took)
		if took, err = agent.changeAll(ctx, true); err != nil {
			return result{}, err
		}
		poisoned = append(poisoned, took)
	}
	value, base := median(poisoned).Seconds(), median(clean).Seconds()
	return result{
		Value: value, Unit: "s", Baseline: base, Ratio: value / base,
		Target: fmt.Sprintf("<= %d x", poisonTarget), OK: value <= poisonTarget*base,
	}, nil
}

// changeAll applies the next revision of all sites, one of them with poison, and demands
// that this one alone is not taken over.
func (l *edgeLink) changeAll(ctx context.Context, poison bool) (time.Duration, error) {
	sites := make([]*edgev1.Site, 0, poisonSites)
	for number := range poisonSites {
		sites = append(sites, benchSite(number, int64(l.generation)+1))
	}
	if poison {
		sites[poisonNumber].Spec.Options.RequestHeaders = []*edgev1.Header{{Name: "X-" + strings.Repeat("p", 62), Value: "v"}}
	}
	begun := time.Now()
	answer, err := l.apply(ctx, false, sites)
	took := time.Since(begun)
	if err != nil {
		return 0, fmt.Errorf("apply: %w", err)
	}
	var rejected, want []string
	for _, r := range answer.GetRejected() {
		rejected = append(rejected, r.GetSiteId())
	}
	if poison {
		want = []string{sites[poisonNumber].GetSiteId()}
		// The agent holds the revision of before.
		l.digests.Put(want[0], [32]byte{})
	}
	if fmt.Sprint(rejected) != fmt.Sprint(want) || answer.GetSiteCount() != poisonSites {
		return 0, fmt.Errorf("of %d sites %v were rejected, not %v", answer.GetSiteCount(), rejected, want)
	}
	return took, nil
}
