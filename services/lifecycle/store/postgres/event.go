package postgres

import (
	"context"
	"fmt"

	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
)

// Sequence gives the events that have none their places, in the order of their numbers.
// Two events of one object are in that order: the transaction of the second waited for
// the first, or was run again, or it could not have changed the object. One process at a
// time does it; another finds what was done.
func (s *Store) Sequence(ctx context.Context) (first, last int64, err error) {
	err = s.update(ctx, readCommitted, "", func(t *tx) error {
		for _, text := range []string{lockPlaces, givePlaces} {
			if err := t.conn.Later(ctx, text, nil); err != nil {
				return fmt.Errorf("give places: %w", err)
			}
		}
		places, _, err := relational.One(ctx, t.conn, "read the places of the outbox", scanSpan, `
			SELECT CASE WHEN last_place = 0 THEN 0 ELSE coalesce((SELECT min(seq) FROM outbox), last_place + 1) END, last_place FROM meta`)
		first, last = places.first, places.last
		return err
	})
	return first, last, err
}

const (
	// lockPlaces waits for another that gives places. It is a statement of its own: the
	// next one sees what that one did.
	lockPlaces = `SELECT 1 FROM meta FOR UPDATE`
	givePlaces = `
		WITH fresh AS (
			SELECT id, row_number() OVER (ORDER BY id) AS n FROM outbox WHERE seq IS NULL
		), placed AS (
			UPDATE outbox SET seq = meta.last_place + fresh.n FROM fresh, meta WHERE outbox.id = fresh.id
		)
		UPDATE meta SET last_place = meta.last_place + (SELECT count(*) FROM fresh) WHERE EXISTS (SELECT 1 FROM fresh)`
)

// span is a run of places.
type span struct{ first, last int64 }

func scanSpan(r relational.Row) (s span, err error) {
	err = r.Scan(&s.first, &s.last)
	return s, err
}
