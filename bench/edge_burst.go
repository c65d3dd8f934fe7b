package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/app"
	"github.com/siteplane/siteplane/services/lifecycle/store/memory"
)

const (
	burstSites, burstChanges = 20_000, 5000
	// burstTime is in how long the changes are made, evenly and whatever becomes of them.
	burstTime = 10 * time.Second
	// burstTail is how long after the last change all may be applied.
	burstTail = 2 * time.Second
	// burstStarts is how many applies may begin in any second, burstDraining how many
	// former generations may have workers left.
	burstStarts, burstDraining = 4, 4
	// burstLimit bounds the wait for what is not applied.
	burstLimit = time.Minute
)

// edgeBurst changes 5,000 single sites in 10 s at 20,000 sites: Value is how long after
// the last change all were proved. The changes come open loop; the real control plane
// coalesces them (its edge worker sends what is not proved yet as one delta, one after
// the other) and a real agent, a program of its own, takes them over gRPC. What is the
// busiest second's number of applies, and how many workers of former generations were
// seen at most, is in the note. OK demands the targets of all three.
//
// The rows are made directly, in lifecycle's memory store: a revision of a site, that it
// is wanted, and the change that the edge has not proved, in one transaction, as a step
// of an operation does. So it tells what the way from there to nginx does with a burst,
// and nothing about how fast operations are walked; lifecycle.activate tells that. No
// visitor holds a request, so draining workers end as soon as they are told; how an apply
// waits for those that do not is tested elsewhere.
//
// Baseline: one change at a time, before, from its commit until it was proved; the median.
func edgeBurst(ctx context.Context) (measured result, err error) {
	dir, err := nginxDir()
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	programs, err := buildPrograms(ctx, dir, 1)
	if err != nil {
		return result{}, err
	}
	agent, err := programs.startAgent(ctx, programs.edges[0], nil)
	if err != nil {
		return result{}, fmt.Errorf("start the agent: %w", err)
	}
	defer func() { err = errors.Join(err, agent.stop()) }()
	burst, err := newBurst(ctx, agent)
	if err != nil {
		return result{}, err
	}
	if err := burst.run(ctx); err != nil {
		return result{}, err
	}
	return burst.result(), nil
}

// burst is a control plane with one edge that notes what is sent to that.
type burst struct {
	*burstRows
	watch *watchedEdge
	cp    *app.ControlPlane
	agent *agentProcess

	// single are the times of changes that came alone, tail is how long after the last of
	// the burst all were proved.
	single []time.Duration
	tail   time.Duration
	// draining is the most workers of former generations that were seen, running how
	// many workers one generation has.
	draining, running int
}

func newBurst(ctx context.Context, agent *agentProcess) (*burst, error) {
	db := memory.New(memory.Config{})
	rows, err := newBurstRows(ctx, db, agent.edgeID)
	if err != nil {
		return nil, fmt.Errorf("make the rows: %w", err)
	}
	b := &burst{burstRows: rows, watch: newWatchedEdge(agent.conn), agent: agent}
	b.cp, err = newEngineWith(db, b.watch)
	return b, err
}

// run lets the control plane work: on the first snapshot, on single changes, on the
// burst.
func (b *burst) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, burstTime+burstLimit, errors.New("not all changes were applied in time"))
	defer cancel()
	if err := b.cp.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.cp.Stop(context.WithoutCancel(ctx))) }()
	if err := b.watch.await(ctx, b.proved); err != nil {
		return fmt.Errorf("wait for the first snapshot: %w", err)
	}
	for range edgeRounds {
		took, err := b.changeAlone(ctx)
		if err != nil {
			return fmt.Errorf("run the baseline: %w", err)
		}
		b.single = append(b.single, took)
	}
	if b.running, err = b.workersOf(); err != nil {
		return err
	}
	return b.runBurst(ctx)
}

// changeAlone changes one site and waits until that is proved.
func (b *burst) changeAlone(ctx context.Context) (time.Duration, error) {
	begun := time.Now()
	if err := b.change(ctx, 4711); err != nil {
		return 0, err
	}
	err := b.watch.await(ctx, b.proved)
	return time.Since(begun), err
}

// runBurst makes the changes and waits until they are proved.
func (b *burst) runBurst(ctx context.Context) error {
	b.watch.forget()
	watching, stop := context.WithCancel(ctx)
	var drained sync.WaitGroup
	drained.Go(func() { b.watchDraining(watching) })
	defer func() { stop(); drained.Wait() }()
	if err := b.changeAll(ctx); err != nil {
		return err
	}
	last := time.Now()
	err := b.watch.await(ctx, b.proved)
	b.tail = time.Since(last)
	return err
}

// changeAll changes one site after the other at an even pace, late or not.
func (b *burst) changeAll(ctx context.Context) error {
	begun := time.Now()
	for number := range burstChanges {
		select {
		case <-time.After(time.Until(begun.Add(time.Duration(number) * burstTime / burstChanges))):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := b.change(ctx, number*7%burstSites); err != nil {
			return fmt.Errorf("change site %d: %w", number, err)
		}
	}
	return nil
}

// workersOf counts the workers that nginx has when nothing drains.
func (b *burst) workersOf() (int, error) {
	workers, err := (&bareNginx{dir: b.agent.path("run")}).workers()
	return len(workers), err
}

// watchDraining counts workers that drain, over and over.
func (b *burst) watchDraining(ctx context.Context) {
	nginx := &bareNginx{dir: b.agent.path("run")}
	for ctx.Err() == nil {
		if workers, err := nginx.workers(); err == nil {
			b.draining = max(b.draining, len(slices.DeleteFunc(workers, func(pid int) bool { return !draining(pid) })))
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (b *burst) result() result {
	apply := median(b.single)
	starts, applies := b.watch.busiestSecond()
	generations := (b.draining + b.running - 1) / max(b.running, 1)
	return result{
		Value: b.tail.Seconds(), Unit: "s", Baseline: apply.Seconds(), Ratio: b.tail.Seconds() / apply.Seconds(),
		Target: fmt.Sprintf("<= %s after the last change, <= %d starts/s, <= %d draining generations", burstTail, burstStarts, burstDraining),
		OK:     b.tail <= burstTail && starts <= burstStarts && generations <= burstDraining,
		Note: fmt.Sprintf("%d changes in %d applies, at most %d begun in a second, at most %d draining workers, of %d generations",
			burstChanges, applies, starts, b.draining, generations),
	}
}
