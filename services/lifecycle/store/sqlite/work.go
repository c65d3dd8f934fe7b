package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// MarkWork makes an object due. A mark during a lease is noted apart: what is
// claimed stays due until the claim is answered.
func (t *tx) MarkWork(ctx context.Context, m worker.Mark) error {
	_, err := t.exec(ctx, "mark the work", `
		INSERT INTO work (kind, key, tenant_id, trace_parent, due_at,
			again_at, wanted_seq, done_seq, owner, lease_until, epoch)
		VALUES (?, ?, ?, ?, ?, NULL, 1, 0, NULL, NULL, 0)
		ON CONFLICT (kind, key) DO UPDATE SET
			trace_parent = coalesce(nullif(excluded.trace_parent, ''), trace_parent),
			due_at = CASE
				WHEN wanted_seq = done_seq THEN excluded.due_at
				WHEN lease_until IS NULL THEN min(due_at, excluded.due_at)
				ELSE due_at END,
			again_at = CASE WHEN lease_until IS NOT NULL
				THEN min(coalesce(again_at, excluded.due_at), excluded.due_at) END,
			wanted_seq = wanted_seq + 1`,
		m.Kind, m.Key, optional(m.TenantID), m.TraceParent, micros(m.DueAt))
	if breaks(err, foreignKey) {
		return &lifecycle.NotFoundError{Kind: "tenant", ID: m.TenantID}
	}
	t.marked = t.marked || err == nil
	return err
}

// ClaimWork leases what is due. A lease that ran out is due since it did.
func (t *tx) ClaimWork(ctx context.Context, owner string, now time.Time, lease time.Duration, limit int) ([]worker.Work, error) {
	due, err := all(ctx, t, "read the due work", scanWork, `
		SELECT kind, key, coalesce(tenant_id, ''), trace_parent, wanted_seq, epoch + 1, failures, unended + 1
		FROM work
		WHERE wanted_seq > done_seq AND coalesce(lease_until, due_at) <= ?
		ORDER BY coalesce(lease_until, due_at) LIMIT ?`, micros(now), limit)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	_, err = t.exec(ctx, "claim the work", `
		UPDATE work SET owner = ?, lease_until = ?, epoch = epoch + 1, unended = unended + 1,
			again_at = NULL, trace_parent = ''
		WHERE (kind, key) IN (SELECT value ->> 'kind', value ->> 'key' FROM json_each(?))`,
		owner, micros(now.Add(lease)), names(due))
	return due, err
}

func scanWork(r row) (w worker.Work, err error) {
	err = r.Scan(&w.Kind, &w.Key, &w.TenantID, &w.TraceParent, &w.WantedSeq, &w.Epoch, &w.Failures, &w.Unended)
	return w, err
}

// names lists rows for json_each.
func names(work []worker.Work) string {
	type name struct {
		Kind worker.Kind `json:"kind"`
		Key  string      `json:"key"`
	}
	out := make([]name, len(work))
	for i, w := range work {
		out[i] = name{w.Kind, w.Key}
	}
	text, _ := json.Marshal(out) // strings always marshal
	return string(text)
}

// HoldWork returns ErrFenced unless the row's epoch is still that of the claim.
func (t *tx) HoldWork(ctx context.Context, w worker.Work) error {
	_, ok, err := one(ctx, t, "check the lease", scanInt,
		`SELECT 1 FROM work WHERE kind = ? AND key = ? AND epoch = ?`, w.Kind, w.Key, w.Epoch)
	if err == nil && !ok {
		return lifecycle.ErrFenced
	}
	return err
}

func scanInt(r row) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}

// FinishWork ends a claim. What was marked during the claim is due when the mark
// said, however far away next is.
func (t *tx) FinishWork(ctx context.Context, w worker.Work, next time.Time) error {
	if next.IsZero() {
		return t.finish(ctx, w, `failures = 0, unended = 0, done_seq = ?, due_at = coalesce(again_at, due_at)`, w.WantedSeq)
	}
	return t.finish(ctx, w, `failures = 0, unended = 0, due_at = min(?, coalesce(again_at, ?))`, micros(next), micros(next))
}

// FailWork ends a claim that failed. One that panicked stays counted among those
// that never ended.
func (t *tx) FailWork(ctx context.Context, w worker.Work, next time.Time, panicked bool) error {
	return t.finish(ctx, w, `failures = failures + 1, unended = CASE WHEN ? THEN unended ELSE 0 END,
			due_at = min(?, coalesce(again_at, ?))`, panicked, micros(next), micros(next))
}

// finish ends a claim, unless it was taken over or ended before, and wakes the
// worker when the row stays dirty.
func (t *tx) finish(ctx context.Context, w worker.Work, set string, args ...any) error {
	dirty, ok, err := one(ctx, t, "finish the work", scanInt, `
		UPDATE work SET owner = NULL, lease_until = NULL, again_at = NULL, `+set+`
		WHERE kind = ? AND key = ? AND epoch = ? AND lease_until IS NOT NULL
		RETURNING wanted_seq > done_seq`, append(args, w.Kind, w.Key, w.Epoch)...)
	t.marked = t.marked || ok && dirty == 1
	return err
}

// FenceWork raises the epoch of an object's row and ends its lease, so that the
// next claim need not wait for a claim that can write no more. Nor does it inherit
// what was counted before.
func (t *tx) FenceWork(ctx context.Context, kind worker.Kind, key string) error {
	n, err := t.exec(ctx, "fence the work", `
		UPDATE work SET epoch = epoch + 1, owner = NULL, lease_until = NULL, failures = 0, unended = 0
		WHERE kind = ? AND key = ?`, kind, key)
	t.marked = t.marked || n > 0
	return err
}

// NextDue returns when the next row is due or its lease ends.
func (t *tx) NextDue(ctx context.Context) (at time.Time, ok bool, err error) {
	return one(ctx, t, "read the next due time", scanMoment, `
		SELECT coalesce(lease_until, due_at) FROM work WHERE wanted_seq > done_seq
		ORDER BY coalesce(lease_until, due_at) LIMIT 1`)
}

// DueAt returns when an object is due next.
func (t *tx) DueAt(ctx context.Context, kind worker.Kind, key string) (at time.Time, ok bool, err error) {
	return one(ctx, t, "read the due time", scanMoment,
		`SELECT due_at FROM work WHERE kind = ? AND key = ? AND wanted_seq > done_seq`, kind, key)
}

func scanMoment(r row) (at time.Time, err error) {
	err = r.Scan(moment{&at})
	return at, err
}

// ReleaseLeases ends every lease. The claims never ended, and stay counted so.
func (t *tx) ReleaseLeases(ctx context.Context) error {
	n, err := t.exec(ctx, "release the leases",
		`UPDATE work SET owner = NULL, lease_until = NULL WHERE lease_until IS NOT NULL`)
	t.marked = t.marked || n > 0
	return err
}
