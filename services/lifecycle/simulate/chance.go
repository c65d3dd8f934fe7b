package simulate

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// chance gives everybody numbers of his own: what one draws at a moment of the fake
// clock is the same in every run of a seed, whoever else has drawn meanwhile. So two
// goroutines that run at one moment may do so in any order.
type chance struct {
	seed uint64

	mu    sync.Mutex
	drawn map[string]draws
	// rows numbers rows of work as they come; their keys are other ones in each run.
	rows map[workKey]int
}

// draws counts what somebody has drawn at one moment.
type draws struct{ at, n uint64 }

func newChance(seed uint64) *chance {
	return &chance{seed: seed, drawn: map[string]draws{}, rows: map[workKey]int{}}
}

// intN draws from 0 to n-1 for somebody.
func (c *chance) intN(who string, n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, now := c.drawn[who], uint64(time.Now().UnixNano())
	if d.at != now {
		d = draws{at: now}
	}
	d.n++
	c.drawn[who] = d
	return int(hashed(mixed(mixed(c.seed+now)+d.n), who) % uint64(n))
}

// hashed adds a name to a number, as FNV does.
func hashed(h uint64, name string) uint64 {
	for _, letter := range []byte(name) {
		h = (h ^ uint64(letter)) * 1099511628211
	}
	return mixed(h)
}

// mixed spreads a number over all bits, as SplitMix64 does.
func mixed(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// oneIn is true once in n times.
func (c *chance) oneIn(who string, n int) bool { return c.intN(who, n) == 0 }

// moment draws how long a message takes; no two take the same.
func (c *chance) moment(who string) time.Duration {
	return 20*time.Microsecond + time.Duration(c.intN(who, 4_000_000))*time.Nanosecond
}

// row names a row of work by when it came.
func (c *chance) row(key workKey) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, known := c.rows[key]
	if !known {
		n = len(c.rows)
		c.rows[key] = n
	}
	return string(key.kind) + strconv.Itoa(n)
}

// as names whoever calls with a context.
func as(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, whoKey{}, who)
}

// who returns that name, "" for none.
func who(ctx context.Context) string {
	name, _ := ctx.Value(whoKey{}).(string)
	return name
}

type whoKey struct{}
