package relational

import (
	"context"

	"github.com/siteplane/siteplane/services/lifecycle"
	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// PutEvidence inserts or replaces one piece of evidence.
func (t *Tx) PutEvidence(ctx context.Context, e network.Evidence) error {
	err := t.later(ctx, "put the evidence", `
		INSERT INTO evidence (domain_id, kind, tenant_id, positive_at, contradicted_at, detail, trace_id)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (domain_id, kind) DO UPDATE SET tenant_id = excluded.tenant_id,
			positive_at = excluded.positive_at, contradicted_at = excluded.contradicted_at,
			detail = excluded.detail, trace_id = excluded.trace_id`,
		e.DomainID, e.Kind, e.TenantID, stamp(e.PositiveAt), stamp(e.ContradictedAt), e.Detail, e.TraceID)
	if breaks(err, ForeignKey) {
		return &lifecycle.NotFoundError{Kind: "domain", ID: string(e.DomainID)}
	}
	return err
}

// GetEvidence returns the evidence of a kind, the zero value when there is none.
func (t *Tx) GetEvidence(ctx context.Context, domain id.Domain, kind network.EvidenceKind) (network.Evidence, error) {
	e, _, err := one(ctx, t, "read the evidence", scanEvidence, `
		SELECT domain_id, kind, tenant_id, positive_at, contradicted_at, detail, trace_id FROM evidence
		WHERE domain_id = ? AND kind = ?`, domain, kind)
	return e, err
}

func scanEvidence(r Row) (e network.Evidence, err error) {
	err = r.Scan(&e.DomainID, &e.Kind, &e.TenantID, moment{&e.PositiveAt}, moment{&e.ContradictedAt}, &e.Detail, &e.TraceID)
	return e, err
}
