// Package linear_test lets callers call three lifecycles on one PostgreSQL database at
// the same time, about few sites, writes down when each call began and what it was
// answered when, and looks for an order in which one lifecycle with nothing beside it
// would have answered the same: each call at one moment between its beginning and its
// end. Meanwhile lifecycles are killed, connections are cut and the database server is
// stopped.
//
// It owns who calls whom for what, what happens meanwhile, and the model of what an
// answer may be. It must not know how the answers come about.
//
// Invariants: a value is written by one request only; a call without an answer may have
// happened at any time after it began; what is not found out in time is a failure.
package linear_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/siteplane/siteplane/test/replicas"
)

// between is how many calls must be answered between two troubles.
const between = 150

// enough is how many calls of a kind must have had an answer, or else a history shows
// nothing.
var enough = map[kind]map[verdict]int{
	get:    {done: 50},
	find:   {done: 20},
	create: {done: 4, taken: 4},
	rename: {done: 40, changed: 4, late: 1},
	respec: {done: 10, changed: 2},
	remove: {done: 3},
}

func TestHistory_of_three_lifecycles_is_that_of_one(t *testing.T) {
	rounds, seed := asked(t, "SITEPLANE_LINEAR", 1), asked(t, "SITEPLANE_LINEAR_SEED", rand.Uint64())
	t.Logf("the seed is %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	w := setup(t)
	for n := range rounds {
		ok := t.Run(fmt.Sprintf("round %d", n), func(t *testing.T) {
			r := newRound(w, int(n))
			problem := r.play(t, chance)
			r.judge(t)
			must(t, problem)
		})
		if !ok {
			return
		}
	}
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

// play lets all callers call while there is trouble, and then one look at what is left.
// It returns why there are calls too few.
func (r *round) play(t *testing.T, chance *rand.Rand) (problem error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	for n := range callers {
		c := r.caller(chance, n)
		running.Go(func() { c.run(ctx) })
	}
	problem = r.trouble(ctx)
	r.over.Store(true)
	ended := make(chan struct{})
	go func() {
		running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(patience):
		cancel()
		<-ended
		t.Fatal(errors.Join(problem, errors.New("a request that is repeated gets no answer")))
	}
	ctx, cancel = context.WithTimeout(t.Context(), patience)
	defer cancel()
	r.caller(chance, 0).look(ctx)
	must(t, ctx.Err())
	return problem
}

// trouble lets all troubles happen, each after many calls, and then waits until there
// are calls enough.
func (r *round) trouble(ctx context.Context) error {
	for _, each := range troubles() {
		if err := r.more(ctx, each.name); err != nil {
			return err
		}
		if err := each.do(ctx, r.w); err != nil {
			return fmt.Errorf("%s: %w", each.name, err)
		}
	}
	if err := r.more(ctx, "the end"); err != nil {
		return err
	}
	return replicas.Await(ctx, patience, "there are calls of each kind", func(context.Context) error { return r.lacks() })
}

// more waits until calls have been answered.
func (r *round) more(ctx context.Context, before string) error {
	begin := r.answered()
	return replicas.Await(ctx, patience, "calls are answered before "+before, func(context.Context) error {
		if n := r.answered() - begin; n < between {
			return fmt.Errorf("%d were", n)
		}
		return nil
	})
}

// answered is how many calls have been.
func (r *round) answered() (n int) {
	for _, verdicts := range r.count() {
		for v, of := range verdicts {
			if v != unanswered {
				n += of
			}
		}
	}
	return n
}

// count tells the calls so far by what was asked and answered.
func (r *round) count() map[kind]map[verdict]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := map[kind]map[verdict]int{}
	for _, c := range r.calls {
		if found[c.kind] == nil {
			found[c.kind] = map[verdict]int{}
		}
		found[c.kind][c.answer.verdict]++
	}
	return found
}

// lacks says what there is not enough of.
func (r *round) lacks() error {
	found := r.count()
	for what, verdicts := range enough {
		for v, want := range verdicts {
			if got := found[what][v]; got < want {
				return fmt.Errorf("%d of %d calls %s were answered %s", got, want, what, v)
			}
		}
	}
	return nil
}

// judge looks for the order.
func (r *round) judge(t *testing.T) {
	t.Helper()
	t.Logf("%d calls: %v", len(r.calls), r.count())
	for _, problem := range r.problems {
		t.Errorf("a call was answered as none may be: %v", problem)
	}
	if problems := check(r.calls, checkLimit); problems != "" {
		t.Error(problems)
	}
	must(t, r.w.Died())
}
