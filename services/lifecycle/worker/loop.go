package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/siteplane/siteplane/internal/platform/tracecontext"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/backoff"
)

// Handler brings one object nearer to what is wanted. It returns when to look
// again, zero when nothing is left to do. It must be safe to repeat and must
// check the claim (HoldWork) in every transaction that writes.
type Handler func(ctx context.Context, w Work) (next time.Time, err error)

// Config is what a loop needs.
type Config struct {
	// Update is the store's write door.
	Update func(ctx context.Context, do func(tx Store) error) error
	// Handlers by kind; kinds without one are a programming error.
	Handlers map[Kind]Handler
	// Owner names this process in leases.
	Owner string
	// Lease is how long a claim holds; a handler is cut off shortly before.
	Lease time.Duration
	// Concurrency bounds the handlers that run at once.
	Concurrency int
	// Poll is the longest time between two claims.
	Poll   time.Duration
	Clock  func() time.Time
	Logger *slog.Logger
	Tracer trace.Tracer
}

// Loop claims what is due and hands it to handlers.
type Loop struct {
	cfg     Config
	wake    chan struct{}
	slots   chan struct{}
	backoff backoff.Policy

	mu       sync.Mutex
	failures map[string]int // consecutive failures by kind and key
}

// NewLoop returns a loop that does nothing until Run.
func NewLoop(cfg Config) *Loop {
	return &Loop{
		cfg:      cfg,
		wake:     make(chan struct{}, 1),
		slots:    make(chan struct{}, cfg.Concurrency),
		backoff:  backoff.Policy{First: 500 * time.Millisecond, Cap: time.Minute},
		failures: map[string]int{},
	}
}

// Wake makes the loop claim at once. It never blocks.
func (l *Loop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run claims until the context is done, and returns once every handler has
// returned. Handlers see the context's end; what they leave is due again.
func (l *Loop) Run(ctx context.Context) error {
	var handlers sync.WaitGroup
	defer handlers.Wait()
	for ctx.Err() == nil {
		claimed, next, err := l.claim(ctx)
		if err != nil && ctx.Err() == nil {
			l.cfg.Logger.WarnContext(ctx, "claim failed", "error", err)
		}
		for _, w := range claimed {
			l.slots <- struct{}{}
			handlers.Go(func() {
				defer func() { <-l.slots; l.Wake() }()
				l.handle(ctx, w)
			})
		}
		if len(claimed) == 0 {
			l.sleep(ctx, next)
		}
	}
	return nil
}

// claim leases as many rows as there are free slots.
func (l *Loop) claim(ctx context.Context) (claimed []Work, next time.Time, err error) {
	free := cap(l.slots) - len(l.slots)
	if free == 0 {
		return nil, time.Time{}, nil
	}
	err = l.cfg.Update(ctx, func(tx Store) error {
		if claimed, err = tx.ClaimWork(ctx, l.cfg.Owner, l.cfg.Clock(), l.cfg.Lease, free); err != nil {
			return err
		}
		at, ok, err := tx.NextDue(ctx)
		if ok {
			next = at
		}
		return err
	})
	return claimed, next, err
}

// sleep waits for a mark, the next due time or the poll, whichever is first.
func (l *Loop) sleep(ctx context.Context, next time.Time) {
	wait := l.cfg.Poll
	if !next.IsZero() {
		wait = max(min(wait, next.Sub(l.cfg.Clock())), time.Millisecond)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-timer.C:
	}
}

// handle runs one handler within its lease and ends the claim.
func (l *Loop) handle(ctx context.Context, w Work) {
	ctx, span := l.cfg.Tracer.Start(tracecontext.WithParent(ctx, w.TraceParent), "work "+string(w.Kind),
		trace.WithAttributes(attribute.String("key", w.Key)))
	defer span.End()
	within, cancel := context.WithTimeout(ctx, l.cfg.Lease*4/5)
	next, err := l.call(within, w)
	cancel()
	if err != nil {
		next = l.cfg.Clock().Add(l.after(ctx, w, err))
	} else {
		l.forget(w)
	}
	// The claim ends even while the process stops, so that the object is free.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = l.cfg.Update(ending, func(tx Store) error { return tx.FinishWork(ending, w, next) })
	if err != nil {
		l.cfg.Logger.WarnContext(ctx, "work not finished", "kind", w.Kind, "key", w.Key, "error", err)
	}
}

// call runs the handler; a panic becomes an error, so that one object cannot
// stop the others.
func (l *Loop) call(ctx context.Context, w Work) (next time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			l.cfg.Logger.ErrorContext(ctx, "work panicked", "kind", w.Kind, "key", w.Key, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("work panicked: %v", p)
		}
	}()
	return l.cfg.Handlers[w.Kind](ctx, w)
}

// after logs a failed look and says when the next one is.
func (l *Loop) after(ctx context.Context, w Work, err error) time.Duration {
	switch {
	case errors.Is(err, lifecycle.ErrFenced), errors.Is(err, lifecycle.ErrLostRace):
		return 0 // somebody else went forward; look again at what they left
	case ctx.Err() != nil:
		return 0 // the process stops
	}
	l.mu.Lock()
	l.failures[l.name(w)]++
	delay := l.backoff.Delay(l.failures[l.name(w)])
	l.mu.Unlock()
	l.cfg.Logger.WarnContext(ctx, "work failed", "kind", w.Kind, "key", w.Key, "retry_after", delay, "error", err)
	return delay
}

func (l *Loop) forget(w Work) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.failures, l.name(w))
}

func (l *Loop) name(w Work) string { return string(w.Kind) + "/" + w.Key }
