package state

import (
	"fmt"
	"maps"
	"time"

	"github.com/siteplane/siteplane/services/tunnel/internal/fault"
)

// Cloudflare takes 1200 calls per user in five minutes and answers nothing for
// the next five minutes to whoever makes more. People and other programs of the
// same user call too, so we use 60 % of it.
const (
	window   = 5 * time.Minute
	maxCalls = 720
	// slot is how finely calls are counted.
	slot = 10 * time.Second
	// unwritten is how many calls may be missing on disk, since most calls are not
	// worth a write. Each start counts them as spent.
	unwritten = 20
	// maxBlock bounds what a strange Retry-After can do.
	maxBlock = time.Hour
)

// budget counts calls by the slot of time that they fall into, so that no five
// minutes hold more than maxCalls, whatever the minute they begin with.
type budget struct {
	Calls        map[int64]int `json:"calls"` // by the number of the slot since 1970
	BlockedUntil time.Time     `json:"blocked_until"`

	since int // calls since the last write
}

// Spend takes one call off the budget, or refuses it with *fault.Unavailable
// that says when to come again.
func (d *Dir) Spend() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if left := d.budget.BlockedUntil.Sub(now); left > 0 {
		return &fault.Unavailable{RetryAfter: min(left, maxBlock), Message: fmt.Sprintf(
			"Cloudflare asked not to be called before %s", d.budget.BlockedUntil.UTC().Format(time.RFC3339))}
	}
	if wait := d.budget.spend(now); wait > 0 {
		return &fault.Unavailable{RetryAfter: wait, Message: fmt.Sprintf(
			"%d calls in %s are spent; Cloudflare would block the account after 1200", maxCalls, window)}
	}
	if d.budget.since < unwritten {
		return nil
	}
	d.budget.since = 0
	return d.write(budgetFile, d.budget, false)
}

// Block forbids calls for a while.
func (d *Dir) Block(wait time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	until := time.Now().Add(min(wait, maxBlock))
	if !until.After(d.budget.BlockedUntil) {
		return nil // Another call was told to wait longer.
	}
	d.budget.BlockedUntil = until
	return d.write(budgetFile, d.budget, false)
}

// spend counts a call, or returns how long to wait for the next.
func (b *budget) spend(now time.Time) time.Duration {
	if b.Calls == nil {
		b.Calls = map[int64]int{}
	}
	b.catchUp(now)
	oldest, used := slotOf(now), 0
	for s, calls := range b.Calls {
		oldest, used = min(oldest, s), used+calls
	}
	if used >= maxCalls {
		return endOf(oldest).Add(window).Sub(now)
	}
	b.Calls[slotOf(now)]++
	b.since++
	return 0
}

// catchUp forgets what is over. A slot ahead of the clock was counted before the
// clock was set back, perhaps just now: its calls count from now on.
func (b *budget) catchUp(now time.Time) {
	current, ahead := slotOf(now), 0
	maps.DeleteFunc(b.Calls, func(s int64, calls int) bool {
		if s > current {
			ahead += calls
		}
		return s > current || !endOf(s).Add(window).After(now)
	})
	if ahead > 0 {
		b.Calls[current] += ahead
	}
}

// restarted counts what may not have been written, and lets the next call be
// written, so that no series of crashes is free.
func (b *budget) restarted(now time.Time) {
	if len(b.Calls) > 0 {
		b.Calls[slotOf(now)] += unwritten
	}
	b.since = unwritten
	if latest := now.Add(maxBlock); b.BlockedUntil.After(latest) {
		b.BlockedUntil = latest // The clock was set back since.
	}
}

func slotOf(t time.Time) int64 { return t.UnixNano() / int64(slot) }

func endOf(s int64) time.Time { return time.Unix(0, (s+1)*int64(slot)) }
