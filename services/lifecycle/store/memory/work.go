package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// workRow is what a claim was told last, with the rest of the row.
type workRow struct {
	worker.Work
	dueAt time.Time
	// againAt is the earliest due time of the marks since the claim, for when that ends.
	againAt time.Time
	// doneSeq is the last mark that was answered.
	doneSeq    int64
	owner      string
	leaseUntil time.Time
}

func (w *workRow) dirty() bool  { return w.WantedSeq > w.doneSeq }
func (w *workRow) leased() bool { return !w.leaseUntil.IsZero() }

// ready is when the row may be claimed: when it is due or, while it is leased, when the
// lease ends.
func (w *workRow) ready() time.Time {
	if w.leased() {
		return w.leaseUntil
	}
	return w.dueAt
}

// free ends the lease.
func (w *workRow) free() { w.owner, w.leaseUntil = "", time.Time{} }

var workReady = &index[workRow]{
	of:   (*workRow).dirty,
	then: func(a, b *workRow) int { return a.ready().Compare(b.ready()) },
}

var workSchema = &schema[workRow]{
	key: &index[workRow]{
		unique: "work.key",
		by:     func(a, b *workRow) int { return cmp.Compare(a.Key, b.Key) },
		then:   func(a, b *workRow) int { return cmp.Compare(a.Kind, b.Kind) },
	},
	others: []*index[workRow]{workReady},
	keep:   func(w *workRow) { micro(&w.dueAt, &w.againAt, &w.leaseUntil) },
	rules: []rule[workRow]{
		{"work.kind", func(w *workRow) bool {
			return oneOf(w.Kind, worker.Site, worker.Domain, worker.Edge, worker.Tunnel)
		}},
		{"work.due_at", func(w *workRow) bool { return set(w.dueAt) }},
		{"work.done_seq", func(w *workRow) bool { return w.doneSeq <= w.WantedSeq }},
	},
	refers: func(t *tx, w *workRow) error {
		if w.TenantID == "" {
			return nil
		}
		return t.knows(id.Tenant(w.TenantID))
	},
}

// workOf returns the row of an object.
func (t *tx) workOf(kind worker.Kind, key string) (workRow, bool) {
	return t.work.get(workRow{Work: worker.Work{Kind: kind, Key: key}})
}

// MarkWork makes an object due. A mark during a lease is noted apart: what is
// claimed stays due until the claim is answered.
func (t *tx) MarkWork(_ context.Context, m worker.Mark) error {
	w, ok := t.workOf(m.Kind, m.Key)
	if !ok {
		w = workRow{Work: worker.Work{Kind: m.Kind, Key: m.Key, TenantID: m.TenantID}}
	}
	switch {
	case w.leased():
		w.againAt = earlier(w.againAt, m.DueAt)
	case w.dirty():
		w.dueAt = earlier(w.dueAt, m.DueAt)
	default:
		w.dueAt = m.DueAt
	}
	w.TraceParent = cmp.Or(m.TraceParent, w.TraceParent)
	w.WantedSeq++
	return t.mark(w)
}

// mark writes a row that may be due now.
func (t *tx) mark(w workRow) error {
	err := t.work.put(t, w)
	t.marked = t.marked || err == nil
	return err
}

// ClaimWork leases what is due.
func (s *Store) ClaimWork(ctx context.Context, c worker.Claim) (claimed []worker.Work, next time.Time, err error) {
	err = s.update(ctx, func(t *tx) (err error) {
		if claimed, err = t.claim(c); err != nil {
			return err
		}
		next = t.nextDue(c.Full)
		return nil
	})
	return claimed, next, err
}

func (t *tx) claim(c worker.Claim) (claimed []worker.Work, err error) {
	until := t.clock().Truncate(time.Microsecond).Add(c.Lease)
	for _, w := range t.due(c) {
		taken := w.Work
		taken.Epoch++
		taken.Unended++
		claimed = append(claimed, taken)
		w.Work, w.TraceParent = taken, "" // a later look does not belong to it
		w.owner, w.leaseUntil, w.againAt = c.Owner, until, time.Time{}
		if err := t.work.put(t, w); err != nil {
			return nil, err
		}
	}
	return claimed, nil
}

