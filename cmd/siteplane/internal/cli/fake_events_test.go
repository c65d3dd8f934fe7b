package cli_test

import (
	"context"

	"google.golang.org/grpc"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// fakeEvents is an EventService that answers what a test told it.
type fakeEvents struct {
	lifecyclev1.UnimplementedEventServiceServer

	beside *fakeSites
	// streams are the answers to WatchEvents, one after the other; after the last
	// one nothing happens until the caller goes.
	streams []stream
	// idle runs when nothing happens any more.
	idle func()
	// pages are the answers to ListEvents by cursor.
	pages map[string]*lifecyclev1.ListEventsResponse
	// entries are the answer to ListAudit.
	entries []*lifecyclev1.AuditEntry
}

// stream is one answer to WatchEvents: what it sends, and how it ends.
type stream struct {
	answers []*lifecyclev1.WatchEventsResponse
	err     error
}

func (f *fakeEvents) WatchEvents(request *lifecyclev1.WatchEventsRequest, to grpc.ServerStreamingServer[lifecyclev1.WatchEventsResponse]) error {
	if err := f.beside.note(to.Context(), request); err != nil {
		return err
	}
	f.beside.mu.Lock()
	var next stream
	last := len(f.streams) == 0
	if !last {
		next, f.streams = f.streams[0], f.streams[1:]
	}
	f.beside.mu.Unlock()
	for _, answer := range next.answers {
		if err := to.Send(answer); err != nil {
			return err
		}
	}
	if last {
		f.idle()
		<-to.Context().Done()
	}
	return next.err
}

func (f *fakeEvents) ListEvents(ctx context.Context, request *lifecyclev1.ListEventsRequest) (*lifecyclev1.ListEventsResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return f.pages[request.GetCursor()], nil
}

func (f *fakeEvents) ListAudit(ctx context.Context, request *lifecyclev1.ListAuditRequest) (*lifecyclev1.ListAuditResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListAuditResponse{Entries: f.entries}, nil
}
