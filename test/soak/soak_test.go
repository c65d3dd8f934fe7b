// Package soak_test kills the services and nginx at random while sites are made
// and deleted, and proves that nothing is lost and nothing is left over.
//
// It owns who is killed when, what counts as lost, and what counts as left over.
// It must not know steps or failpoints: test/crash kills lifecycle at each of
// them and compares every byte; here everything dies at any moment, and what is
// looked at is what a tenant and an operator would miss.
//
// Invariants: what dies is started again, and answers, before the next one dies;
// a visitor of a site that nobody touches is refused only while nginx itself is
// dead.
package soak_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/test/split"
)

const (
	// sitesUnasked is how many sites there are unless SITEPLANE_SOAK says otherwise.
	sitesUnasked = 30
	// atOnce is how many of them are under way at once.
	atOnce = 6
	// patience is how long one site may take to become ACTIVE, or DELETED. Every
	// death may cost a wait, and a slow machine is no fault.
	patience = 3 * time.Minute
	// longestOutage is how long the edge may be silent once nginx was killed. The
	// agent looks every two seconds, and less than its proof of a reload may take.
	longestOutage = 8 * time.Second
	// lookEvery is the pause between two looks.
	lookEvery = 100 * time.Millisecond
)

// bin holds the programs.
var bin string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "siteplane-soak-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	if err := split.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// asked is a number that the environment gives, or another.
func asked(t *testing.T, variable string, unasked uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return unasked
	}
	number, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q is no number", variable, text)
	}
	return number
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// leeway is what is left of the time of a test for the end of what it started.
const leeway = 45 * time.Second

// within is the test's context, which ends early enough to clean up.
func within(t *testing.T) context.Context {
	t.Helper()
	deadline, bounded := t.Deadline()
	if !bounded {
		return t.Context()
	}
	ctx, cancel := context.WithDeadlineCause(t.Context(), deadline.Add(-leeway), errors.New("the time of the test is over"))
	t.Cleanup(cancel)
	return ctx
}

func TestKilledAtRandom_loses_and_leaks_nothing(t *testing.T) {
	number, seed := asked(t, "SITEPLANE_SOAK", sitesUnasked), asked(t, "SITEPLANE_SOAK_SEED", rand.Uint64())
	t.Logf("%d sites, SITEPLANE_SOAK_SEED=%d", number, seed)
	w, ctx, plans := setup(t), within(t), plansFrom(number, seed)
	witness := w.makeWitness(ctx, t)
	before := w.listing(t)
	leave := w.visit(t, witness)
	killer := newKiller(w, seed)
	stop := killer.start(t)

	began := time.Now()
	slowest := w.walkAll(ctx, t, plans)
	t.Logf("%d sites came and went in %s, the slowest in %s; %d calls were cut and repeated",
		number, time.Since(began).Round(time.Millisecond), slowest.Round(time.Millisecond), w.cut.Load())
	stop()
	t.Logf("killed: %s", killer)

	w.wantNothingLeft(ctx, t, plans, witness, before)
	w.wantChains(ctx, t)
	outage := leave()
	t.Logf("longest outage of the witness, while nginx was dead: %s", outage.Round(time.Millisecond))
	if outage > longestOutage {
		t.Errorf("nginx was away for %s, at most %s is allowed", outage, longestOutage)
	}
	must(t, w.Died())
}

// walkAll walks the plans, a few at once, and says how long the slowest took. It
// begins no more once one has failed.
func (w *world) walkAll(ctx context.Context, t *testing.T, plans []plan) (slowest time.Duration) {
	t.Helper()
	next := make(chan plan)
	took := make([]time.Duration, atOnce)
	var clients sync.WaitGroup
	for client := range atOnce {
		clients.Go(func() {
			for p := range next {
				began := time.Now()
				if err := w.walk(ctx, p); err != nil {
					t.Errorf("%s: %v", p, err)
				}
				took[client] = max(took[client], time.Since(began))
			}
		})
	}
	for _, p := range plans {
		if t.Failed() {
			break
		}
		next <- p
	}
	close(next)
	clients.Wait()
	return slices.Max(took)
}
