package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/event"
)

// emit appends an event with its data to the outbox.
func (t *tx) emit(ctx context.Context, e event.Event, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	e.Data = string(text)
	return t.Emit(ctx, e)
}

// Emit appends an event to the outbox. One without a tenant belongs to the
// installation; one about a site or a domain belongs to its site, whatever it says.
func (t *tx) Emit(ctx context.Context, e event.Event) error {
	_, err := t.exec(ctx, "append to the outbox", `
		INSERT INTO outbox (type, tenant_id, object_id, site_id, data, at)
		VALUES (?1, ?2, ?3, coalesce((SELECT id FROM site WHERE id = ?3), (SELECT site_id FROM domain WHERE id = ?3), ?4), ?5, ?6)`,
		e.Type, optional(e.TenantID), e.ObjectID, e.SiteID, e.Data, micros(e.At))
	if breaks(err, foreignKey) {
		return missingTenant(e.TenantID)
	}
	t.emitted = t.emitted || err == nil
	return err
}

// Sequence returns the first place that is kept, or the next one when nothing is, and
// the last that was given; both are 0 before the first event. It writes nothing: there
// is one writer, so the number of a row is its place from the beginning, and the places
// are in the order of the commits.
func (t *tx) Sequence(ctx context.Context) (first, last int64, err error) {
	// The table may be empty; SQLite's own note of its last number is not.
	s, _, err := one(ctx, t, "read the places of the outbox", scanSpan, `
		SELECT coalesce((SELECT min(seq) FROM outbox), given.seq + 1), given.seq
		FROM sqlite_sequence given WHERE given.name = 'outbox'`)
	return s.first, s.last, err
}

// span is a run of places.
type span struct{ first, last int64 }

func scanSpan(r row) (s span, err error) {
	err = r.Scan(&s.first, &s.last)
	return s, err
}

// Events returns a part of the outbox, oldest first.
func (t *tx) Events(ctx context.Context, want event.Query) ([]event.Event, error) {
	until := want.Until
	if until == 0 {
		until = math.MaxInt64
	}
	q := where(`
		SELECT seq, type, coalesce(tenant_id, ''), object_id, site_id, data, at FROM outbox
		WHERE seq > ? AND seq <= ?`, want.After, until)
	switch {
	case want.TenantID != "" && (want.ObjectID != "" || want.SiteIDs != nil):
		q.and(`+tenant_id = ?`, want.TenantID) // the + leaves the choice to the indexes of what is fewer
	case want.TenantID != "":
		q.and(`tenant_id = ?`, want.TenantID)
	}
	if want.ObjectID != "" {
		q.and(`(object_id = ? OR site_id = ? AND site_id <> '')`, want.ObjectID, want.ObjectID)
	}
	if want.SiteIDs != nil {
		q.and(`site_id IN (SELECT value FROM json_each(?)) AND site_id <> ''`, list(want.SiteIDs))
	}
	q.ofTypes(want.Types)
	return all(ctx, t, "read the outbox", scanEvent, q.end(` ORDER BY seq`, want.Limit), q.args...)
}

// ofTypes limits events to some types, unless there are none. One that ends in ".*"
// stands for all that begin alike.
func (q *query) ofTypes(types []string) {
	if len(types) == 0 {
		return
	}
	var whole, beginnings []string
	for _, name := range types {
		if kind, ok := strings.CutSuffix(name, "*"); ok && strings.HasSuffix(kind, ".") {
			beginnings = append(beginnings, kind)
		} else {
			whole = append(whole, name)
		}
	}
	q.and(`(type IN (SELECT value FROM json_each(?)) OR EXISTS (SELECT 1 FROM json_each(?) kind
		WHERE substr(outbox.type, 1, length(kind.value)) = kind.value))`, list(whole), list(beginnings))
}

func scanEvent(r row) (e event.Event, err error) {
	err = r.Scan(&e.Seq, &e.Type, &e.TenantID, &e.ObjectID, &e.SiteID, &e.Data, moment{&e.At})
	return e, err
}

// PruneEvents deletes up to limit of the oldest events from before a time. It ends at
// the first that is not, so that between two events that are kept none is missing.
func (t *tx) PruneEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	oldest, err := all(ctx, t, "read the oldest events", scanDated, `SELECT seq, at FROM outbox ORDER BY seq LIMIT ?`, limit)
	if err != nil {
		return 0, err
	}
	last := int64(0)
	for _, e := range oldest {
		if !e.at.Before(before) {
			break
		}
		last = e.seq
	}
	n, err := t.exec(ctx, "prune the events", `DELETE FROM outbox WHERE seq <= ?`, last)
	return int(n), err
}

// dated is an event's place and time.
type dated struct {
	seq int64
	at  time.Time
}

func scanDated(r row) (e dated, err error) {
	err = r.Scan(&e.seq, moment{&e.at})
	return e, err
}
