// Package event owns the outbox: what happened, written in the transaction in
// which it happened, and the history that every status change leaves. Both are
// append-only.
package event

import (
	"context"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
)

// Event is one row of the outbox.
type Event struct {
	// Seq is the event's place in the one order of the installation; assigned by the
	// store, 0 before.
	Seq  int64
	Type Type
	// TenantID is empty for what belongs to the installation.
	TenantID string
	ObjectID string
	// SiteID is the site that the object is or belongs to, empty for others.
	SiteID string
	// Data is a JSON object.
	Data string
	At   time.Time
}

// Query asks for a part of the outbox, oldest first.
type Query struct {
	// After is the place after which to begin.
	After int64
	// Until is the last place that may be read, 0 for all.
	Until int64
	// Limit is the largest number of rows.
	Limit int
	// TenantID limits it to one tenant; empty for all and the installation.
	TenantID string
	// Types limits it to these, unless it is empty. A trailing ".*" takes all of a
	// kind.
	Types []string
	// ObjectID limits it to one object, and of a site to its domains, too; empty for
	// all.
	ObjectID string
	// SiteIDs limits it to what belongs to these sites, unless it is nil.
	SiteIDs []string
}

// Store reads what happened inside the caller's transaction. Status changes append to
// both by themselves.
type Store interface {
	// HistoryOf returns the history of the objects, oldest first.
	HistoryOf(ctx context.Context, objectIDs []string) ([]lifecycle.Change, error)
	// Emit appends an event to the outbox. The site of an event of a site or domain is
	// the store's to find; that of another object is the caller's to say.
	Emit(ctx context.Context, e Event) error
	// Events returns events that have a place.
	Events(ctx context.Context, q Query) ([]Event, error)
	// PruneEvents deletes up to limit of the oldest events from before a time and
	// returns how many. It ends at the first that is not old enough, so that what is
	// kept has no gaps.
	PruneEvents(ctx context.Context, before time.Time, limit int) (int, error)
}

// Sequencer puts what was committed in order. It is a transaction of its own.
type Sequencer interface {
	// Sequence gives every committed event that has no place yet the next one, in an
	// order that keeps the events of each object as they were committed, and returns
	// the first place that is kept and the last that is given: 0 and 0 before the first
	// event, first = last+1 when none is kept. No event ever gets a place below last
	// later. Any process may call it at any time.
	Sequence(ctx context.Context) (first, last int64, err error)
}
