package memory

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle/event"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
	"github.com/siteplane/siteplane/services/lifecycle/site"
)

// A row's number is its place: there is one writer, so the numbers are in the order of
// the commits.
var eventSchema = &schema[event.Event]{
	key: &index[event.Event]{
		unique: "outbox.seq",
		then:   func(a, b *event.Event) int { return cmp.Compare(a.Seq, b.Seq) },
	},
	keep:   func(e *event.Event) { micro(&e.At) },
	number: func(e *event.Event, n int64) { e.Seq = n },
	rules: []rule[event.Event]{
		{"outbox.at", func(e *event.Event) bool { return set(e.At) }},
	},
	refers: func(t *tx, e *event.Event) error {
		if e.TenantID == "" {
			return nil
		}
		return t.knows(id.Tenant(e.TenantID))
	},
}

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
func (t *tx) Emit(_ context.Context, e event.Event) error {
	if s, ok := t.sites.get(site.Site{ID: id.Site(e.ObjectID)}); ok {
		e.SiteID = string(s.ID)
	} else if d, ok := t.domains.get(network.Domain{ID: id.Domain(e.ObjectID)}); ok {
		e.SiteID = string(d.SiteID)
	}
	err := t.outbox.insert(t, e)
	t.emitted = t.emitted || err == nil
	return err
}

// Events returns a part of the outbox, oldest first.
func (t *tx) Events(_ context.Context, want event.Query) ([]event.Event, error) {
	until := cmp.Or(want.Until, math.MaxInt64)
	places := func(yield func(e *event.Event) bool) {
		for e := range t.outbox.in(t.outbox.key, event.Event{Seq: want.After + 1}) {
			if e.Seq > until || !yield(e) {
				return
			}
		}
	}
	return t.outbox.list(places, want.Limit, func(e *event.Event) bool {
		return (want.TenantID == "" || e.TenantID == want.TenantID) &&
			(want.ObjectID == "" || e.ObjectID == want.ObjectID || e.SiteID == want.ObjectID) &&
			(want.SiteIDs == nil || e.SiteID != "" && slices.Contains(want.SiteIDs, e.SiteID)) &&
			(len(want.Types) == 0 || ofTypes(e.Type, want.Types))
	}), nil
}

// ofTypes reports whether an event is of one of some types. One that ends in ".*" stands
// for all that begin alike.
func ofTypes(eventType event.Type, types []string) bool {
	return slices.ContainsFunc(types, func(name string) bool {
		if kind, ok := strings.CutSuffix(name, "*"); ok && strings.HasSuffix(kind, ".") {
			return strings.HasPrefix(string(eventType), kind)
		}
		return string(eventType) == name
	})
}

// PruneEvents deletes up to limit of the oldest events from before a time. It ends at
// the first that is not, so that between two events that are kept none is missing.
func (t *tx) PruneEvents(_ context.Context, before time.Time, limit int) (n int, err error) {
	for _, e := range t.outbox.list(t.outbox.all(), limit, nil) {
		if !e.At.Before(before) {
			break
		}
		if _, err := t.outbox.remove(t, e); err != nil {
			return n, err
		}
		n++
	}
	return n, t.outbox.own(t)
}

// Sequence returns the first place that is kept, or the next one when nothing is, and
// the last that was given; both are 0 before the first event.
func (s *Store) Sequence(ctx context.Context) (first, last int64, err error) {
	err = s.read(ctx, func(t *tx) error {
		last = t.outbox.last
		if last > 0 {
			first = last + 1
		}
		for e := range t.outbox.all() {
			first = e.Seq
			break
		}
		return nil
	})
	return first, last, err
}
