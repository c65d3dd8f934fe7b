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
	// Queue hands out the work.
	Queue Queue
	// Handlers by kind; kinds without one are a programming error.
	Handlers map[Kind]Handler
	// Park is called for a claim that has killed or panicked its process too often.
	// It writes down that the object needs attention, and returns when to look
	// again. Nil stands for doing nothing but waiting.
	Park func(ctx context.Context, w Work, cause string) (next time.Time, err error)
	// Owner names this process in leases; no other process has the same.
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
	tenants tenants
	backoff backoff.Policy
}

// maxUnended is how many claims in a row may end in a panic, or with their process,
// before the object is parked.
const maxUnended = 5

// endLimit bounds what is written to end a claim.
const endLimit = 5 * time.Second

// ParkedFor is how long a parked object waits when there is nothing to park: no
// operation is under way, and its work ends the process all the same.
const ParkedFor = time.Hour

// NewLoop returns a loop that does nothing until Run.
func NewLoop(cfg Config) *Loop {
	return &Loop{
		cfg:     cfg,
		wake:    make(chan struct{}, 1),
		slots:   make(chan struct{}, cfg.Concurrency),
		tenants: newTenants(cfg.Concurrency),
		backoff: backoff.Policy{First: 500 * time.Millisecond, Cap: time.Minute},
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
// returned. Handlers see the context's end; what they leave is due again, and no
// lease is left behind.
func (l *Loop) Run(ctx context.Context) error {
	var handlers sync.WaitGroup
	defer func() {
		handlers.Wait()
		l.release(ctx)
	}()
	for ctx.Err() == nil {
		claimed, next, err := l.claim(ctx)
		if err != nil && ctx.Err() == nil {
			l.cfg.Logger.WarnContext(ctx, "claim failed", "error", err)
		}
		for _, w := range claimed {
			l.slots <- struct{}{}
			l.tenants.begin(w.TenantID)
			handlers.Go(func() {
				defer func() {
					l.tenants.end(w.TenantID)
					<-l.slots
					l.Wake()
				}()
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
	share, full := l.tenants.shares()
	return l.cfg.Queue.ClaimWork(ctx, Claim{Owner: l.cfg.Owner, Lease: l.cfg.Lease, Limit: free, Share: share, Full: full})
}

// release ends the leases that are left: of claims whose end could not be written.
func (l *Loop) release(ctx context.Context) {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	err := l.cfg.Update(ending, func(tx Store) error { return tx.ReleaseLeases(ending, l.cfg.Owner) })
	if err != nil {
		l.cfg.Logger.WarnContext(ctx, "leases not released, others wait until they run out", "error", err)
	}
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
	next, err := l.look(within, w)
	cancel()
	// The claim ends even while the process stops, so that the object is free.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	err = l.cfg.Update(ending, l.end(ctx, ending, w, next, err))
	if err != nil {
		l.cfg.Logger.WarnContext(ctx, "work not finished", "kind", w.Kind, "key", w.Key, "error", err)
	}
}

// look calls the handler, or parks what has ended its process too often.
func (l *Loop) look(ctx context.Context, w Work) (time.Time, error) {
	if w.Unended > maxUnended {
		return l.park(ctx, w, fmt.Sprintf("the last %d attempts ended with their process", w.Unended-1))
	}
	next, err := l.call(ctx, w, l.cfg.Handlers[w.Kind])
	var panicked *panicError
	if errors.As(err, &panicked) && w.Unended == maxUnended {
		return l.park(ctx, w, fmt.Sprintf("the last %d attempts panicked: %v", w.Unended, panicked.value))
	}
	return next, err
}

// park gives a claim up.
func (l *Loop) park(ctx context.Context, w Work, cause string) (time.Time, error) {
	l.cfg.Logger.ErrorContext(ctx, "work parked", "kind", w.Kind, "key", w.Key, "cause", cause)
	if l.cfg.Park == nil {
		return l.cfg.Clock().Add(ParkedFor), nil
	}
	return l.call(ctx, w, func(ctx context.Context, w Work) (time.Time, error) { return l.cfg.Park(ctx, w, cause) })
}

// panicError is a panic of a handler.
type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("work panicked: %v", e.value) }

// call runs a handler; a panic becomes an error, so that one object cannot stop
// the others.
func (l *Loop) call(ctx context.Context, w Work, handler Handler) (next time.Time, err error) {
	defer func() {
		if p := recover(); p != nil {
			l.cfg.Logger.ErrorContext(ctx, "work panicked", "kind", w.Kind, "key", w.Key, "panic", p, "stack", string(debug.Stack()))
			err = &panicError{value: p}
		}
	}()
	return handler(ctx, w)
}

// end returns the transaction that ends a claim. What was lost in a race, or cut
// off because the process stops, is looked at again at once and did not fail.
func (l *Loop) end(ctx, ending context.Context, w Work, next time.Time, err error) func(tx Store) error {
	switch {
	case err == nil:
		return func(tx Store) error { return tx.FinishWork(ending, w, next) }
	case errors.Is(err, lifecycle.ErrFenced), errors.Is(err, lifecycle.ErrLostRace), ctx.Err() != nil:
		return func(tx Store) error { return tx.FinishWork(ending, w, l.cfg.Clock()) }
	}
	delay := l.backoff.Delay(w.Failures + 1)
	l.cfg.Logger.WarnContext(ctx, "work failed", "kind", w.Kind, "key", w.Key, "retry_after", delay, "error", err)
	var panicked *panicError
	return func(tx Store) error {
		return tx.FailWork(ending, w, l.cfg.Clock().Add(delay), errors.As(err, &panicked))
	}
}
