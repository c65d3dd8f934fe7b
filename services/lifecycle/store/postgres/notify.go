package postgres

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// The channels of hints to other replicas.
const (
	markChannel  = "siteplane_mark"
	eventChannel = "siteplane_event"
)

const (
	// tellEvery is the least time between two notifications: each takes a lock that all
	// commits with one share, so they go out by themselves and not with every commit.
	tellEvery = 20 * time.Millisecond
	// listenAgain is the pause after a connection that listened was lost.
	listenAgain = time.Second
	// listenLimit is how long the server may take to let us listen.
	listenLimit = 5 * time.Second
)

// hook is who is told of something. Others' hints may come before it is set.
type hook struct{ notify atomic.Pointer[func()] }

func (h *hook) set(notify func()) { h.notify.Store(&notify) }

func (h *hook) call() {
	if notify := h.notify.Load(); notify != nil {
		(*notify)()
	}
}

// notices are hints that were not sent yet.
type notices struct {
	// self tells our own hints from those of others.
	self  string
	marks chan struct{}
	// events holds at most one word, as marks does.
	events chan struct{}
}

func newNotices() *notices {
	return &notices{self: rand.Text(), marks: make(chan struct{}, 1), events: make(chan struct{}, 1)}
}

// post notes a hint. It never waits.
func (n *notices) post(channel string) {
	into := n.marks
	if channel == eventChannel {
		into = n.events
	}
	select {
	case into <- struct{}{}:
	default:
	}
}

// tell sends hints until the context is done. One that cannot be sent is lost.
func (s *Store) tell(ctx context.Context) {
	pace := time.NewTicker(tellEvery)
	defer pace.Stop()
	for {
		channel := markChannel
		select {
		case <-ctx.Done():
			return
		case <-s.notices.marks:
		case <-s.notices.events:
			channel = eventChannel
		}
		within, cancel := context.WithTimeout(ctx, time.Second)
		_, err := s.pool.Exec(within, "SELECT pg_notify($1, $2)", channel, s.notices.self)
		cancel()
		if err != nil && ctx.Err() == nil {
			s.logger.DebugContext(ctx, "other replicas were not told", "error", plain(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
	}
}

// listen takes others' hints until the context is done, on a connection of its own.
// After a gap everything may have happened.
func (s *Store) listen(ctx context.Context) {
	lost := false
	for ctx.Err() == nil {
		err := s.listenOnce(ctx, func() {
			if !lost {
				return
			}
			lost = false
			s.logger.InfoContext(ctx, "database is reached again")
			s.hint(markChannel)
			s.hint(eventChannel)
		})
		if ctx.Err() == nil && !lost {
			s.logger.WarnContext(ctx, "database connection lost, will try again", "error", plain(err))
			lost = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

// listenOnce listens until the connection is lost.
func (s *Store) listenOnce(ctx context.Context, begun func()) error {
	on, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = on.Close(ending)
	}()
	for _, channel := range []string{markChannel, eventChannel} {
		within, cancel := context.WithTimeout(ctx, listenLimit)
		_, err := on.Exec(within, "LISTEN "+channel)
		cancel()
		if err != nil {
			return err
		}
	}
	begun()
	for {
		notice, err := on.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if notice.Payload != s.notices.self {
			s.hint(notice.Channel)
		}
	}
}

// hint calls who is to be told of a channel.
func (s *Store) hint(channel string) {
	if channel == eventChannel {
		s.onEvent.call()
		return
	}
	s.onMark.call()
}
