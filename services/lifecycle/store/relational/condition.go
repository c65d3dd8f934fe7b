package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/condition"
)

// Conditions returns an object's conditions, ordered by type.
func (t *Tx) Conditions(ctx context.Context, objectID string) ([]condition.Condition, error) {
	return all(ctx, t, "read the conditions", scanCondition, `
		SELECT object_id, type, status, reason, message, evidence, actor, fix, since, trace_id FROM condition
		WHERE object_id = ? ORDER BY type`, objectID)
}

func scanCondition(r Row) (c condition.Condition, err error) {
	err = r.Scan(&c.ObjectID, &c.Type, &c.Status, &c.Reason, &c.Message, items{&c.Evidence},
		&c.Actor, items{&c.Fix}, moment{&c.Since}, &c.TraceID)
	return c, err
}

// PutCondition inserts or replaces one condition. The row belongs to its
// object's tenant.
func (t *Tx) PutCondition(ctx context.Context, c condition.Condition) error {
	n, err := t.exec(ctx, "put the condition", `
		INSERT INTO condition (object_id, type, tenant_id, status, reason, message, evidence, actor, fix, since, trace_id)
		SELECT o.id, ?, o.tenant_id, ?, ?, ?, ?, ?, ?, ?, ?
		FROM (SELECT id, tenant_id FROM site WHERE id = ? UNION ALL SELECT id, tenant_id FROM domain WHERE id = ?) o
		WHERE true
		ON CONFLICT (object_id, type) DO UPDATE SET status = excluded.status, reason = excluded.reason,
			message = excluded.message, evidence = excluded.evidence, actor = excluded.actor, fix = excluded.fix,
			since = excluded.since, trace_id = excluded.trace_id`,
		c.Type, c.Status, c.Reason, c.Message, list(c.Evidence), c.Actor, list(c.Fix), stamp(c.Since), c.TraceID,
		c.ObjectID, c.ObjectID)
	if err == nil && n == 0 {
		return &lifecycle.NotFoundError{Kind: "site or domain", ID: c.ObjectID}
	}
	return err
}
