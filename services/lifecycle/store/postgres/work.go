package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// MarkWork inserts a mark, which the next claim folds into the object's row.
func (t *tx) MarkWork(ctx context.Context, m worker.Mark) error {
	var tenant any
	if m.TenantID != "" {
		tenant = m.TenantID
	}
	err := t.conn.Later(ctx, `INSERT INTO mark (kind, key, tenant_id, trace_parent, due_at) VALUES (?, ?, ?, ?, ?)`,
		[]any{m.Kind, m.Key, tenant, m.TraceParent, relational.Stamp(m.DueAt)})
	var broken *relational.BrokenError
	if errors.As(err, &broken) && broken.Constraint == relational.ForeignKey {
		return &lifecycle.NotFoundError{Kind: "tenant", ID: m.TenantID}
	}
	if err != nil {
		return fmt.Errorf("mark the work: %w", err)
	}
	t.marked = true
	return nil
}

// folded bounds the marks that one claim folds.
const folded = 2000

// fold puts marks into the rows of their objects, in the order of the rows, so that two
// that fold never wait for each other in a circle. A mark during a lease is noted apart:
// what is claimed stays due until the claim is answered.
func fold(which string) string {
	return `
		WITH taken AS (
			DELETE FROM mark WHERE ` + which + ` RETURNING seq, kind, key, tenant_id, trace_parent, due_at
		)
		INSERT INTO work (kind, key, tenant_id, trace_parent, due_at,
			again_at, wanted_seq, done_seq, owner, lease_until, epoch)
		SELECT kind, key, max(tenant_id), coalesce((array_agg(trace_parent ORDER BY seq DESC) FILTER (WHERE trace_parent <> ''))[1], ''),
			min(due_at), NULL, count(*), 0, NULL, NULL, 0
		FROM taken GROUP BY kind, key ORDER BY kind, key
		ON CONFLICT (kind, key) DO UPDATE SET
			trace_parent = coalesce(nullif(excluded.trace_parent, ''), work.trace_parent),
			due_at = CASE
				WHEN work.wanted_seq = work.done_seq THEN excluded.due_at
				WHEN work.lease_until IS NULL THEN least(work.due_at, excluded.due_at)
				ELSE work.due_at END,
			again_at = CASE WHEN work.lease_until IS NOT NULL
				THEN least(coalesce(work.again_at, excluded.due_at), excluded.due_at) END,
			wanted_seq = work.wanted_seq + excluded.wanted_seq`
}

var (
	foldSome = fold(`seq IN (SELECT seq FROM mark ORDER BY seq LIMIT ? FOR UPDATE SKIP LOCKED)`)
	foldOne  = fold(`kind = ? AND key = ?`)
)

// ClaimWork folds marks and leases what is due then. Replicas that claim at the same
// time pass by the rows that others are about to take.
func (s *Store) ClaimWork(ctx context.Context, c worker.Claim) (claimed []worker.Work, next time.Time, err error) {
	err = s.update(ctx, readCommitted, "", func(t *tx) error {
		if err := t.conn.Later(ctx, foldSome, []any{folded}); err != nil {
			return fmt.Errorf("fold the marks: %w", err)
		}
		if claimed, err = relational.Claim(ctx, t.conn, c, s.claimClock()); err != nil {
			return err
		}
		next, err = relational.Next(ctx, t.conn, c.Full)
		return err
	})
	return claimed, next, err
}

// FenceWork raises the epoch of an object's row, which a mark may still have to make. As
// a claim does it takes the row's strongest lock: who holds work on a snapshot from before
// is told so by it, and not by an update that leaves the key alone.
func (t *tx) FenceWork(ctx context.Context, kind worker.Kind, key string) error {
	if err := t.conn.Later(ctx, foldOne, []any{kind, key}); err != nil {
		return fmt.Errorf("fold the marks: %w", err)
	}
	if err := t.conn.Later(ctx, `SELECT 1 FROM work WHERE kind = ? AND key = ? FOR UPDATE`, []any{kind, key}); err != nil {
		return fmt.Errorf("fence the work: %w", err)
	}
	return t.Tx.FenceWork(ctx, kind, key)
}

// NextDue returns when the next row is due or its lease ends, marks included.
func (t *tx) NextDue(ctx context.Context) (at time.Time, ok bool, err error) {
	at, _, err = relational.One(ctx, t.conn, "read the next due time", relational.ScanMoment, `
		SELECT least((SELECT `+relational.Ready+` FROM work WHERE wanted_seq > done_seq ORDER BY `+relational.Ready+` LIMIT 1),
			(SELECT min(mark.due_at) FROM mark WHERE NOT EXISTS (
				SELECT 1 FROM work WHERE work.kind = mark.kind AND work.key = mark.key AND work.lease_until IS NOT NULL)))`)
	return at, !at.IsZero(), err
}

// DueAt returns when an object is due next, marks included.
func (t *tx) DueAt(ctx context.Context, kind worker.Kind, key string) (at time.Time, ok bool, err error) {
	at, _, err = relational.One(ctx, t.conn, "read the due time", relational.ScanMoment, `
		SELECT least((SELECT due_at FROM work WHERE kind = ? AND key = ? AND wanted_seq > done_seq),
			(SELECT min(due_at) FROM mark WHERE kind = ? AND key = ? AND NOT EXISTS (
				SELECT 1 FROM work WHERE work.kind = mark.kind AND work.key = mark.key AND work.lease_until IS NOT NULL)))`,
		kind, key, kind, key)
	return at, !at.IsZero(), err
}

// PurgeSite removes marks and guard, too.
func (t *tx) PurgeSite(ctx context.Context, tenant id.Tenant, siteID id.Site) error {
	if err := t.conn.Later(ctx, `
		DELETE FROM mark WHERE key = ? OR key IN (SELECT id FROM domain WHERE site_id = ?)`, []any{siteID, siteID}); err != nil {
		return fmt.Errorf("purge the site: %w", err)
	}
	if err := t.Tx.PurgeSite(ctx, tenant, siteID); err != nil {
		return err
	}
	if err := t.conn.Later(ctx, `DELETE FROM guard WHERE key = ?`, []any{siteID}); err != nil {
		return fmt.Errorf("purge the site: %w", err)
	}
	return nil
}
