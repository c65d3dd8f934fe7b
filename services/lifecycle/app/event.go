package app

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/auth"
	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/store"
)

// EventFilter says which events are wanted; what is empty excludes none.
type EventFilter struct {
	// Types may end with ".*".
	Types []string
	// ObjectID is a site with its domains, or another object.
	ObjectID string
	// Installation asks for everything instead of the caller's tenant.
	Installation bool
}

// SeenEvent is an event and where to go on after it.
type SeenEvent struct {
	event.Event
	Cursor string
}

// EventPage is a part of what happened.
type EventPage struct {
	Events []SeenEvent
	// Next is where to go on.
	Next string
	// More says that there are more already.
	More bool
}

// Events returns up to limit events that came after a cursor, oldest first; the empty
// cursor is CursorStart. Errors: *lifecycle.InvalidError for what is no cursor,
// *CursorError, *auth.DeniedError.
func (c *ControlPlane) Events(ctx context.Context, by auth.Principal, cursor string, wanted EventFilter, limit int) (EventPage, error) {
	if cursor == "" {
		cursor = CursorStart
	}
	if err := c.sequence(ctx); err != nil {
		return EventPage{}, err
	}
	r, err := c.newReader(ctx, by, cursor, wanted)
	if err != nil {
		return EventPage{}, err
	}
	_, last, _ := c.events.now()
	events, more, err := r.read(ctx, last, limit)
	return EventPage{Events: events, Next: r.place.cursor(), More: more}, err
}

// reader reads what a caller may see from a place on.
type reader struct {
	cp    *ControlPlane
	query event.Query
	place place
}

// newReader begins after a cursor; the empty one is now.
func (c *ControlPlane) newReader(ctx context.Context, by auth.Principal, cursor string, wanted EventFilter) (*reader, error) {
	if err := mayAskFor(by, wanted.Installation); err != nil {
		return nil, err
	}
	r := &reader{cp: c, query: event.Query{TenantID: string(by.TenantID), Types: wanted.Types, ObjectID: wanted.ObjectID}}
	if wanted.Installation {
		r.query.TenantID = ""
	}
	if by.Sites != nil {
		r.query.SiteIDs = []string{}
		for _, s := range by.Sites {
			r.query.SiteIDs = append(r.query.SiteIDs, string(s))
		}
	}
	err := c.store.View(ctx, func(tx store.Tx) (err error) {
		r.place.era, err = tx.Era(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, r.goTo(cursor)
}

// goTo moves the reader to a cursor.
func (r *reader) goTo(cursor string) error {
	first, last, _ := r.cp.events.now()
	switch cursor {
	case "":
		r.place.after = last
		return nil
	case CursorStart:
		r.place.after = max(first-1, 0)
		return nil
	}
	asked, ok := parsePlace(cursor)
	if !ok {
		var problems lifecycle.Violations
		problems.Add("cursor", "is not one that an answer carried")
		return problems.Err()
	}
	if asked.era != r.place.era || asked.after > last {
		return &CursorError{}
	}
	r.place = asked
	return nil
}

// read returns up to limit events up to a place, moves behind them, and says whether
// there may be more. A reader that is behind what is kept is a *CursorError.
func (r *reader) read(ctx context.Context, until int64, limit int) (seen []SeenEvent, more bool, err error) {
	query := r.query
	query.After, query.Until, query.Limit = r.place.after, until, limit
	if query.After >= until {
		return nil, false, nil
	}
	var events []event.Event
	if err := r.cp.store.View(ctx, func(tx store.Tx) (err error) {
		if err := r.mayGoOn(ctx, tx); err != nil {
			return err
		}
		events, err = tx.Events(ctx, query)
		return err
	}); err != nil {
		return nil, false, err
	}
	for _, e := range events {
		r.place.after = e.Seq
		seen = append(seen, SeenEvent{Event: e, Cursor: r.place.cursor()})
	}
	if more = len(events) == limit; !more {
		r.place.after = until
	}
	return seen, more, nil
}

// mayGoOn returns a *CursorError when the event after the reader's place is deleted
// already. It looks at what is about to be read, not at what the sequencer has noted:
// events are deleted at any time. The oldest event is anybody's, and only its place is
// looked at.
func (r *reader) mayGoOn(ctx context.Context, tx store.Tx) error {
	oldest, err := tx.Events(store.AcrossTenants(ctx), event.Query{Limit: 1})
	if err == nil && (len(oldest) == 0 || r.place.after < oldest[0].Seq-1) {
		err = &CursorError{}
	}
	return err
}
