package soak_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/siteplane/siteplane/test/split"
)

// What is killed besides the services.
const (
	nginxMaster = "nginx's master"
	nginxWhole  = "nginx with its workers"
)

var targets = []string{split.Lifecycle, split.EdgeAgent, split.Tunnel, split.DNSValidator, nginxMaster, nginxWhole}

const (
	// longestPeace bounds the time between two deaths, and longestDeath that until a
	// service is started again.
	longestPeace = 1500 * time.Millisecond
	longestDeath = 500 * time.Millisecond
	// tunnelDeaths is how often the tunnel service may die within tunnelWindow; see
	// managedAtMost.
	tunnelDeaths = 8
	tunnelWindow = 5 * time.Minute
	// reviveLimit is how long the agent may take for nginx.
	reviveLimit = time.Minute
)

// killer kills one after the other. Each target has its turn in every round; the
// order, and when, is chance.
type killer struct {
	w      *world
	chance *rand.Rand
	deaths map[string][]time.Time
	// slowest is the longest time from a death until the target answered.
	slowest map[string]time.Duration
}

func newKiller(w *world, seed uint64) *killer {
	return &killer{w: w, chance: rand.New(rand.NewPCG(seed, 1<<63)), deaths: map[string][]time.Time{}, slowest: map[string]time.Duration{}}
}

// String is how often whom, and how long each was away at most.
func (k *killer) String() string {
	var out []string
	for _, target := range targets {
		out = append(out, fmt.Sprintf("%s %d (away %s at most)", target, len(k.deaths[target]), k.slowest[target].Round(10*time.Millisecond)))
	}
	return strings.Join(out, ", ")
}

// start kills until it is told to stop, and every target once at least.
func (k *killer) start(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("kill: %v", err)
		}
	}
}

func (k *killer) run(ctx context.Context) error {
	for round := 0; round == 0 || ctx.Err() == nil; round++ {
		for _, at := range k.chance.Perm(len(targets)) {
			if round > 0 && ctx.Err() != nil {
				return nil
			}
			if k.spares(targets[at]) {
				continue
			}
			if err := k.kill(context.WithoutCancel(ctx), targets[at]); err != nil {
				return fmt.Errorf("%s: %w", targets[at], err)
			}
			pause(ctx, k.upTo(longestPeace))
		}
	}
	return nil
}

// spares reports whether a target has died often enough lately.
func (k *killer) spares(target string) bool {
	past := k.deaths[target]
	return target == split.Tunnel && len(past) >= tunnelDeaths && time.Since(past[len(past)-tunnelDeaths]) < tunnelWindow
}

func (k *killer) upTo(longest time.Duration) time.Duration {
	return time.Duration(k.chance.Int64N(int64(longest)))
}

// kill ends a target and returns once it is back.
func (k *killer) kill(ctx context.Context, target string) error {
	died := time.Now()
	k.deaths[target] = append(k.deaths[target], died)
	var err error
	switch target {
	case nginxMaster:
		err = k.killNginx(ctx, false)
	case nginxWhole:
		err = k.killNginx(ctx, true)
	default:
		err = k.killService(ctx, target)
	}
	k.slowest[target] = max(k.slowest[target], time.Since(died))
	return err
}

// killService kills a service and starts it again on the data that it left.
func (k *killer) killService(ctx context.Context, name string) error {
	if err := k.w.Kill(name); err != nil {
		return err
	}
	pause(ctx, k.upTo(longestDeath))
	return k.w.Restart(ctx, name)
}

// killNginx kills the master, and its workers where asked: those outlive it
// otherwise and go on serving. The agent starts nginx again.
func (k *killer) killNginx(ctx context.Context, whole bool) error {
	crew, err := k.w.nginx()
	if err != nil {
		return err
	}
	victims := []process{crew.master}
	if whole {
		victims = append(victims, crew.workers...)
	}
	k.w.outages.begin()
	defer k.w.outages.end()
	for _, victim := range victims {
		if err := syscall.Kill(victim.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return eventually(ctx, reviveLimit, func(ctx context.Context) error { return k.w.revived(ctx, crew.master) })
}

// revived demands that nginx runs as another process and that nothing of the one
// before listens: the edge answers.
func (w *world) revived(ctx context.Context, dead process) error {
	now, err := w.nginx()
	switch {
	case err != nil:
		return err
	case now.master == dead:
		return errors.New("the master that was killed still runs")
	case len(now.workers) == 0:
		return errors.New("nginx has no workers")
	}
	code, _, err := fetch(ctx, w.Edge(), "nobody."+platformDomain)
	if err == nil && code != nobodysStatus {
		err = fmt.Errorf("nginx answers %d for a name that nobody has", code)
	}
	return err
}
