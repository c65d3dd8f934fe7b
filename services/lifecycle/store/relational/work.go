package relational

import (
	"context"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Ready is when a row may be claimed: when it is due or, while it is leased, when
// the lease ends.
const Ready = `coalesce(lease_until, due_at)`

// claimWindow is how many times the limit of a claim are looked at for rows within the
// share of their tenants.
const claimWindow = 4

// Claim leases what is due and takes the noted traces; now is the database's time, or
// zero for a database that has a clock of its own. A lease that ran out is due since
// it did.
func Claim(ctx context.Context, on Conn, c worker.Claim, now time.Time) ([]worker.Work, error) {
	share := c.Share
	if share == 0 {
		share = c.Limit
	}
	others, args := notOf(c.Full)
	args = append([]any{stamp(now)}, args...)
	due, err := All(ctx, on, "read the due work", scanWork, `
		WITH due AS (
			SELECT kind, key, tenant_id, trace_parent, wanted_seq, epoch, failures, unended, `+Ready+` AS ready FROM work
			WHERE wanted_seq > done_seq AND `+Ready+` <= ?clock`+others+`
			ORDER BY `+Ready+` LIMIT ? FOR UPDATE SKIP LOCKED
		), placed AS (
			SELECT due.*, row_number() OVER (PARTITION BY tenant_id ORDER BY ready) AS place FROM due
		)
		SELECT kind, key, coalesce(tenant_id, ''), trace_parent, wanted_seq, epoch + 1, failures, unended + 1
		FROM placed WHERE tenant_id IS NULL OR place <= ? ORDER BY ready LIMIT ?`,
		append(args, claimWindow*c.Limit, share, c.Limit)...)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	keys, names := make(Texts, len(due)), make(Texts, len(due))
	for i, w := range due {
		keys[i], names[i] = w.Key, string(w.Kind)+"/"+w.Key
	}
	if _, err := on.Exec(ctx, `
		UPDATE work SET owner = ?, lease_until = ?clock + ?micros, epoch = epoch + 1, unended = unended + 1,
			again_at = NULL, trace_parent = ''
		WHERE key IN (?texts) AND kind || '/' || key IN (?texts)`,
		[]any{c.Owner, stamp(now), c.Lease.Microseconds(), keys, names}); err != nil {
		return nil, fmt.Errorf("claim the work: %w", err)
	}
	return due, nil
}

func scanWork(r Row) (w worker.Work, err error) {
	err = r.Scan(&w.Kind, &w.Key, &w.TenantID, &w.TraceParent, &w.WantedSeq, &w.Epoch, &w.Failures, &w.Unended)
	return w, err
}

// Next returns when the next row of a tenant that is not full is ready, zero for never.
func Next(ctx context.Context, on Conn, full []string) (time.Time, error) {
	others, args := notOf(full)
	at, _, err := One(ctx, on, "read the next due time", ScanMoment,
		`SELECT `+Ready+` FROM work WHERE wanted_seq > done_seq`+others+` ORDER BY `+Ready+` LIMIT 1`, args...)
	return at, err
}

// notOf leaves out the work of some tenants.
func notOf(tenants []string) (condition string, args []any) {
	if len(tenants) == 0 {
		return "", nil
	}
	return ` AND (tenant_id IS NULL OR tenant_id NOT IN (?texts))`, []any{Texts(tenants)}
}

// HoldWork returns ErrFenced unless the row's epoch is still that of the claim.
func (t *Tx) HoldWork(ctx context.Context, w worker.Work) error {
	_, ok, err := one(ctx, t, "check the lease", scanInt,
		`SELECT 1 FROM work WHERE kind = ? AND key = ? AND epoch = ? FOR KEY SHARE`, w.Kind, w.Key, w.Epoch)
	if err == nil && !ok {
		return lifecycle.ErrFenced
	}
	return err
}

func scanInt(r Row) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}

// FinishWork ends a claim. What was marked during the claim is due when the mark
// said, however far away next is.
func (t *Tx) FinishWork(ctx context.Context, w worker.Work, next time.Time) error {
	if next.IsZero() {
		return t.finish(ctx, w, `failures = 0, unended = 0, done_seq = ?, due_at = coalesce(again_at, due_at)`, w.WantedSeq)
	}
	return t.finish(ctx, w, `failures = 0, unended = 0, due_at = least(?, coalesce(again_at, ?))`, stamp(next), stamp(next))
}

// FailWork ends a claim that failed. One that panicked stays counted among those
// that never ended.
func (t *Tx) FailWork(ctx context.Context, w worker.Work, next time.Time, panicked bool) error {
	return t.finish(ctx, w, `failures = failures + 1, unended = CASE WHEN ? THEN unended ELSE 0 END,
			due_at = least(?, coalesce(again_at, ?))`, panicked, stamp(next), stamp(next))
}

// finish ends a claim, unless it was taken over or ended before, and wakes the
// worker when the row stays dirty.
func (t *Tx) finish(ctx context.Context, w worker.Work, set string, args ...any) error {
	dirty, _, err := one(ctx, t, "finish the work", scanFlag, `
		UPDATE work SET owner = NULL, lease_until = NULL, again_at = NULL, `+set+`
		WHERE kind = ? AND key = ? AND epoch = ? AND lease_until IS NOT NULL
		RETURNING wanted_seq > done_seq`, append(args, w.Kind, w.Key, w.Epoch)...)
	t.marked = t.marked || dirty
	return err
}

func scanFlag(r Row) (is bool, err error) {
	err = r.Scan(&is)
	return is, err
}

// FenceWork raises the epoch of an object's row and ends its lease, so that the
// next claim need not wait for a claim that can write no more. Nor does it inherit
// what was counted before.
func (t *Tx) FenceWork(ctx context.Context, kind worker.Kind, key string) error {
	n, err := t.exec(ctx, "fence the work", `
		UPDATE work SET epoch = epoch + 1, owner = NULL, lease_until = NULL, failures = 0, unended = 0
		WHERE kind = ? AND key = ?`, kind, key)
	t.marked = t.marked || n > 0
	return err
}

// ScanMoment reads a time that may be NULL.
func ScanMoment(r Row) (at time.Time, err error) {
	err = r.Scan(moment{&at})
	return at, err
}

// ReleaseLeases ends the leases of an owner, or all. The claims never ended, and stay
// counted so.
func (t *Tx) ReleaseLeases(ctx context.Context, owner string) error {
	n, err := t.exec(ctx, "release the leases", `
		UPDATE work SET owner = NULL, lease_until = NULL WHERE lease_until IS NOT NULL AND (owner = ? OR ? = '')`, owner, owner)
	t.marked = t.marked || n > 0
	return err
}
