package api

import (
	"errors"
	"time"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/app"
)

// boundedSender sends to a stream and gives up when nobody reads. gRPC's own Send waits
// for as long as the reader's window is full, so it is called beside the handler; when
// the handler returns, the stream ends and with it the Send that still waits.
type boundedSender struct {
	patience time.Duration
	stopping <-chan struct{}
	messages chan *lifecyclev1.WatchEventsResponse
	sent     chan error
}

func newBoundedSender(stream lifecyclev1.EventService_WatchEventsServer, patience time.Duration, stopping <-chan struct{}) *boundedSender {
	s := &boundedSender{
		patience: patience, stopping: stopping,
		messages: make(chan *lifecyclev1.WatchEventsResponse),
		sent:     make(chan error, 1),
	}
	go func() {
		for m := range s.messages {
			s.sent <- stream.Send(m)
		}
	}()
	return s
}

// send returns when the message is on its way. Errors are *app.SlowReaderError, and
// *lifecycle.UnavailableError when the server stops meanwhile. After an error it must
// not be called again.
func (s *boundedSender) send(m *lifecyclev1.WatchEventsResponse) error {
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	s.messages <- m
	select {
	case err := <-s.sent:
		return err
	case <-timer.C:
		return &app.SlowReaderError{Waited: s.patience}
	case <-s.stopping:
		return &lifecycle.UnavailableError{What: "server", Err: errors.New("it stops")}
	}
}

// close lets the goroutine end once its Send has.
func (s *boundedSender) close() { close(s.messages) }
