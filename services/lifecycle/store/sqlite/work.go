package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/store/relational"
	"github.com/siteplane/siteplane/services/lifecycle/worker"
)

// MarkWork makes an object due. A mark during a lease is noted apart: what is
// claimed stays due until the claim is answered.
func (t *tx) MarkWork(ctx context.Context, m worker.Mark) error {
	var tenant any
	if m.TenantID != "" {
		tenant = m.TenantID
	}
	_, err := t.conn.Exec(ctx, `
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
		[]any{m.Kind, m.Key, tenant, m.TraceParent, relational.Stamp(m.DueAt)})
	if breaks(err, relational.ForeignKey) {
		return &lifecycle.NotFoundError{Kind: "tenant", ID: m.TenantID}
	}
	t.marked = t.marked || err == nil
	if err != nil {
		return fmt.Errorf("mark the work: %w", err)
	}
	return nil
}

// ClaimWork leases what is due.
func (s *Store) ClaimWork(ctx context.Context, c worker.Claim) (claimed []worker.Work, next time.Time, err error) {
	err = s.update(ctx, func(t *tx) (err error) {
		if claimed, err = relational.Claim(ctx, t.conn, c, s.clock()); err != nil {
			return err
		}
		next, err = relational.Next(ctx, t.conn, c.Full)
		return err
	})
	return claimed, next, err
}

// NextDue returns when the next row is due or its lease ends.
func (t *tx) NextDue(ctx context.Context) (at time.Time, ok bool, err error) {
	at, err = relational.Next(ctx, t.conn, nil)
	return at, !at.IsZero(), err
}

// DueAt returns when an object is due next.
func (t *tx) DueAt(ctx context.Context, kind worker.Kind, key string) (at time.Time, ok bool, err error) {
	return relational.One(ctx, t.conn, "read the due time", relational.ScanMoment,
		`SELECT due_at FROM work WHERE kind = ? AND key = ? AND wanted_seq > done_seq`, kind, key)
}
