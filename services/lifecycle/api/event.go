package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
	"github.com/siteplane/siteplane/services/lifecycle/admin"
	"github.com/siteplane/siteplane/services/lifecycle/app"
)

// slowAfter is how long an answer may not be read.
const slowAfter = 30 * time.Second

// eventService implements lifecyclev1.EventServiceServer.
type eventService struct {
	lifecyclev1.UnimplementedEventServiceServer

	cp     *app.ControlPlane
	logger *slog.Logger
	// stopping is closed when open streams shall end.
	stopping <-chan struct{}
	// slowAfter is how long a stream may not be read.
	slowAfter time.Duration
}

// WatchEvents implements the RPC.
func (s *eventService) WatchEvents(req *lifecyclev1.WatchEventsRequest, stream lifecyclev1.EventService_WatchEventsServer) error {
	ctx := stream.Context()
	source, err := s.cp.Source(ctx)
	if err != nil {
		return failure(ctx, s.logger, err)
	}
	out := newBoundedSender(stream, s.slowAfter, s.stopping)
	defer out.close()
	err = s.cp.Watch(ctx, callerOf(ctx), req.GetCursor(), eventFilterOf(req.GetFilter()), s.stopping,
		func(e *app.SeenEvent, cursor string) error {
			w := &lifecyclev1.WatchEventsResponse{Cursor: cursor}
			if e != nil {
				if w.Event, err = wireEvent(*e, source); err != nil {
					return err
				}
			}
			return out.send(w)
		})
	return failure(ctx, s.logger, err)
}

// ListEvents implements the RPC.
func (s *eventService) ListEvents(ctx context.Context, req *lifecyclev1.ListEventsRequest) (*lifecyclev1.ListEventsResponse, error) {
	source, err := s.cp.Source(ctx)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	page, err := s.cp.Events(ctx, callerOf(ctx), req.GetCursor(), eventFilterOf(req.GetFilter()), pageSize(req.GetPageSize()))
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	out := &lifecyclev1.ListEventsResponse{NextCursor: page.Next, More: page.More}
	for _, e := range page.Events {
		w, err := wireEvent(e, source)
		if err != nil {
			return nil, failure(ctx, s.logger, err)
		}
		out.Events = append(out.Events, w)
	}
	return out, nil
}

// ListAudit implements the RPC.
func (s *eventService) ListAudit(ctx context.Context, req *lifecyclev1.ListAuditRequest) (*lifecyclev1.ListAuditResponse, error) {
	list, err := listOf(req, nil, anyNumber)
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	before, _ := strconv.ParseInt(list.last, 10, 64) // 0 for the first page
	asked := admin.AuditPage{ObjectID: req.GetObjectId(), Actor: req.GetActor(), Before: before, Limit: list.size + 1}
	entries, err := s.cp.ListAudit(ctx, callerOf(ctx), asked, req.GetInstallation())
	if err != nil {
		return nil, failure(ctx, s.logger, err)
	}
	shown := make([]*lifecyclev1.AuditEntry, len(entries))
	for i, e := range entries {
		if shown[i], err = wireAudit(e); err != nil {
			return nil, failure(ctx, s.logger, err)
		}
	}
	page, next := pageOf(list, shown, func(e *lifecyclev1.AuditEntry) *lifecyclev1.AuditEntry { return e },
		func(e *lifecyclev1.AuditEntry) string { return strconv.FormatInt(e.GetSequence(), 10) })
	return &lifecyclev1.ListAuditResponse{Entries: page, NextPageToken: next}, nil
}

func eventFilterOf(w *lifecyclev1.EventFilter) app.EventFilter {
	return app.EventFilter{Types: w.GetTypes(), ObjectID: w.GetObjectId(), Installation: w.GetInstallation()}
}

func wireEvent(e app.SeenEvent, source string) (*lifecyclev1.Event, error) {
	data, err := wireObject(e.Data)
	if err != nil {
		return nil, err
	}
	sequence := fmt.Sprintf("%019d", e.Seq)
	return &lifecyclev1.Event{
		Id: sequence, Source: source, Specversion: "1.0", Type: string(e.Type), Subject: e.ObjectID, Time: wireTime(e.At),
		Datacontenttype: "application/json", Data: data, Tenantid: e.TenantID, Sequence: sequence, Cursor: e.Cursor,
	}, nil
}

func wireAudit(e admin.Entry) (*lifecyclev1.AuditEntry, error) {
	before, err := wireObject(e.Before)
	if err != nil {
		return nil, err
	}
	after, err := wireObject(e.After)
	if err != nil {
		return nil, err
	}
	return &lifecyclev1.AuditEntry{
		Sequence: e.Seq, Time: wireTime(e.At), TenantId: string(e.TenantID), Actor: e.Actor, Address: e.Address, Action: e.Action,
		ObjectId: e.ObjectID, Before: before, After: after, TraceId: e.TraceID, RequestId: e.RequestID,
	}, nil
}

// wireObject is a JSON object, absent when the text is empty.
func wireObject(text string) (*structpb.Struct, error) {
	if text == "" {
		return nil, nil
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		return nil, fmt.Errorf("decode what is kept of an object: %w", err)
	}
	return structpb.NewStruct(fields)
}
