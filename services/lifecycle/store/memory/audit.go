package memory

import (
	"cmp"
	"context"
	"math"

	"github.com/siteplane/siteplane/services/lifecycle/admin"
)

var auditSchema = &schema[admin.Entry]{
	key: &index[admin.Entry]{
		unique: "audit.seq",
		then:   func(a, b *admin.Entry) int { return cmp.Compare(a.Seq, b.Seq) },
	},
	keep:   func(e *admin.Entry) { micro(&e.At) },
	number: func(e *admin.Entry, n int64) { e.Seq = n },
	rules: []rule[admin.Entry]{
		{"audit.at", func(e *admin.Entry) bool { return set(e.At) }},
		{"audit.actor", func(e *admin.Entry) bool { return e.Actor != "" }},
		{"audit.action", func(e *admin.Entry) bool { return e.Action != "" }},
	},
	refers: func(t *tx, e *admin.Entry) error {
		if e.TenantID == "" {
			return nil
		}
		return t.knows(e.TenantID)
	},
}

// AppendAudit writes an entry and numbers it. One without a tenant belongs to the
// installation.
func (t *tx) AppendAudit(_ context.Context, e admin.Entry) error { return t.audit.insert(t, e) }

// ListAudit returns entries, newest first.
func (t *tx) ListAudit(_ context.Context, page admin.AuditPage) ([]admin.Entry, error) {
	before := cmp.Or(page.Before, math.MaxInt64)
	return t.audit.list(t.audit.back(t.audit.key, admin.Entry{Seq: before - 1}), page.Limit, func(e *admin.Entry) bool {
		return (page.TenantID == "" || e.TenantID == page.TenantID) &&
			(page.ObjectID == "" || e.ObjectID == page.ObjectID) &&
			(page.Actor == "" || e.Actor == page.Actor)
	}), nil
}
