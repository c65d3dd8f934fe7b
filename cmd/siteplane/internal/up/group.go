package up

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// group runs parts that end together, and tells which of them ended first.
type group struct {
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	failed  chan error

	mu     sync.Mutex
	ending []error
}

// newGroup returns a group that ends when it is stopped, not when the context
// is done: parts end in an order.
func newGroup(ctx context.Context) *group {
	g := &group{failed: make(chan error, 1)}
	g.ctx, g.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return g
}

// run starts a part. A part that ends before the group is stopped has failed.
func (g *group) run(name string, serve func(ctx context.Context) error) {
	g.running.Go(func() {
		err := serve(g.ctx)
		if g.ctx.Err() != nil {
			g.note(name, err)
			return
		}
		if err == nil {
			err = errors.New("it ended by itself")
		}
		select {
		case g.failed <- fmt.Errorf("%s: %w", name, err):
		default: // another part failed first, and that ends the rest
		}
	})
}

// stop ends the parts, waits for them, and returns what went wrong with that.
func (g *group) stop() error {
	g.cancel()
	g.running.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.ending...)
}

// note keeps what went wrong while a part ended.
func (g *group) note(name string, err error) {
	if err == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ending = append(g.ending, fmt.Errorf("end %s: %w", name, err))
}

// closeOnce closes a listener that a service may have closed already.
func closeOnce(l net.Listener) func(context.Context) error {
	return func(context.Context) error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}
