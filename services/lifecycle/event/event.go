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
	// Seq orders the rows; assigned by the store.
	Seq int64
	// Type is a dotted name, for instance "site.status_changed".
	Type     string
	TenantID string
	ObjectID string
	// Data is a JSON object.
	Data string
	At   time.Time
}

// Store reads what happened inside the caller's transaction. Status changes
// append to both by themselves.
type Store interface {
	// HistoryOf returns the history of the objects, oldest first.
	HistoryOf(ctx context.Context, objectIDs []string) ([]lifecycle.Change, error)
	// EventsAfter returns up to limit outbox rows after a sequence number.
	EventsAfter(ctx context.Context, seq int64, limit int) ([]Event, error)
}
