// Package closer owns the order in which a program takes apart what it built:
// last opened, first closed.
//
// It knows nothing of what it closes. Invariants: every closer is called once,
// also when earlier ones fail, panic or hang; Close takes at most the limit
// times the number of closers.
package closer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Stack holds named closers. It is safe for concurrent use.
type Stack struct {
	limit time.Duration

	mu      sync.Mutex
	closers []namedCloser
}

type namedCloser struct {
	name  string
	close func(context.Context) error
}

// New returns an empty Stack that gives each closer at most limit.
func New(limit time.Duration) *Stack {
	return &Stack{limit: limit}
}

// Push puts a closer on top. Its context ends after the limit; one that does not
// return then is reported by name and left behind.
func (s *Stack) Push(name string, close func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closers = append(s.closers, namedCloser{name: name, close: close})
}

// PushCloser puts an io.Closer on top.
func (s *Stack) PushCloser(name string, c io.Closer) {
	s.Push(name, func(context.Context) error { return c.Close() })
}

// Close calls the closers from the top down and returns their errors joined,
// each with its name. A second Close finds nothing to do. It takes no context:
// it runs when the program's context has already ended.
func (s *Stack) Close() error {
	var errs []error
	for _, c := range s.take() {
		if err := s.closeOne(c); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}

// take empties the stack and returns what it held, top first.
func (s *Stack) take() []namedCloser {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.closers
	s.closers = nil
	slices.Reverse(all)
	return all
}

func (s *Stack) closeOne(c namedCloser) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- call(ctx, c.close) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	// Both may be ready at once; what the closer said is worth more.
	select {
	case err := <-done:
		return err
	default:
		return fmt.Errorf("not done after %s", s.limit)
	}
}

// call turns a panic into an error, so that the closers below still run.
func call(ctx context.Context, close func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return close(ctx)
}
