package relational

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
func (t *Tx) emit(ctx context.Context, e event.Event, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode the event: %w", err)
	}
	e.Data = string(text)
	return t.Emit(ctx, e)
}

// Emit appends an event to the outbox. One without a tenant belongs to the
// installation; one about a site or a domain belongs to its site, whatever it says.
func (t *Tx) Emit(ctx context.Context, e event.Event) error {
	err := t.later(ctx, "append to the outbox", `
		INSERT INTO outbox (type, tenant_id, object_id, site_id, data, at)
		VALUES (?, ?, ?, coalesce((SELECT id FROM site WHERE id = ?), (SELECT site_id FROM domain WHERE id = ?), ?), ?, ?)`,
		e.Type, optional(e.TenantID), e.ObjectID, e.ObjectID, e.ObjectID, e.SiteID, e.Data, stamp(e.At))
	if breaks(err, ForeignKey) {
		return missingTenant(e.TenantID)
	}
	t.emitted = t.emitted || err == nil
	return err
}

// Events returns a part of the outbox, oldest first.
func (t *Tx) Events(ctx context.Context, want event.Query) ([]event.Event, error) {
	until := want.Until
	if until == 0 {
		until = math.MaxInt64
	}
	q := where(`
		SELECT seq, type, coalesce(tenant_id, ''), object_id, site_id, data, at FROM outbox
		WHERE seq > ? AND seq <= ?`, want.After, until)
	switch {
	case want.TenantID != "" && (want.ObjectID != "" || want.SiteIDs != nil):
		q.and(`tenant_id || '' = ?`, want.TenantID) // leaves the choice to the indexes of what is fewer
	case want.TenantID != "":
		q.and(`tenant_id = ?`, want.TenantID)
	}
	if want.ObjectID != "" {
		q.and(`(object_id = ? OR site_id = ? AND site_id <> '')`, want.ObjectID, want.ObjectID)
	}
	if want.SiteIDs != nil {
		q.and(`site_id IN (?texts) AND site_id <> ''`, texts(want.SiteIDs))
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
	q.and(`(type IN (?texts) OR EXISTS (SELECT 1 FROM ?texts kind
		WHERE substr(outbox.type, 1, length(kind.value)) = kind.value))`, Texts(whole), Texts(beginnings))
}

func scanEvent(r Row) (e event.Event, err error) {
	err = r.Scan(&e.Seq, &e.Type, &e.TenantID, &e.ObjectID, &e.SiteID, &e.Data, moment{&e.At})
	return e, err
}

// PruneEvents deletes up to limit of the oldest events from before a time. It ends at
// the first that is not, so that between two events that are kept none is missing.
func (t *Tx) PruneEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	oldest, err := all(ctx, t, "read the oldest events", scanDated, `SELECT seq, at FROM outbox WHERE seq > 0 ORDER BY seq LIMIT ?`, limit)
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

func scanDated(r Row) (e dated, err error) {
	err = r.Scan(&e.seq, moment{&e.at})
	return e, err
}
