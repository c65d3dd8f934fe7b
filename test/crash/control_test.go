package crash_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/siteplane/siteplane/services/lifecycle/failpoint"
)

// control is lifecycle as its callers see it: it dies once, at its failpoint, and
// comes back. As a connection it does what a caller shall do: a call that is cut
// off is made again, as it was.
type control struct {
	start func(at failpoint.Name) (*life, error)

	mu      sync.Mutex
	current *life
	// trouble is what went wrong with the death or the start after it.
	trouble error
	stopped bool
	// revived is closed once nobody looks after the process any more.
	revived chan struct{}
}

// startControl starts lifecycle, to die at a failpoint; none for never.
func startControl(at failpoint.Name, start func(at failpoint.Name) (*life, error)) (*control, error) {
	first, err := start(at)
	if err != nil {
		return nil, err
	}
	c := &control{start: start, current: first, revived: make(chan struct{})}
	if at == "" {
		close(c.revived)
		return c, nil
	}
	go func() {
		defer close(c.revived)
		<-first.process.Ended()
		c.revive(at)
	}()
	return c, nil
}

// revive starts lifecycle again after its death.
func (c *control) revive(at failpoint.Name) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		c.trouble = fmt.Errorf("%s was never passed", at)
		return
	}
	if c.trouble = c.current.diedAt(at); c.trouble != nil {
		return
	}
	c.current, c.trouble = c.start("")
}

// stop ends lifecycle in order. That it did not die as it should is an error.
func (c *control) stop() error {
	c.mu.Lock()
	c.stopped = true
	current := c.current
	c.mu.Unlock()
	err := current.close()
	<-c.revived
	return errors.Join(c.trouble, err)
}

func (c *control) now() (*life, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current, c.trouble
}

// lookEvery is the pause between two looks at something that is waited for.
const lookEvery = 20 * time.Millisecond

// conn returns a connection to lifecycle once it is up.
func (c *control) conn(ctx context.Context) (*grpc.ClientConn, error) {
	for {
		l, err := c.now()
		if err != nil {
			return nil, err
		}
		select {
		case <-l.up:
			return l.conn, l.err
		case <-ctx.Done():
			return nil, fmt.Errorf("lifecycle is not up: %w", ctx.Err())
		case <-time.After(lookEvery): // it may be another one by now
		}
	}
}

// Invoke implements grpc.ClientConnInterface.
func (c *control) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := c.conn(ctx)
		if err != nil {
			return err
		}
		if err = conn.Invoke(ctx, method, args, reply, opts...); status.Code(err) != codes.Unavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(lookEvery):
		}
	}
}

// NewStream implements grpc.ClientConnInterface; nothing streams.
func (c *control) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("lifecycle has no streams")
}

// deathLimit is how long a failpoint may keep everybody waiting at the end.
const deathLimit = 10 * time.Second

// awaitDeath returns once lifecycle has died and was started again.
func (c *control) awaitDeath() error {
	select {
	case <-c.revived:
		return nil
	case <-time.After(deathLimit):
		return errors.New("lifecycle did not die: its failpoint was not passed")
	}
}
