package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

const (
	// watchPage is how many events a stream holds at most.
	watchPage = 100
	// recheckKey is how often a stream asks whether its key is still valid.
	recheckKey = 2 * time.Second
	// signOfLife is how often a stream says where it is when nothing happens.
	signOfLife = 15 * time.Second
	// maxStreams is how many streams a tenant may have open here.
	maxStreams = 50
)

// SlowReaderError says that a stream was not read for too long.
type SlowReaderError struct {
	// Waited is how long.
	Waited time.Duration
}

func (e *SlowReaderError) Error() string {
	return "the stream was not read for " + e.Waited.String() + "; watch again from the last cursor"
}

// Watch sends what happens after a cursor, the empty one being now, as it happens,
// until the context is done, stopping is closed, send fails or the caller's key ends.
// First, and whenever nothing has happened for a while, it sends a cursor without an
// event. Errors are those of Events, *admin.LimitError, *auth.CredentialError when the
// key has ended, *lifecycle.UnavailableError when stopping was closed.
func (c *ControlPlane) Watch(ctx context.Context, by auth.Principal, cursor string, wanted EventFilter, stopping <-chan struct{}, send func(e *SeenEvent, cursor string) error) error {
	if err := c.streams.enter(by.TenantID); err != nil {
		return err
	}
	defer c.streams.leave(by.TenantID)
	if err := c.sequence(ctx); err != nil {
		return err
	}
	r, err := c.newReader(ctx, by, cursor, wanted)
	if err != nil {
		return err
	}
	w := &watcher{reader: r, by: by, stopping: stopping, send: send}
	if err := w.send(nil, r.place.cursor()); err != nil {
		return err
	}
	return w.run(ctx)
}

// watcher is one open stream.
type watcher struct {
	*reader
	by       auth.Principal
	stopping <-chan struct{}
	send     func(e *SeenEvent, cursor string) error
}

func (w *watcher) run(ctx context.Context) error {
	recheck, silence := time.NewTicker(recheckKey), time.NewTicker(signOfLife)
	defer recheck.Stop()
	defer silence.Stop()
	for {
		_, last, moved := w.cp.events.now()
		sent, err := w.catchUp(ctx, last, recheck.C)
		if err != nil {
			return err
		}
		if sent {
			silence.Reset(signOfLife)
		}
		select {
		case <-moved:
		case <-recheck.C:
			err = w.checkKey(ctx)
		case <-silence.C:
			err = w.send(nil, w.place.cursor())
		case <-w.stopping:
			err = stops()
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// catchUp sends everything up to a place. A long way is interrupted by looks at the
// key, and ends when the server stops.
func (w *watcher) catchUp(ctx context.Context, last int64, recheck <-chan time.Time) (sent bool, err error) {
	for more := true; more; {
		var seen []SeenEvent
		if seen, more, err = w.read(ctx, last, watchPage); err != nil {
			return sent, err
		}
		for i := range seen {
			if err := w.send(&seen[i], seen[i].Cursor); err != nil {
				return sent, err
			}
			sent = true
		}
		select {
		case <-recheck:
			if err := w.checkKey(ctx); err != nil {
				return sent, err
			}
		default:
		}
		select { // apart, for of two that are ready select takes either
		case <-w.stopping:
			return sent, stops()
		default:
		}
	}
	return sent, nil
}

func stops() error { return &lifecycle.UnavailableError{What: "server", Err: errors.New("it stops")} }

// checkKey returns an *auth.CredentialError once the key with which the stream was
// opened is not valid any more.
func (w *watcher) checkKey(ctx context.Context) error {
	if w.by.KeyID == "" {
		return nil
	}
	return w.cp.store.View(ctx, func(tx store.Tx) error {
		key, err := tx.GetKey(ctx, w.by.KeyID)
		if err == nil && !key.Valid(w.cp.clock()) {
			err = &auth.CredentialError{}
		}
		return err
	})
}

// streams counts the open streams of each tenant.
type streams struct {
	mu   sync.Mutex
	open map[id.Tenant]int64
}

// enter counts one more, or returns an *admin.LimitError.
func (s *streams) enter(tenant id.Tenant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[tenant] >= maxStreams {
		return &admin.LimitError{Limit: admin.LimitStreams, Allowed: maxStreams, Used: s.open[tenant], RetryAfter: recheckKey}
	}
	if s.open == nil {
		s.open = map[id.Tenant]int64{}
	}
	s.open[tenant]++
	return nil
}

// leave counts one less.
func (s *streams) leave(tenant id.Tenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[tenant]--; s.open[tenant] <= 0 {
		delete(s.open, tenant)
	}
}
