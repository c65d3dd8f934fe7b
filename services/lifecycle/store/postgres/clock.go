package postgres

import (
	"context"
	"sync/atomic"
	"time"
)

// clockEvery is how often the server is asked for its time.
const clockEvery = 15 * time.Second

// skew is how far the server's clock is ahead of this process's.
//
// The process's own clock is read by what it has run since it started, which a change
// of its wall clock does not touch.
type skew struct {
	started time.Time
	// at is the server's time when the process started, in microseconds.
	at atomic.Int64
}

// Now returns the server's time: what it said last, and what has gone by since.
func (s *Store) Now() time.Time {
	if s.clock != nil {
		return s.clock()
	}
	return time.UnixMicro(s.skew.at.Load()).UTC().Add(time.Since(s.skew.started))
}

// claimClock is the time of a claim; zero leaves it to the server.
func (s *Store) claimClock() time.Time {
	if s.clock != nil {
		return s.clock()
	}
	return time.Time{}
}

// measureSkew asks for the server's time, and takes it for that of the middle of the
// question.
func (s *Store) measureSkew(ctx context.Context) error {
	if s.skew.started.IsZero() {
		s.skew.started = time.Now()
	}
	asked := time.Since(s.skew.started)
	var now time.Time
	if err := s.pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		return err
	}
	middle := (asked + time.Since(s.skew.started)) / 2
	s.skew.at.Store(now.Add(-middle).UnixMicro())
	return nil
}

// followClock asks again and again until the context is done.
func (s *Store) followClock(ctx context.Context) {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		within, cancel := context.WithTimeout(ctx, time.Second)
		if err := s.measureSkew(within); err != nil && ctx.Err() == nil {
			s.logger.DebugContext(ctx, "database's clock not read", "error", plain(err))
		}
		cancel()
	}
}
