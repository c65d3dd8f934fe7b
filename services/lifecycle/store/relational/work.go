package relational

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// Ready is when a row may be claimed: when it is due or, while it is leased, when
// the lease ends.
const Ready = `coalesce(lease_until, due_at)`

// Claim leases what is due and takes the noted traces; now is the database's time, or
// zero for a database that has a clock of its own. A lease that ran out is due since
// it did.
func Claim(ctx context.Context, on Conn, c worker.Claim, now time.Time) (claimed []worker.Work, err error) {
	share := shares{most: c.Share, taken: map[string]int{}, full: slices.Clone(c.Full)}
	if share.most == 0 {
		share.most = c.Limit
	}
	for len(claimed) < c.Limit {
		limit := c.Limit - len(claimed)
		due, err := dueWork(ctx, on, share.full, now, limit)
		if err != nil {
			return nil, err
		}
		chosen := share.take(due)
		if err := lease(ctx, on, c, now, chosen); err != nil {
			return nil, err
		}
		claimed = append(claimed, chosen...)
		if len(due) < limit || len(chosen) == len(due) {
			break
		}
	}
	return claimed, nil
}

// shares says how much of each tenant a claim may take.
type shares struct {
	most  int
	taken map[string]int
	full  []string
}

// take returns the work that is within the shares of its tenants.
func (s *shares) take(due []worker.Work) (chosen []worker.Work) {
	for _, w := range due {
		if w.TenantID != "" {
			if s.taken[w.TenantID] == s.most {
				continue
			}
			if s.taken[w.TenantID]++; s.taken[w.TenantID] == s.most {
				s.full = append(s.full, w.TenantID)
			}
		}
		chosen = append(chosen, w)
	}
	return chosen
}

// dueWork returns what is due longest, without the work of some tenants and what others
// are about to claim.
func dueWork(ctx context.Context, on Conn, without []string, now time.Time, limit int) ([]worker.Work, error) {
	others, args := notOf(without)
	return All(ctx, on, "read the due work", scanWork, `
		SELECT kind, key, coalesce(tenant_id, ''), trace_parent, wanted_seq, epoch + 1, failures, unended + 1 FROM work
		WHERE wanted_seq > done_seq AND `+Ready+` <= ?clock`+others+`
		ORDER BY `+Ready+` LIMIT ? FOR UPDATE SKIP LOCKED`, slices.Concat([]any{stamp(now)}, args, []any{limit})...)
}

// lease leases rows that nobody else claims.
func lease(ctx context.Context, on Conn, c worker.Claim, now time.Time, work []worker.Work) error {
	if len(work) == 0 {
		return nil
	}
	keys, names := make(Texts, len(work)), make(Texts, len(work))
	for i, w := range work {
		keys[i], names[i] = w.Key, string(w.Kind)+"/"+w.Key
	}
	if err := on.Later(ctx, `
		UPDATE work SET owner = ?, lease_until = ?clock + ?micros, epoch = epoch + 1, unended = unended + 1,
			again_at = NULL, trace_parent = ''
		WHERE key IN (?texts) AND kind || '/' || key IN (?texts)`,
		[]any{c.Owner, stamp(now), c.Lease.Microseconds(), keys, names}); err != nil {
		return fmt.Errorf("claim the work: %w", err)
	}
	return nil
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
