package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// mute is an EventService whose streams give one answer and then fall silent.
type mute struct {
	lifecyclev1.EventServiceClient
	asked []string
	// fail ends every stream after the first before it began.
	fail error
}

func (m *mute) WatchEvents(ctx context.Context, request *lifecyclev1.WatchEventsRequest, _ ...grpc.CallOption) (grpc.ServerStreamingClient[lifecyclev1.WatchEventsResponse], error) {
	m.asked = append(m.asked, request.GetCursor())
	if m.fail != nil && len(m.asked) > 1 {
		return nil, m.fail
	}
	return &muteStream{ctx: ctx}, nil
}

type muteStream struct {
	grpc.ServerStreamingClient[lifecyclev1.WatchEventsResponse]
	ctx  context.Context
	said bool
}

func (s *muteStream) Recv() (*lifecyclev1.WatchEventsResponse, error) {
	if !s.said {
		s.said = true
		return &lifecyclev1.WatchEventsResponse{Cursor: "c1"}, nil
	}
	<-s.ctx.Done()
	return nil, status.FromContextError(s.ctx.Err()).Err()
}

func TestWatcher(t *testing.T) {
	watch := func(ctx context.Context, events *mute) (said []string, err error) {
		w := &watcher{
			deps: Deps{Pause: pause}, session: &session{events: events}, request: &lifecyclev1.WatchEventsRequest{},
			show: func(*lifecyclev1.Event) error { return nil },
			say:  func(_ string, args ...any) { said = append(said, strings.TrimSpace(joined(args))) },
		}
		return said, w.run(ctx)
	}
	t.Run("gives up a stream that is silent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), longestSilence+2*firstPause)
			defer cancel()
			events := &mute{}
			said, err := watch(ctx, events)
			if ended := (&watchEndError{}); !errors.As(err, &ended) || ended.cursor != "c1" {
				t.Errorf("ended with %v", err)
			}
			if got := strings.Join(events.asked, " "); got != " c1" || !strings.Contains(strings.Join(said, "\n"), "no sign of life") {
				t.Errorf("asked from %q, said %q", got, said)
			}
		})
	})
	t.Run("waits longer each time, but not for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), longestSilence+4*longestPause)
			defer cancel()
			events := &mute{fail: status.Error(codes.Unavailable, "connection refused")}
			said, _ := watch(ctx, events)
			got := strings.Join(said, "; ")
			if !strings.HasPrefix(got, "the server gave no sign of life for 1m0s 500ms; connection refused 1s; connection refused 2s; ") ||
				!strings.HasSuffix(got, "connection refused 30s; connection refused 30s; connection refused 30s") {
				t.Errorf("said %s", got)
			}
		})
	})
	t.Run("ends when nobody takes what it shows", func(t *testing.T) {
		w := &watcher{request: &lifecyclev1.WatchEventsRequest{}, show: func(*lifecyclev1.Event) error { return errors.New("disk is full") }}
		err := w.take(&lifecyclev1.WatchEventsResponse{Event: &lifecyclev1.Event{}, Cursor: "c9"})
		if err == nil || w.request.GetCursor() != "" {
			t.Errorf("%v, and goes on from %q", err, w.request.GetCursor())
		}
	})
}

func joined(args []any) string {
	var words []string
	for _, arg := range args {
		switch arg := arg.(type) {
		case error:
			words = append(words, arg.Error())
		case interface{ String() string }:
			words = append(words, arg.String())
		}
	}
	return strings.Join(words, " ")
}
