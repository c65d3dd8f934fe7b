package memory

import (
	"cmp"
	"context"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

var evidenceSchema = &schema[network.Evidence]{
	key: &index[network.Evidence]{
		unique: "evidence.kind",
		by:     func(a, b *network.Evidence) int { return cmp.Compare(a.DomainID, b.DomainID) },
		then:   func(a, b *network.Evidence) int { return cmp.Compare(a.Kind, b.Kind) },
	},
	keep: func(e *network.Evidence) { micro(&e.PositiveAt, &e.ContradictedAt) },
	rules: []rule[network.Evidence]{
		{"evidence.kind", func(e *network.Evidence) bool {
			return oneOf(e.Kind, network.EvidenceOwnership, network.EvidenceResolves, network.EvidenceNonce)
		}},
	},
	refers: func(t *tx, e *network.Evidence) error { return t.hasDomain(e.TenantID, e.DomainID) },
}

// PutEvidence inserts or replaces one piece of evidence.
func (t *tx) PutEvidence(_ context.Context, e network.Evidence) error { return t.evidence.put(t, e) }

// GetEvidence returns the evidence of a kind, the zero value when there is none.
func (t *tx) GetEvidence(_ context.Context, domain id.Domain, kind network.EvidenceKind) (network.Evidence, error) {
	e, _ := t.evidence.get(network.Evidence{DomainID: domain, Kind: kind})
	return e, nil
}
