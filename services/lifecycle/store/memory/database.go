package memory

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// database is what several stores share.
type database struct {
	clock  func() time.Time
	shared bool
	// committed is what the last commit left. Nothing in it changes.
	committed atomic.Pointer[tables]
	// writing is full while somebody writes. A channel, for a wait for it is one that
	// ends with a context, and that a bubble of testing/synctest knows.
	writing chan struct{}
	// begun counts the writing transactions; of whoever writes.
	begun uint64

	// mu guards the stores and what they want to be told.
	mu     sync.Mutex
	stores []*Store
}

func newDatabase(cfg Config) *database {
	d := &database{clock: cfg.Clock, shared: cfg.Shared, writing: make(chan struct{}, 1)}
	if d.clock == nil {
		d.clock = time.Now
	}
	d.committed.Store(newTables())
	return d
}

func (d *database) open() *Store {
	s := &Store{db: d, onMark: func() {}, onEvent: func() {}}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stores = append(d.stores, s)
	return s
}

func (d *database) leave(s *Store) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stores = slices.DeleteFunc(d.stores, func(o *Store) bool { return o == s })
}

func (d *database) set(listener *func(), notify func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*listener = notify
}

// announce tells every store what a commit brought.
func (d *database) announce(committed *tx) {
	for _, notify := range d.listeners(committed) {
		notify()
	}
}

func (d *database) listeners(committed *tx) (notify []func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.stores {
		if committed.marked {
			notify = append(notify, s.onMark)
		}
		if committed.emitted {
			notify = append(notify, s.onEvent)
		}
	}
	return notify
}

// read returns a transaction on what is committed.
func (d *database) read() *tx { return &tx{tables: *d.committed.Load(), clock: d.clock} }

// write runs a closure as the one writer and commits what it did. However it ends, the
// next writer goes on.
func (d *database) write(ctx context.Context, do func(t *tx) error) (*tx, error) {
	if err := d.lock(ctx); err != nil {
		return nil, fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { <-d.writing }()
	d.begun++
	t := d.read()
	t.number = d.begun
	defer func() { t.number = 0 }() // whoever kept it may write no more
	if err := do(t); err != nil {
		return nil, err
	}
	if err := t.settle(ctx); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	d.committed.Store(new(t.tables))
	return t, nil
}

// lock waits until nobody else writes.
func (d *database) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case d.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
