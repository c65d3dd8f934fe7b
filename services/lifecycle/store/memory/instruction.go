package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/siteplane/siteplane/services/lifecycle/id"
	"github.com/siteplane/siteplane/services/lifecycle/network"
)

// instructions are those of one domain, in order.
type instructions struct {
	domain id.Domain
	tenant id.Tenant
	list   []network.Instruction
}

var instructionSchema = &schema[instructions]{
	key: &index[instructions]{
		unique: "instruction.domain_id",
		by:     func(a, b *instructions) int { return cmp.Compare(a.domain, b.domain) },
	},
	keep: func(i *instructions) { i.list = own(i.list) },
	rules: []rule[instructions]{
		{"instruction.purpose", func(all *instructions) bool {
			return !slices.ContainsFunc(all.list, func(i network.Instruction) bool {
				return !oneOf(i.Purpose, network.Keep, network.Ownership, network.Traffic, network.Preparation)
			})
		}},
	},
	refers: func(t *tx, i *instructions) error { return t.hasDomain(i.tenant, i.domain) },
}

// Instructions returns the records that a domain needs from outside, in order.
func (t *tx) Instructions(_ context.Context, domain id.Domain) ([]network.Instruction, error) {
	i, _ := t.instructions.get(instructions{domain: domain})
	return i.list, nil
}

// PutInstructions replaces a domain's instructions.
func (t *tx) PutInstructions(_ context.Context, domain network.Domain, list []network.Instruction) error {
	return t.instructions.put(t, instructions{domain: domain.ID, tenant: domain.TenantID, list: list})
}
