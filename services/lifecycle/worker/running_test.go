package worker_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	"github.com/siteplane/siteplane/services/lifecycle/store"
	"github.com/siteplane/siteplane/services/lifecycle/store/sqlite"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

const lease = time.Minute

// running is a loop at work on a real store, in the bubble of a test: time passes
// only while everything waits.
type running struct {
	*testing.T
	store *sqlite.Store
	stop  context.CancelFunc
	ended chan error

	mu    sync.Mutex
	calls map[string][]time.Time // when each key was handled
}

// run runs a test in a bubble, with a loop that hands every kind to handle.
func run(t *testing.T, concurrency int, handle worker.Handler, do func(r *running)) {
	t.Helper()
	runWith(t, concurrency, nil, handle, nil, do)
}

type parkFunc = func(ctx context.Context, w worker.Work, cause string) (time.Time, error)

// runParking is the same, with what is called for what is parked.
func runParking(t *testing.T, park parkFunc, handle worker.Handler, do func(r *running)) {
	t.Helper()
	runWith(t, 1, park, handle, nil, do)
}

// runWith runs first, if there is any, before the loop begins.
func runWith(t *testing.T, concurrency int, park parkFunc, handle worker.Handler, first, do func(r *running)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(dir, "siteplane.db")})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		r := &running{T: t, store: db, stop: stop, ended: make(chan error, 1), calls: map[string][]time.Time{}}
		noted := func(ctx context.Context, w worker.Work) (time.Time, error) {
			r.mu.Lock()
			r.calls[w.Key] = append(r.calls[w.Key], time.Now())
			r.mu.Unlock()
			return handle(ctx, w)
		}
		loop := worker.NewLoop(worker.Config{
			Update: func(ctx context.Context, do func(tx worker.Store) error) error {
				return db.Update(ctx, func(tx store.Tx) error { return do(tx) })
			},
			Queue:    db,
			Handlers: map[worker.Kind]worker.Handler{worker.Site: noted, worker.Edge: noted},
			Park:     park,
			Owner:    "test", Lease: lease, Concurrency: concurrency, Poll: time.Second,
			Clock: time.Now, Logger: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""),
		})
		if first != nil {
			first(r)
		}
		db.OnMark(loop.Wake)
		go func() { r.ended <- loop.Run(ctx) }()
		do(r)
		stop()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// mark makes keys due after a while.
func (r *running) mark(in time.Duration, keys ...string) {
	r.Helper()
	r.update(func(tx store.Tx) error {
		for _, key := range keys {
			if err := tx.MarkWork(r.Context(), worker.Mark{Kind: worker.Site, Key: key, DueAt: time.Now().Add(in)}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *running) update(do func(tx store.Tx) error) {
	r.Helper()
	if err := r.store.Update(r.Context(), do); err != nil {
		r.Fatal(err)
	}
}

// handled returns when a key was handled.
func (r *running) handled(key string) []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls[key]
}

// due reports whether a key is due, ever.
func (r *running) due(key string) (due bool) {
	r.Helper()
	if err := r.store.View(r.Context(), func(tx store.Tx) (err error) {
		_, due, err = tx.DueAt(r.Context(), worker.Site, key)
		return err
	}); err != nil {
		r.Fatal(err)
	}
	return due
}

func clean(context.Context, worker.Work) (time.Time, error) { return time.Time{}, nil }
