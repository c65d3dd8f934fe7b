package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

const (
	// edgeMemoryAgent and edgeMemoryNginx are the most resident memory that is wanted of
	// the agent and of nginx's master, in megabytes.
	edgeMemoryAgent, edgeMemoryNginx = 400, 120
	// edgeMemoryChanges is how many changes of one site come after the whole.
	edgeMemoryChanges = 7
)

// edgeMemory100k is the resident memory of an agent, a program of its own, with 100,000
// sites: after it got all of them and then some changes of one, as it stands when the
// last apply has been answered. Nothing makes it collect garbage but itself. nginx's
// master has reloaded as often by then; its memory is in the note, as are the most that
// both were on the way.
//
// The workers are not counted: what they have of the configuration is the master's, and
// shared. On the way the test of a configuration is a second nginx for a moment, and in
// a reload old and new configuration are in the master together.
//
// Baseline: the same programs with one site.
func edgeMemory100k(ctx context.Context) (measured result, err error) {
	few, err := weighEdge(ctx, 1)
	if err != nil {
		return result{}, fmt.Errorf("run the baseline: %w", err)
	}
	full, err := weighEdge(ctx, edge100kSites)
	if err != nil {
		return result{}, err
	}
	return edgeMemoryResult(full, few), nil
}

// edgeWeight is the memory of an agent and of its nginx's master, in bytes.
type edgeWeight struct{ agent, agentMost, nginx, nginxMost int64 }

func edgeMemoryResult(full, few edgeWeight) result {
	agent, nginx := megabytes(full.agent), megabytes(full.nginx)
	return result{
		Value: agent, Unit: "MB", Baseline: megabytes(few.agent), Ratio: agent / megabytes(few.agent),
		Target: fmt.Sprintf("agent <= %d MB, nginx <= %d MB", edgeMemoryAgent, edgeMemoryNginx),
		OK:     agent <= edgeMemoryAgent && nginx <= edgeMemoryNginx,
		Note: fmt.Sprintf("nginx's master %s MB, with one site %s MB; at most the agent had %s MB, nginx's master %s MB",
			short(nginx), short(megabytes(few.nginx)), short(megabytes(full.agentMost)), short(megabytes(full.nginxMost))),
	}
}

// weighEdge starts an agent with that many sites and returns what it and nginx weigh.
func weighEdge(ctx context.Context, sites int) (weight edgeWeight, err error) {
	dir, err := nginxDir()
	if err != nil {
		return weight, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	programs, err := buildPrograms(ctx, dir, 1)
	if err != nil {
		return weight, err
	}
	agent, err := programs.startAgent(ctx, programs.edges[0], benchSites(sites))
	if err != nil {
		return weight, err
	}
	defer func() { err = errors.Join(err, agent.stop()) }()
	for range edgeMemoryChanges {
		if _, err := agent.changeSite(ctx, 0); err != nil {
			return weight, err
		}
	}
	return agent.weigh()
}

func (a *agentProcess) weigh() (weight edgeWeight, err error) {
	if weight.agent, weight.agentMost, err = memoryOf(a.Pid()); err != nil {
		return weight, err
	}
	master, err := a.master()
	if err != nil {
		return weight, err
	}
	weight.nginx, weight.nginxMost, err = memoryOf(master)
	return weight, err
}
