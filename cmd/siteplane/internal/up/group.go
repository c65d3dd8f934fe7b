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

// stop ends the parts and waits for them.
func (g *group) stop() {
	g.cancel()
	g.running.Wait()
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
