package cli

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

const (
	// firstPause is how long a watcher waits after a stream broke; each time that it
	// hears nothing it waits twice as long, up to longestPause.
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
	// longestSilence is how long a stream may say nothing. The server gives a sign of life
	// every 15 s.
	longestSilence = time.Minute
)

// watcher follows the events of an installation over broken streams.
type watcher struct {
	deps    Deps
	session *session
	// request moves on: its cursor is that of the last answer.
	request *lifecyclev1.WatchEventsRequest
	show    func(*lifecyclev1.Event) error
	say     func(format string, args ...any)
	// heard says that the last stream gave an answer, known that any did.
	heard, known bool
}

// run shows events until its context ends or something is wrong that another
// stream does not mend. A server that never answered is not waited for.
func (w *watcher) run(ctx context.Context) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		w.heard = false
		err := w.stream(ctx)
		if ctx.Err() != nil {
			return &watchEndError{cursor: w.request.GetCursor(), err: ctx.Err()}
		}
		if !w.known || !broken(err) {
			return err
		}
		if w.heard {
			pause = firstPause
		}
		w.say("%v; going on where it broke, in %s", err, pause)
		if err := w.deps.Pause(ctx, pause); err != nil {
			return &watchEndError{cursor: w.request.GetCursor(), err: err}
		}
	}
}

// stream shows the events of one stream until it ends, which is always an error.
func (w *watcher) stream(ctx context.Context) error {
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	mute := time.AfterFunc(longestSilence, func() { hangUp(errMute) })
	defer mute.Stop()
	stream, err := w.session.events.WatchEvents(ctx, w.request)
	if err != nil {
		return w.ended(ctx, err)
	}
	for {
		answer, err := stream.Recv()
		if err != nil {
			return w.ended(ctx, err)
		}
		mute.Reset(longestSilence)
		if err := w.take(answer); err != nil {
			return err
		}
	}
}

// errMute says that a stream gave no sign of life.
var errMute = errors.New("the server gave no sign of life for " + longestSilence.String())

// take shows the event of an answer, and moves on behind it once it is shown.
func (w *watcher) take(answer *lifecyclev1.WatchEventsResponse) error {
	if event := answer.GetEvent(); event != nil {
		if err := w.show(event); err != nil {
			return err
		}
	}
	if w.known && !w.heard {
		w.say("the server answers again")
	}
	w.heard, w.known = true, true
	if answer.GetCursor() != "" {
		w.request.Cursor = answer.GetCursor()
	}
	return nil
}

// ended is why a stream ended. One that the server just closes is like one that
// broke.
func (w *watcher) ended(ctx context.Context, err error) error {
	switch {
	case errors.Is(context.Cause(ctx), errMute):
		err = status.Error(codes.Unavailable, errMute.Error())
	case errors.Is(err, io.EOF):
		err = status.Error(codes.Unavailable, "the server ended the stream")
	}
	return w.session.failed(context.WithoutCancel(ctx), err)
}

// broken reports whether another stream may go on where one ended. When a server
// starts, all come back at once, and some too soon for the limits of their tenant.
func broken(err error) bool {
	var failed *callError
	if !errors.As(err, &failed) {
		return false
	}
	switch failed.status.Code() {
	case codes.Unavailable, codes.ResourceExhausted:
		return true
	}
	return failed.reason() == lifecyclev1.ErrorReason_ERROR_REASON_SLOW_READER
}
