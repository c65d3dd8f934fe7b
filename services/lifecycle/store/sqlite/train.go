package sqlite

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// maxRiders bounds the closures that share a commit, so that the first of them does not
// wait for long.
const maxRiders = 32

// train lets closures that wait for the one writer share a commit: what costs most is
// the wait for the disk, and one wait does for all of them. Each runs in its caller's
// goroutine and in a savepoint of its own; one that fails takes back what it did and
// nothing else.
//
//	callers ---board--> waiting ---drive: BEGIN, savepoints, COMMIT---> callers are told
type train struct {
	mu      sync.Mutex
	waiting []*rider
	// driven says that a goroutine drives; it does as long as somebody waits.
	driven bool
}

// rider is one closure on its way to a commit.
type rider struct {
	ctx context.Context
	do  func(t *tx) error
	// turn tells the rider to run its closure on a transaction, ran the driver how that
	// ended, told the caller how all ended.
	turn      chan *tx
	ran, told chan error
	// own is the transaction as the closure saw it, once it ran.
	own *tx
}

// errPanicked takes back what a closure did that panicked; its caller gets the panic.
var errPanicked = errors.New("the closure panicked")

// board waits for its turn and returns once the closure is committed, or was not.
func (s *Store) board(ctx context.Context, do func(t *tx) error) (*tx, error) {
	r := &rider{ctx: ctx, do: do, turn: make(chan *tx), ran: make(chan error), told: make(chan error, 1)}
	s.train.mu.Lock()
	s.train.waiting = append(s.train.waiting, r)
	if !s.train.driven {
		s.train.driven = true
		go s.drive()
	}
	s.train.mu.Unlock()
	gone := ctx.Done()
	for {
		select {
		case t := <-r.turn:
			r.run(t)
		case err := <-r.told:
			return r.own, err
		case <-gone:
			if s.train.leave(r) {
				return nil, ctx.Err()
			}
			gone = nil // it is on its way; the closure sees the end itself
		}
	}
}

// run runs the closure; whatever happens in it, the driver is told.
func (r *rider) run(t *tx) {
	err := errPanicked
	defer func() { r.ran <- err }()
	r.own = t
	if err = r.do(t); err == nil {
		err = r.ctx.Err()
	}
}

// leave takes a rider off that still waits.
func (t *train) leave(r *rider) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.waiting, r)
	if i < 0 {
		return false
	}
	t.waiting = slices.Delete(t.waiting, i, i+1)
	return true
}

// take returns those who ride together; without any, nobody drives any more.
func (t *train) take() []*rider {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.waiting), maxRiders)
	riders := slices.Clone(t.waiting[:n])
	t.waiting = slices.Delete(t.waiting, 0, n)
	t.driven = n > 0
	return riders
}

// drive commits the closures of those who wait, as long as somebody does.
func (s *Store) drive() {
	for riders := s.train.take(); len(riders) > 0; riders = s.train.take() {
		if left, err := s.ride(riders); err != nil {
			s.alone(left, err)
		}
	}
}

// alone commits closures one after the other, after a commit of all of them failed: what
// is wrong with one must not be told to the others. A file that was locked is worth
// another try.
func (s *Store) alone(riders []*rider, err error) {
	shared := len(riders) > 1
	for _, r := range riders {
		left, err := []*rider{r}, err
		for run := 2; len(left) > 0 && run <= maxRuns && (shared && run == 2 || errors.Is(err, errBusy)); run++ {
			left, err = s.ride(left)
		}
		if len(left) > 0 {
			r.told <- err
		}
	}
}

// ride runs closures in one transaction, commits it and tells the callers. Those whose
// closure fails are told at once; those whose commit fails are left.
func (s *Store) ride(riders []*rider) (left []*rider, err error) {
	ctx := context.Background() // that of a caller must not end what others ride in
	shared, err := s.begin(ctx, s.writing)
	if err != nil {
		return riders, err
	}
	defer shared.end(ctx)
	for i, r := range riders {
		failed, err := shared.turn(ctx, r)
		if errors.Is(failed, errBusy) {
			err = failed
		}
		if err != nil {
			return append(left, riders[i:]...), err
		}
		if failed != nil {
			r.told <- failed
			continue
		}
		left = append(left, r)
	}
	if err := shared.commit(ctx); err != nil {
		return left, err
	}
	for _, r := range left {
		r.told <- nil
	}
	return nil, nil
}

// turn runs one closure within a savepoint. Err is of the transaction as a whole.
func (b *begun) turn(ctx context.Context, r *rider) (failed, err error) {
	if err := b.do(ctx, "SAVEPOINT rider"); err != nil {
		return nil, err
	}
	r.turn <- b.transaction(true)
	if failed = <-r.ran; failed != nil {
		if err := b.do(ctx, "ROLLBACK TO rider"); err != nil {
			return nil, errors.Join(failed, err)
		}
	}
	return failed, b.do(ctx, "RELEASE rider")
}
