package relational

import (
	"context"
	"math"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
)

// AppendAudit writes an entry and numbers it. One without a tenant belongs to the
// installation.
func (t *Tx) AppendAudit(ctx context.Context, e admin.Entry) error {
	err := t.later(ctx, "append to the audit", `
		INSERT INTO audit (tenant_id, actor, address, action, object_id, before, after, trace_id, request_id, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		optional(e.TenantID), e.Actor, e.Address, e.Action, e.ObjectID, e.Before, e.After,
		e.TraceID, e.RequestID, stamp(e.At))
	if breaks(err, ForeignKey) {
		return missingTenant(e.TenantID)
	}
	return err
}

// ListAudit returns entries, newest first.
func (t *Tx) ListAudit(ctx context.Context, page admin.AuditPage) ([]admin.Entry, error) {
	before := page.Before
	if before == 0 {
		before = math.MaxInt64
	}
	q := where(`
		SELECT seq, coalesce(tenant_id, ''), actor, address, action, object_id, before, after, trace_id, request_id, at
		FROM audit WHERE seq < ?`, before)
	if page.TenantID != "" {
		q.and(`tenant_id = ?`, page.TenantID)
	}
	if page.ObjectID != "" {
		q.and(`object_id = ?`, page.ObjectID)
	}
	if page.Actor != "" {
		q.and(`actor = ?`, page.Actor)
	}
	return all(ctx, t, "list the audit", scanAudit, q.end(` ORDER BY seq DESC`, page.Limit), q.args...)
}

func scanAudit(r Row) (e admin.Entry, err error) {
	err = r.Scan(&e.Seq, &e.TenantID, &e.Actor, &e.Address, &e.Action, &e.ObjectID, &e.Before, &e.After,
		&e.TraceID, &e.RequestID, moment{&e.At})
	return e, err
}
