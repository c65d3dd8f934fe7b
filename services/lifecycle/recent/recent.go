// Package recent keeps for a moment what every call reads, so that it is read once for
// many calls. What changes elsewhere is seen when the moment is over; what changes here
// is forgotten by who changes it.
package recent

import (
	"maps"
	"sync"
	"time"
)

// Rows are rows by their ids, each kept for a while after it was read. It is safe for
// concurrent use, and bounded by how many are read within a minute.
type Rows[ID comparable, Row any] struct {
	keep  time.Duration
	clock func() time.Time

	mu    sync.Mutex
	rows  map[ID]kept[Row]
	swept time.Time
}

type kept[Row any] struct {
	row   Row
	until time.Time
}

// New returns rows that are kept for so long by that clock.
func New[ID comparable, Row any](keep time.Duration, clock func() time.Time) *Rows[ID, Row] {
	return &Rows[ID, Row]{keep: keep, clock: clock, rows: map[ID]kept[Row]{}}
}

// Get returns a row that is kept, or reads it. A failure is not kept.
func (r *Rows[ID, Row]) Get(id ID, read func() (Row, error)) (Row, error) {
	began := r.clock()
	r.mu.Lock()
	found, ok := r.rows[id]
	r.mu.Unlock()
	if ok && began.Before(found.until) {
		return found.row, nil
	}
	row, err := read()
	if err != nil {
		return row, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(began)
	r.rows[id] = kept[Row]{row, began.Add(r.keep)}
	return row, nil
}

// Forget has a row be read again by the next who asks.
func (r *Rows[ID, Row]) Forget(id ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.rows, id)
}

// Clear forgets all.
func (r *Rows[ID, Row]) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.rows)
}

// sweep drops what is over, once a minute.
func (r *Rows[ID, Row]) sweep(now time.Time) {
	if now.Sub(r.swept) < time.Minute {
		return
	}
	r.swept = now
	maps.DeleteFunc(r.rows, func(_ ID, k kept[Row]) bool { return !now.Before(k.until) })
}
