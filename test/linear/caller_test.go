package linear_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// callers is how many call at the same time.
	callers = 6
	// callLimit is how long a caller waits for an answer.
	callLimit = 5 * time.Second
	// thinkAtMost bounds the pause between two calls of a caller, so that a history
	// holds many troubles and not too many calls.
	thinkAtMost = 40 * time.Millisecond
	// backOff is the pause after a call without an answer.
	backOff = 100 * time.Millisecond
)

// round is one history while it is made: a few slugs that all callers call about.
type round struct {
	w     *world
	began time.Time
	slugs []string
	// over says that callers begin nothing more.
	over   atomic.Bool
	values atomic.Int64

	mu    sync.Mutex
	calls []call
	// last is what was last seen of the site that had a slug last.
	last map[string]view
	// known are the ids of all sites that were seen, and their slugs.
	known    map[string]string
	problems []error
}

// newRound has one slug whose site stays, and two whose sites come and go.
func newRound(w *world, n int) *round {
	r := &round{w: w, began: time.Now(), last: map[string]view{}, known: map[string]string{}}
	for _, name := range []string{"stays", "comes", "goes"} {
		r.slugs = append(r.slugs, fmt.Sprintf("%s-%d", name, n))
	}
	return r
}

// tell notes a call and what it shows.
func (r *round) tell(c call, problem error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
	if problem != nil {
		r.problems = append(r.problems, problem)
	}
	v := c.answer.site
	if v.siteID == "" {
		return
	}
	_, old := r.known[v.siteID]
	r.known[v.siteID] = c.slug
	if last := r.last[c.slug]; !old || last.siteID == v.siteID && last.version < v.version {
		r.last[c.slug] = v
	}
}

// seen returns what is known of a slug.
func (r *round) seen(slug string) view {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[slug]
}

// caller calls any of the replicas, one call after the other.
type caller struct {
	*round
	number int
	chance *rand.Rand
}

func (r *round) caller(chance *rand.Rand, number int) *caller {
	return &caller{round: r, number: number, chance: rand.New(rand.NewPCG(chance.Uint64(), 0))}
}

// run calls until the round is over. What it has begun by then it ends: a request that
// is repeated until it is answered.
func (c *caller) run(ctx context.Context) {
	for !c.over.Load() && ctx.Err() == nil {
		c.turn(ctx, c.slugs[c.chance.IntN(len(c.slugs))])
		pause(ctx, time.Duration(c.chance.Int64N(int64(thinkAtMost))))
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// turn asks for something about a slug.
func (c *caller) turn(ctx context.Context, slug string) {
	v, dice := c.seen(slug), c.chance.IntN(100)
	a := ask{slug: slug, siteID: v.siteID}
	switch {
	case dice < 10, v.siteID == "" && dice < 50:
		c.once(ctx, ask{kind: find, slug: slug}, "")
	case v.siteID == "", v.phase == leaving && dice < 25, v.phase == gone && dice < 60, dice < 13:
		c.ask(ctx, ask{kind: create, slug: slug, value: c.value()}, true)
	case dice < 50:
		a.kind = get
		c.once(ctx, a, "")
	case dice < 56 && slug != c.slugs[0]:
		a.kind = remove
		c.ask(ctx, a, true)
	default:
		a.kind, a.value = rename, c.value()
		if dice < 68 {
			a.kind = respec
		}
		if c.chance.IntN(2) == 0 {
			a.etag = v.version
		}
		c.ask(ctx, a, c.chance.IntN(2) == 0)
	}
}

// value is one that nobody else writes.
func (r *round) value() string { return fmt.Sprintf("n%d", r.values.Add(1)) }

// ask sends a change; with a request id, it is sent until it is answered, sometimes to
// two replicas at once, and sometimes once more to another when it has been.
func (c *caller) ask(ctx context.Context, a ask, repeat bool) {
	if !repeat {
		c.once(ctx, a, "")
		return
	}
	request := a.slug + "-" + c.value()
	if c.chance.IntN(3) == 0 {
		other := c.round.caller(c.chance, c.number+callers)
		var beside sync.WaitGroup
		beside.Go(func() { other.once(ctx, a, request) })
		defer beside.Wait()
	}
	for ctx.Err() == nil {
		if v := c.once(ctx, a, request); v != unanswered && v != busy {
			break
		}
	}
	if c.chance.IntN(3) == 0 {
		c.once(ctx, a, request)
	}
}

// once makes one call to any replica and notes it.
func (c *caller) once(ctx context.Context, a ask, request string) verdict {
	at := c.w.replicas[c.chance.IntN(members)]
	bounded, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	called := time.Since(c.began)
	answered, err := at.send(bounded, a, request, c.w.origin)
	returned := time.Since(c.began)
	c.tell(call{ask: a, request: request, caller: c.number, at: at.name, called: called, returned: returned, answer: answered}, err)
	if v := answered.verdict; v == unanswered || v == busy {
		pause(ctx, backOff)
	}
	return answered.verdict
}

// look reads every slug, and every site that anybody has seen, until there is an answer.
func (c *caller) look(ctx context.Context) {
	var all []ask
	for _, slug := range c.slugs {
		all = append(all, ask{kind: find, slug: slug})
	}
	c.mu.Lock()
	for siteID, slug := range c.known {
		all = append(all, ask{kind: get, slug: slug, siteID: siteID})
	}
	c.mu.Unlock()
	for _, a := range all {
		for ctx.Err() == nil && c.once(ctx, a, "") == unanswered {
		}
	}
}