// due returns the rows that a claim takes, the longest due first.
func (t *tx) due(c worker.Claim) (rows []workRow) {
	now, taken := t.clock(), map[string]int{}
	for w := range t.work.in(workReady, workRow{}) {
		if len(rows) == c.Limit || w.ready().After(now) {
			break
		}
		if w.TenantID != "" && (slices.Contains(c.Full, w.TenantID) || taken[w.TenantID] == cmp.Or(c.Share, c.Limit)) {
			continue
		}
		taken[w.TenantID]++
		rows = append(rows, t.work.copy(w))
	}
	return rows
}

// nextDue returns when the next row of a tenant that is not full is ready, zero for never.
func (t *tx) nextDue(full []string) time.Time {
	for w := range t.work.in(workReady, workRow{}) {
		if w.TenantID == "" || !slices.Contains(full, w.TenantID) {
			return w.ready()
		}
	}
	return time.Time{}
}

// NextDue returns when the next row is due or its lease ends.
func (t *tx) NextDue(context.Context) (at time.Time, ok bool, err error) {
	at = t.nextDue(nil)
	return at, !at.IsZero(), nil
}

// DueAt returns when an object is due next.
func (t *tx) DueAt(_ context.Context, kind worker.Kind, key string) (at time.Time, ok bool, err error) {
	w, ok := t.workOf(kind, key)
	if !ok || !w.dirty() {
		return time.Time{}, false, nil
	}
	return w.dueAt, true, nil
}

// HoldWork returns ErrFenced unless the row's epoch is still that of the claim.
func (t *tx) HoldWork(_ context.Context, w worker.Work) error {
	if now, ok := t.workOf(w.Kind, w.Key); !ok || now.Epoch != w.Epoch {
		return lifecycle.ErrFenced
	}
	return nil
}

// FinishWork ends a claim. What was marked during the claim is due when the mark
// said, however far away next is.
func (t *tx) FinishWork(_ context.Context, w worker.Work, next time.Time) error {
	return t.finish(w, func(now *workRow) {
		now.Failures, now.Unended = 0, 0
		if next.IsZero() {
			now.doneSeq = w.WantedSeq
			if set(now.againAt) {
				now.dueAt = now.againAt
			}
			return
		}
		now.dueAt = earlier(next, now.againAt)
	})
}

// FailWork ends a claim that failed. One that panicked stays counted among those
// that never ended.
func (t *tx) FailWork(_ context.Context, w worker.Work, next time.Time, panicked bool) error {
	return t.finish(w, func(now *workRow) {
		now.Failures++
		if !panicked {
			now.Unended = 0
		}
		now.dueAt = earlier(next, now.againAt)
	})
}

// finish ends a claim, unless it was taken over or ended before, and wakes the
// worker when the row stays dirty.
func (t *tx) finish(w worker.Work, change func(now *workRow)) error {
	now, ok := t.workOf(w.Kind, w.Key)
	if !ok || now.Epoch != w.Epoch || !now.leased() {
		return t.work.own(t)
	}
	change(&now)
	now.free()
	if !now.dirty() {
		return t.work.put(t, now)
	}
	return t.mark(now)
}

// FenceWork raises the epoch of an object's row and ends its lease, so that the
// next claim need not wait for a claim that can write no more. Nor does it inherit
// what was counted before.
func (t *tx) FenceWork(_ context.Context, kind worker.Kind, key string) error {
	w, ok := t.workOf(kind, key)
	if !ok {
		return t.work.own(t)
	}
	w.Epoch++
	w.Failures, w.Unended = 0, 0
	w.free()
	return t.mark(w)
}

// ReleaseLeases ends the leases of an owner, or all. The claims never ended, and stay
// counted so.
func (t *tx) ReleaseLeases(_ context.Context, owner string) error {
	for _, w := range t.work.list(t.work.all(), all, func(w *workRow) bool { return w.leased() && (owner == "" || w.owner == owner) }) {
		w.free()
		if err := t.mark(w); err != nil {
			return err
		}
	}
	return t.work.own(t)
}
