// Package backoff says how long to wait before the next attempt: doubled each
// time, capped, and jittered so that many do not come back at once.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Policy is how waits grow.
type Policy struct {
	// First is the wait after one failure.
	First time.Duration
	// Cap is the longest wait before jitter.
	Cap time.Duration
}

// Delay returns the wait after a number of failures, from 1: between three
// quarters and five quarters of the capped, doubled First.
func (p Policy) Delay(failures int) time.Duration {
	d := p.First
	for i := 1; i < failures && d < p.Cap; i++ {
		d *= 2
	}
	return jitter(min(d, p.Cap))
}

// After returns the wait that follows one of a given length: as long as Delay's
// would grow, for those who know how long they waited but not how often.
func (p Policy) After(wait time.Duration) time.Duration {
	return jitter(min(max(2*wait, p.First), p.Cap))
}

// jitter draws from the nanoseconds of the clock: nobody else has the same, and where
// the clock is a fake, a run can be repeated.
func jitter(d time.Duration) time.Duration {
	now := uint64(time.Now().UnixNano())
	return d*3/4 + time.Duration(rand.New(rand.NewPCG(now, uint64(d))).Int64N(int64(d/2)+1))
}
