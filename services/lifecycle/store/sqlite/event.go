package sqlite

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// Sequence returns the first place that is kept, or the next one when nothing is, and
// the last that was given; both are 0 before the first event. It writes nothing: there
// is one writer, so the number of a row is its place from the beginning, and the places
// are in the order of the commits.
func (s *Store) Sequence(ctx context.Context) (first, last int64, err error) {
	err = s.update(ctx, func(t *tx) error {
		// The table may be empty; SQLite's own note of its last number is not.
		places, _, err := relational.One(ctx, t.conn, "read the places of the outbox", scanSpan, `
			SELECT coalesce((SELECT min(seq) FROM outbox), given.seq + 1), given.seq
			FROM sqlite_sequence given WHERE given.name = 'outbox'`)
		first, last = places.first, places.last
		return err
	})
	return first, last, err
}

// span is a run of places.
type span struct{ first, last int64 }

func scanSpan(r relational.Row) (s span, err error) {
	err = r.Scan(&s.first, &s.last)
	return s, err
}
